package amqpserver

import (
	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
)

// Receiver is the server's end of a link over which a client sends.
type Receiver struct {
	Link
	receive Receive

	// Guarded by the connection's mu.
	settleMode    uint8
	maxMessage    uint64 // bytes; 0: any
	credit        uint32 // messages that the client may still begin
	inUse         uint32 // begun ones that are not settled and done with
	deliveryCount uint32
	partial       *Delivery // of which more is to come
}

// maxTag is the longest delivery-tag (OASIS part 2, 2.8.7).
const maxTag = 32

// transfer counts a frame against the session's window and hands it to its link.
func (s *session) transfer(t *amqp.Transfer, payload []byte) error {
	c := s.conn
	c.mu.Lock()
	exhausted := s.incomingWindow == 0
	s.incomingWindow--
	s.nextIncoming++
	l := s.links[t.Handle]
	attached := l != nil && l.state == linkAttached
	c.mu.Unlock()
	switch {
	case exhausted:
		return s.end(amqp.Errorf(amqp.WindowViolation, "a transfer beyond the incoming-window"))
	case l == nil:
		return s.end(amqp.Errorf(amqp.UnattachedHandle, "a transfer on handle %d, which has no link", t.Handle))
	case !attached: // detached from here, and the client does not know yet
	case l.receiver == nil:
		l.Detach(amqp.Errorf(amqp.NotAllowed, "a transfer on a link over which the server sends"))
	default:
		if err := l.receiver.transfer(t, payload); err != nil {
			return err
		}
	}
	c.mu.Lock()
	low := !s.closed && s.incomingWindow <= s.fullWindow/2
	c.mu.Unlock()
	if low {
		return s.sendFlow(nil)
	}
	return nil
}

// transfer takes one frame of a message, and hands on the message that it completes.
func (r *Receiver) transfer(t *amqp.Transfer, payload []byte) error {
	c := r.Conn()
	c.mu.Lock()
	d, why := r.delivery(t)
	if why == nil {
		why = d.add(t, payload)
	}
	flooded := c.held > c.server.options.MaxHeld
	complete := why == nil && !t.More && !t.Aborted
	switch {
	case complete:
		r.partial = nil
		if !d.over {
			r.session.remember(d)
		}
	case why == nil && t.Aborted: // which settles it [OASIS part 2, 2.7.5]
		r.partial = nil
		d.over = true
		d.finish()
	}
	c.mu.Unlock()
	switch {
	case why != nil:
		r.Detach(why)
		return nil
	case flooded:
		return amqp.Errorf(amqp.ResourceLimitExceeded, "more than %d bytes of messages are not settled", c.server.options.MaxHeld)
	case complete:
		return d.arrive()
	}
	return r.grant()
}

// delivery is the one that a transfer belongs to: that of which more is to come, or a new
// one. mu is held.
func (r *Receiver) delivery(t *amqp.Transfer) (*Delivery, *amqp.Error) {
	if d := r.partial; d != nil {
		if t.DeliveryID.Set && t.DeliveryID.V != d.id {
			return nil, amqp.Errorf(amqp.InvalidField, "delivery-id %d before %d is complete", t.DeliveryID.V, d.id)
		}
		return d, nil
	}
	switch {
	case !t.DeliveryID.Set, t.DeliveryTag == nil:
		return nil, amqp.Errorf(amqp.InvalidField, "a delivery without delivery-id or delivery-tag")
	case len(t.DeliveryTag) > maxTag:
		return nil, amqp.Errorf(amqp.InvalidField, "a delivery-tag of %d bytes; %d are allowed", len(t.DeliveryTag), maxTag)
	case r.session.incoming[t.DeliveryID.V] != nil:
		return nil, amqp.Errorf(amqp.InvalidField, "delivery-id %d is not settled yet", t.DeliveryID.V)
	case t.Resume:
		return nil, amqp.Errorf(amqp.NotImplemented, "deliveries are not resumed here")
	case r.credit > 0:
		r.credit--
	case !r.Conn().limits.AnyCredit:
		return nil, amqp.Errorf(amqp.TransferLimitExceeded, "a message beyond the credit")
	}
	r.deliveryCount++
	r.inUse++
	d := &Delivery{Tag: t.DeliveryTag, Format: t.MessageFormat.V, receiver: r, id: t.DeliveryID.V, uses: 1}
	d.second = r.settleMode == amqp.ReceiverSecond
	if t.ReceiverSettleMode.Set {
		d.second = t.ReceiverSettleMode.V == amqp.ReceiverSecond
	}
	r.partial = d
	return d, nil
}

// add takes a frame's part of the message. mu is held.
func (d *Delivery) add(t *amqp.Transfer, payload []byte) *amqp.Error {
	r := d.receiver
	d.over = d.over || t.Settled.V
	if t.Aborted {
		return nil
	}
	if r.maxMessage > 0 && uint64(len(d.payload)+len(payload)) > r.maxMessage {
		return amqp.Errorf(amqp.MessageSizeExceeded, "a message of more than %d bytes", r.maxMessage)
	}
	r.Conn().held += len(payload)
	if d.payload == nil {
		d.payload = payload // most messages are one frame
	} else {
		d.payload = append(d.payload, payload...) // [DPS-AMQP-050]
	}
	return nil
}

// grant gives the client credit again, once half of what Options.Credit allows is unused.
func (r *Receiver) grant() error {
	c := r.Conn()
	c.mu.Lock()
	window := c.server.options.Credit
	unused := int64(window) - int64(r.inUse) - int64(r.credit)
	// [DPS-AMQP-016]
	due := r.state == linkAttached && unused >= max(1, int64(window)/2)
	if due {
		r.credit += uint32(unused)
	}
	grant := CreditGrant{Address: r.address, Credit: r.credit}
	c.mu.Unlock()
	if !due {
		return nil
	}
	given := grant.Credit
	Credit.Hit(c.ctx, c.points(), r.At(StepAttach), &grant)
	if grant.Credit != given {
		c.mu.Lock()
		r.credit = grant.Credit
		c.mu.Unlock()
	}
	if grant.Drop {
		return nil
	}
	return r.session.sendFlow(&r.Link)
}
