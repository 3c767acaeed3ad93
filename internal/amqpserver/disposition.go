package amqpserver

import (
	"math"

	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
)

// disposition takes what the client says of a range of deliveries (OASIS part 2, 2.6.12):
// of those it got, as a receiver, or of those it sent.
func (s *session) disposition(p *amqp.Disposition) error {
	last := p.First
	if p.Last.Set {
		last = p.Last.V
	}
	span := last - p.First
	if span > math.MaxInt32 {
		return s.end(amqp.Errorf(amqp.InvalidField, "a disposition from %d to %d", p.First, last))
	}
	if p.Role == amqp.Sender {
		return s.settledByClient(p.First, span, p.Settled)
	}
	return s.judged(p, span)
}

// judged takes outcomes of messages that the server sent. Where the client wants to settle
// second, it is told that the server has.
func (s *session) judged(p *amqp.Disposition, span uint32) error {
	if !p.Settled && !amqp.IsOutcome(p.State) {
		return nil // on the way
	}
	s.conn.mu.Lock()
	some := false
	for id, sent := range within(s.unsettled, p.First, span) {
		some = true
		delete(s.unsettled, id)
		sent.complete(p.State, nil)
	}
	s.wake()
	s.conn.mu.Unlock()
	if !some || p.Settled {
		return nil
	}
	return s.conn.send(s.out, &amqp.Disposition{Role: amqp.Sender, First: p.First, Last: p.Last, Settled: true, State: p.State})
}

// settledByClient takes settlements of messages that the client sent.
func (s *session) settledByClient(first, span uint32, settled bool) error {
	if !settled {
		return nil
	}
	s.conn.mu.Lock()
	var receivers []*Receiver
	for id, d := range within(s.incoming, first, span) {
		delete(s.incoming, id)
		d.clientDone()
		receivers = append(receivers, d.receiver)
	}
	s.conn.mu.Unlock()
	for _, r := range receivers {
		if err := r.grant(); err != nil {
			return err
		}
	}
	return nil
}

// within yields what m holds from first on, over a span that may be far larger than m.
func within[T any](m map[uint32]T, first, span uint32) func(yield func(uint32, T) bool) {
	return func(yield func(uint32, T) bool) {
		if uint64(span) < uint64(len(m)) {
			for i := uint32(0); i <= span; i++ {
				if v, ok := m[first+i]; ok && !yield(first+i, v) {
					return
				}
			}
			return
		}
		for id, v := range m {
			if id-first <= span && !yield(id, v) {
				return
			}
		}
	}
}
