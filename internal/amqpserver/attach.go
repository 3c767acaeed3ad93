package amqpserver

import (
	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
)

// attach answers a client's attach (OASIS part 2, 2.6.3). A refused one gets an attach
// without the terminus at the server's end, and a detach with the reason.
func (s *session) attach(asked *amqp.Attach) error {
	l, older, violation, fatal := s.take(asked)
	switch {
	case fatal != nil:
		return fatal
	case violation != nil:
		return s.end(violation)
	case older != nil:
		older.Detach(amqp.Errorf(amqp.Stolen, "the link was attached again"))
	}
	reply := AttachReply{Asked: asked, Attach: l.echo(asked)}
	accepted := false
	if asked.Coordinator {
		reply.Error = amqp.Errorf(amqp.NotImplemented, "there are no transactions here")
	} else {
		reply.Error = l.decide(asked, &reply.Attach)
		accepted = reply.Error == nil
	}
	l.agree(asked, &reply.Attach)
	Attach.Hit(s.conn.ctx, s.conn.points(), l.At(StepAttach), &reply)
	if reply.Error != nil {
		return l.refuse(reply, accepted)
	}
	if reply.Drop {
		return nil
	}
	if err := s.conn.send(s.out, &reply.Attach); err != nil {
		return err
	}
	return l.begin()
}

// take finds a place for a new link. A link of the same name and role that is attached is
// returned as older. A violation ends the session, a fatal one the connection.
func (s *session) take(asked *amqp.Attach) (l, older *Link, violation, fatal *amqp.Error) {
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if highest := c.server.options.HandleMax; asked.Handle > highest {
		return nil, nil, nil, amqp.Errorf(amqp.FramingError, "handle %d is above the handle-max of %d", asked.Handle, highest)
	}
	for _, other := range s.links {
		if other.name == asked.Name && other.role != asked.Role && other.state == linkAttached {
			older = other
		}
	}
	out, free := number(asked.Handle, s.handleMax, func(n uint32) bool {
		for _, other := range s.links {
			if other.out == n {
				return true
			}
		}
		return false
	})
	switch {
	case s.links[asked.Handle] != nil:
		return nil, nil, amqp.Errorf(amqp.HandleInUse, "handle %d has a link", asked.Handle), nil
	case !free:
		return nil, nil, amqp.Errorf(amqp.ResourceLimitExceeded, "no handle below the client's handle-max of %d is free", s.handleMax), nil
	case c.links == c.server.options.MaxLinks:
		return nil, nil, amqp.Errorf(amqp.ResourceLimitExceeded, "more than %d links on a connection", c.server.options.MaxLinks), nil
	}
	base := Link{session: s, handle: asked.Handle, out: out, role: !asked.Role, name: asked.Name}
	if asked.Role == amqp.Sender {
		r := &Receiver{Link: base}
		l, r.receiver = &r.Link, r
	} else {
		sender := &Sender{Link: base, turn: make(chan struct{}, 1)}
		l, sender.sender = &sender.Link, sender
	}
	if s.links == nil {
		s.links = map[uint32]*Link{}
	}
	s.links[l.handle] = l
	c.links++
	l.setAddress(asked)
	return l, older, nil, nil
}

// setAddress takes the address from an attach. mu is held.
func (l *Link) setAddress(a *amqp.Attach) {
	switch {
	case l.role == amqp.Receiver && a.Target != nil:
		l.address = a.Target.Address
	case l.role == amqp.Sender && a.Source != nil:
		l.address = a.Source.Address
	}
}

// echo is the answer that agrees to everything. [DPS-AMQP-010]
func (l *Link) echo(asked *amqp.Attach) amqp.Attach {
	reply := amqp.Attach{
		Name: l.name, Handle: l.out, Role: l.role,
		SenderSettleMode: asked.SenderSettleMode, ReceiverSettleMode: asked.ReceiverSettleMode,
	}
	if asked.Source != nil {
		source := *asked.Source
		reply.Source = &source
	}
	if asked.Target != nil {
		target := *asked.Target
		reply.Target = &target
	}
	if l.role == amqp.Sender {
		reply.InitialDeliveryCount = amqp.Some(uint32(0))
	} else {
		reply.MaxMessageSize = l.Conn().server.options.MaxMessage
	}
	return reply
}

// decide asks the handler.
func (l *Link) decide(asked, reply *amqp.Attach) (refused *amqp.Error) {
	c := l.Conn()
	if l.sender != nil {
		return c.server.handler.Outgoing(c.ctx, l.sender, asked, reply)
	}
	l.receiver.receive, refused = c.server.handler.Incoming(c.ctx, l.receiver, asked, reply)
	return refused
}

// agree makes the link what both attaches say.
func (l *Link) agree(asked, reply *amqp.Attach) {
	c := l.Conn()
	c.mu.Lock()
	defer c.mu.Unlock()
	l.setAddress(reply) // a dynamic node has got one
	if s := l.sender; s != nil {
		s.settleMode = reply.SenderSettleMode
		s.deliveryCount = reply.InitialDeliveryCount.V
		s.maxMessage = asked.MaxMessageSize
		return
	}
	r := l.receiver
	r.settleMode = reply.ReceiverSettleMode
	r.deliveryCount = asked.InitialDeliveryCount.V
	if r.maxMessage = reply.MaxMessageSize; r.maxMessage == c.server.options.MaxMessage {
		r.maxMessage = c.limits.MaxMessage
	}
}

func (l *Link) withoutTerminus(reply *amqp.Attach) {
	if l.role == amqp.Receiver {
		reply.Target = nil
	} else {
		reply.Source = nil
	}
}

func (l *Link) refuse(reply AttachReply, accepted bool) error {
	c := l.Conn()
	l.withoutTerminus(&reply.Attach)
	c.mu.Lock()
	then := l.ends
	l.ends = nil
	l.state = linkDetached
	c.mu.Unlock()
	if accepted {
		for _, f := range then {
			f()
		}
	}
	if !reply.Drop {
		if err := c.send(l.session.out, &reply.Attach); err != nil {
			return err
		}
	}
	return l.sendDetach(true, reply.Error)
}

// begin starts a link whose attach was answered.
func (l *Link) begin() error {
	c := l.Conn()
	c.mu.Lock()
	unwanted := l.unwanted
	if l.state == linkAttaching {
		l.state = linkAttached
	}
	c.mu.Unlock()
	if unwanted != nil {
		l.Detach(unwanted)
		return nil
	}
	if l.receiver != nil {
		return l.receiver.grant() // [DPS-AMQP-015]
	}
	return nil
}
