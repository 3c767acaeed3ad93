package amqpserver

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
)

// Sender is the server's end of a link over which a client receives.
type Sender struct {
	Link
	turn chan struct{} // full while a message is being sent

	// Guarded by the connection's mu.
	settleMode    uint8
	maxMessage    uint64 // bytes; 0: any
	credit        uint32
	deliveryCount uint32
	drain         bool // as the client last said
	draining      bool // and it has not been told that it is done
	sending       int  // calls of Send that are not done
	lastTag       uint64
}

// SendOptions say how a message is sent.
type SendOptions struct {
	// Tag is the delivery-tag, at most 32 bytes; nil counts.
	Tag    []byte
	Format uint32 // message-format
	// Settled wants no outcome. The link's settle mode may know better: a client that asked
	// for settled messages gets no others, and one that asked for unsettled ones likewise.
	Settled bool
}

// Send sends a message, once the client has given credit for it, and returns when it was
// written. The message belongs to Send: a plan may bend it.
func (s *Sender) Send(ctx context.Context, m *amqp.Message, o SendOptions) (*Sent, error) {
	c := s.Conn()
	c.mu.Lock()
	switch s.settleMode {
	case amqp.SenderSettled:
		o.Settled = true
	case amqp.SenderUnsettled:
		o.Settled = false
	}
	address, maxMessage := s.address, s.maxMessage
	c.mu.Unlock()
	out := OutgoingMessage{Address: address, Message: m, Tag: o.Tag, Format: o.Format, Settled: o.Settled, FrameSize: c.maxFrame}
	Outgoing.Hit(ctx, c.points(), s.At(StepDeliver), &out)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if out.Drop {
		return newSent(s, out.Settled), nil
	}
	payload, err := out.Message.Append(nil)
	if err != nil {
		return nil, fmt.Errorf("encode the message: %w", err)
	}
	if maxMessage > 0 && uint64(len(payload)) > maxMessage {
		return nil, fmt.Errorf("a message of %d bytes is larger than the %d that the client takes", len(payload), maxMessage)
	}
	sent, err := s.sendWhole(ctx, out, payload)
	if err == nil && out.Duplicate {
		out.Tag = nil
		_, err = s.sendWhole(ctx, out, payload)
	}
	return sent, err
}

// sendWhole sends all frames of a message, when it is its turn on the link.
func (s *Sender) sendWhole(ctx context.Context, out OutgoingMessage, payload []byte) (*Sent, error) {
	c := s.Conn()
	c.mu.Lock()
	s.sending++
	c.mu.Unlock()
	defer s.drained()
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	sent := newSent(s, out.Settled)
	for first := true; first || len(payload) > 0; first = false {
		n, err := s.sendFrame(ctx, sent, out, payload, first)
		if err != nil {
			if !first { // half a message is out, and there is no room to take it back
				s.Detach(amqp.Errorf(amqp.DetachForced, "a message was given up half-way"))
			}
			return nil, err
		}
		payload = payload[n:]
	}
	return sent, nil
}

// sendFrame waits until it may send a frame of the message, sends it, and returns how much
// of the payload went with it.
func (s *Sender) sendFrame(ctx context.Context, sent *Sent, out OutgoingMessage, payload []byte, first bool) (int, error) {
	c := s.Conn()
	for {
		c.writing.Lock()
		c.mu.Lock()
		if s.state == linkDetached || s.state == linkGone {
			c.mu.Unlock()
			c.writing.Unlock()
			return 0, ErrDetached
		}
		if s.ready(sent, first) {
			t := s.next(sent, out, first)
			c.mu.Unlock()
			n, err := s.writeFrame(t, payload, out.FrameSize)
			c.writing.Unlock()
			return n, err
		}
		changed := s.session.waiting()
		c.mu.Unlock()
		c.writing.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// maxUnsettled bounds the messages of a session that a client may leave unsettled before it
// gets no more.
const maxUnsettled = 4096

// ready reports whether credit and windows allow a frame. mu is held.
func (s *Sender) ready(sent *Sent, first bool) bool {
	if s.state != linkAttached || s.session.outgoingWindow == 0 {
		return false
	}
	return !first || s.credit > 0 && (sent.settled || len(s.session.unsettled) < maxUnsettled)
}

// next is the next transfer of the message; it takes its numbers, the credit and a place in
// the window. mu is held, and writing, so that numbers are on the wire in their order.
func (s *Sender) next(sent *Sent, out OutgoingMessage, first bool) *amqp.Transfer {
	ses := s.session
	ses.nextOutgoing++
	ses.outgoingWindow--
	t := &amqp.Transfer{Handle: s.Link.out}
	if first {
		s.credit--
		s.deliveryCount++
		sent.id = ses.nextDelivery
		ses.nextDelivery++
		if t.DeliveryTag = out.Tag; t.DeliveryTag == nil {
			s.lastTag++
			t.DeliveryTag = binary.BigEndian.AppendUint64(nil, s.lastTag)
		}
		t.MessageFormat = amqp.Some(out.Format)
		if sent.settled {
			t.Settled = amqp.Some(true)
		} else {
			if ses.unsettled == nil {
				ses.unsettled = map[uint32]*Sent{}
			}
			ses.unsettled[sent.id] = sent
		}
	}
	t.DeliveryID = amqp.Some(sent.id)
	return t
}

// writeFrame writes a transfer with as much of the payload as fits, and behind the last one
// of a message what a fault held back for it. writing is held.
func (s *Sender) writeFrame(t *amqp.Transfer, payload []byte, size uint32) (int, error) {
	c := s.Conn()
	frame := amqp.Frame{Channel: s.session.out, Performative: t}
	t.More = true // which makes it no shorter than it can be
	empty, err := frame.Append(nil)
	if err != nil {
		return 0, err
	}
	n := min(len(payload), max(int(size)-len(empty), 1)) // [DPS-AMQP-049]
	t.More = n < len(payload)
	frame.Payload = payload[:n]
	if err := c.writeMax(frame, max(size, uint32(len(empty)+n))); err != nil || t.More {
		return n, err
	}
	late := c.late
	c.late = nil
	for _, l := range late {
		if err := c.write(amqp.Frame{Channel: l.channel, Performative: l.frame}); err != nil {
			return n, err
		}
	}
	return n, nil
}

// drained ends a call of Send, and tells a client that drains when that was what it waited
// for (OASIS part 2, 2.6.7).
func (s *Sender) drained() {
	c := s.Conn()
	c.mu.Lock()
	s.sending--
	tell := s.useUp()
	c.mu.Unlock()
	if tell {
		s.session.sendFlow(&s.Link)
	}
}

// useUp gives back credit that a client drains and for which there is no message, and
// reports whether it is to be told. mu is held.
func (s *Sender) useUp() (tell bool) {
	if !s.draining || s.sending > 0 && s.credit > 0 {
		return false
	}
	s.deliveryCount += s.credit
	s.credit = 0
	s.draining = false
	return true
}
