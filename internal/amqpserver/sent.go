package amqpserver

import (
	"context"

	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
)

// Sent is a message that was sent to a client.
type Sent struct {
	sender  *Sender
	settled bool // it was sent so
	id      uint32

	done  chan struct{} // closed when state and err stand; nil for a settled one
	state amqp.State
	err   error
}

func newSent(s *Sender, settled bool) *Sent {
	sent := &Sent{sender: s, settled: settled}
	if !settled {
		sent.done = make(chan struct{})
	}
	return sent
}

// Outcome waits for what the client makes of the message: an outcome, or nil when it was
// sent settled or the client settled it without one. It returns ErrDetached when the link
// ends before, and the error of ctx when that ends before.
func (s *Sent) Outcome(ctx context.Context) (amqp.State, error) {
	if s.done == nil {
		return nil, nil
	}
	select {
	case <-s.done:
		return s.state, s.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Forget settles the message without waiting for the client any longer, whose outcome then
// comes too late; Outcome returns nil.
func (s *Sent) Forget() error {
	ses := s.sender.session
	c := ses.conn
	c.mu.Lock()
	waiting := ses.unsettled[s.id] == s
	if waiting {
		delete(ses.unsettled, s.id)
		s.complete(nil, nil)
		ses.wake()
	}
	c.mu.Unlock()
	if !waiting {
		return nil
	}
	return c.send(ses.out, &amqp.Disposition{Role: amqp.Sender, First: s.id, Settled: true})
}

// complete says what became of the message. It is called once, with mu held.
func (s *Sent) complete(state amqp.State, err error) {
	s.state, s.err = state, err
	close(s.done)
}
