package amqpserver

import (
	"math"

	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
)

// flow takes what the client says of its windows and of a link's credit (OASIS part 2,
// 2.5.6 and 2.6.7).
func (s *session) flow(f *amqp.Flow) error {
	c := s.conn
	c.mu.Lock()
	s.outgoingWindow = s.window(f)
	var l *Link
	echo, unattached := f.Echo, false
	if f.Handle.Set {
		l = s.links[f.Handle.V]
		unattached = l == nil
		if l != nil && l.state != linkAttached { // the client does not know yet
			l, echo = nil, false
		}
	}
	if l != nil && l.sender != nil {
		echo = l.sender.flow(f) || echo
	}
	s.wake()
	c.mu.Unlock()
	switch {
	case unattached:
		return s.end(amqp.Errorf(amqp.UnattachedHandle, "a flow for handle %d, which has no link", f.Handle.V))
	case echo:
		return s.sendFlow(l)
	}
	return nil
}

// window is how many transfers the client can take, counted from the server's next one.
// mu is held.
func (s *session) window(f *amqp.Flow) uint32 {
	next := s.firstOutgoing // until the client has seen the begin
	if f.NextIncomingID.Set {
		next = f.NextIncomingID.V
	}
	return remaining(next, f.IncomingWindow, s.nextOutgoing)
}

// remaining is how much of an allowance counted from one serial number is left at another
// (RFC 1982); nothing when it is overdrawn.
func remaining(from, allowance, at uint32) uint32 {
	used := at - from
	switch {
	case used > math.MaxInt32: // at is before from: the client is ahead of what it was sent
		return allowance
	case used > allowance:
		return 0
	}
	return allowance - used
}

// flow takes the credit of a link, and reports whether draining it has something to tell.
// mu is held.
func (s *Sender) flow(f *amqp.Flow) (tell bool) {
	s.credit = remaining(f.DeliveryCount.V, f.LinkCredit.V, s.deliveryCount)
	if !f.DeliveryCount.Set { // the client has not seen the attach
		s.credit = f.LinkCredit.V
	}
	s.drain, s.draining = f.Drain, f.Drain
	return s.useUp()
}

// sendFlow tells the client how the session stands, and the link when it is not nil.
func (s *session) sendFlow(l *Link) error {
	c := s.conn
	c.writing.Lock()
	defer c.writing.Unlock()
	c.mu.Lock()
	if s.closed || l != nil && l.state != linkAttached {
		c.mu.Unlock()
		return nil
	}
	s.incomingWindow = s.fullWindow
	f := &amqp.Flow{
		NextIncomingID: amqp.Some(s.nextIncoming), IncomingWindow: s.incomingWindow,
		NextOutgoingID: s.nextOutgoing, OutgoingWindow: math.MaxUint32,
	}
	if l != nil {
		l.describe(f)
	}
	c.mu.Unlock()
	return c.write(amqp.Frame{Channel: s.out, Performative: f})
}

// describe puts a link's state into a flow. mu is held.
func (l *Link) describe(f *amqp.Flow) {
	f.Handle = amqp.Some(l.out)
	if r := l.receiver; r != nil {
		f.DeliveryCount, f.LinkCredit = amqp.Some(r.deliveryCount), amqp.Some(r.credit)
		return
	}
	s := l.sender
	f.DeliveryCount, f.LinkCredit = amqp.Some(s.deliveryCount), amqp.Some(s.credit)
	f.Available = amqp.Some(uint32(s.sending))
	f.Drain = s.drain
}
