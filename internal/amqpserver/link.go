package amqpserver

import (
	"errors"

	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
	"github.com/dpslab/dpslab/internal/point"
)

// Link is what the server's two kinds of link end have in common (OASIS part 2, 2.6).
type Link struct {
	session *session
	handle  uint32 // the client's
	out     uint32 // the server's
	role    amqp.Role
	name    string

	// Exactly one of these is the link.
	receiver *Receiver
	sender   *Sender

	// Guarded by the connection's mu.
	address  string
	state    linkState
	identity string
	ends     []func()
	unwanted *amqp.Error // why Detach was called while it attached
}

type linkState uint8

const (
	linkAttaching linkState = iota // the attach is not answered
	linkAttached
	linkDetached // from here; the client's detach is awaited
	linkGone
)

// ErrDetached is the error of a link that was detached, by either side.
var ErrDetached = errors.New("the amqp link is detached")

// Conn is the link's connection.
func (l *Link) Conn() *Conn { return l.session.conn }

// Name is the link's, as the client chose it: unique in its session and role only.
func (l *Link) Name() string { return l.name }

// Address is where the client wants to send to or receive from, as it wrote it.
func (l *Link) Address() string {
	l.Conn().mu.Lock()
	defer l.Conn().mu.Unlock()
	return l.address
}

// Identify says whom the link is for, on a connection that speaks for several: for
// Server.Drop and for points.
func (l *Link) Identify(identity string) {
	l.Conn().mu.Lock()
	defer l.Conn().mu.Unlock()
	l.identity = identity
}

// At describes the link to a point; its registration is the link's identity or, without
// one, the connection's.
func (l *Link) At(step string) point.At {
	at := l.Conn().At(step)
	l.Conn().mu.Lock()
	defer l.Conn().mu.Unlock()
	if l.identity != "" {
		at.Registration = l.identity
	}
	return at
}

// OnDetach has f run once when a link that was not refused ends, for whatever reason.
// It is for Handler.Incoming and Handler.Outgoing to call.
func (l *Link) OnDetach(f func()) {
	l.Conn().mu.Lock()
	defer l.Conn().mu.Unlock()
	l.ends = append(l.ends, f)
}

// Detach ends the link with an error, which may be nil. The client cannot attach it again
// where it was. On a link that has ended it does nothing.
func (l *Link) Detach(why *amqp.Error) {
	c := l.Conn()
	c.mu.Lock()
	switch l.state {
	case linkAttaching:
		if why == nil {
			why = amqp.Errorf(amqp.DetachForced, "detached while it attached")
		}
		if l.unwanted == nil {
			l.unwanted = why
		}
		c.mu.Unlock()
		return
	case linkAttached:
	default:
		c.mu.Unlock()
		return
	}
	then := l.session.letGo(l)
	l.state = linkDetached
	c.mu.Unlock()
	l.sendDetach(true, why)
	for _, f := range then {
		f()
	}
}

func (l *Link) sendDetach(closed bool, why *amqp.Error) error {
	c := l.Conn()
	frame := DetachFrame{Address: l.Address(), Closed: closed, Error: why}
	Detach.Hit(c.ctx, c.points(), l.At(StepEnd), &frame)
	if frame.Drop {
		return nil
	}
	return c.send(l.session.out, &amqp.Detach{Handle: l.out, Closed: frame.Closed, Error: frame.Error})
}

// detached takes the client's detach, and answers it unless it is an answer.
func (s *session) detached(asked *amqp.Detach) error {
	c := s.conn
	c.mu.Lock()
	l := s.links[asked.Handle]
	if l == nil {
		c.mu.Unlock()
		return s.end(amqp.Errorf(amqp.UnattachedHandle, "a detach of handle %d, which has no link", asked.Handle))
	}
	answer := l.state == linkAttached // [DPS-AMQP-056]
	then := s.release(l)
	delete(s.links, asked.Handle)
	c.mu.Unlock()
	for _, f := range then {
		f()
	}
	if answer {
		return l.sendDetach(asked.Closed, nil)
	}
	return nil
}

// release ends a link for good. mu is held; what it returns is run without.
func (s *session) release(l *Link) (then []func()) {
	if l.state < linkDetached {
		then = s.letGo(l)
	}
	l.state = linkGone
	s.conn.links--
	return then
}

// letGo settles what the link leaves behind. mu is held.
func (s *session) letGo(l *Link) (then []func()) {
	for id, d := range s.incoming {
		if d.receiver == l.receiver {
			delete(s.incoming, id)
			d.clientDone()
		}
	}
	for id, sent := range s.unsettled {
		if sent.sender == l.sender {
			delete(s.unsettled, id)
			sent.complete(nil, ErrDetached)
		}
	}
	if r := l.receiver; r != nil && r.partial != nil {
		s.conn.held -= len(r.partial.payload)
		r.partial = nil
	}
	s.wake()
	then, l.ends = l.ends, nil
	return then
}
