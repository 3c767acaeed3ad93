package amqpserver

import (
	"math"

	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
)

// session is a session that the client began (OASIS part 2, 2.5). The server begins none.
// Its fields are guarded by the connection's mu; channel and out do not change.
type session struct {
	conn    *Conn
	channel uint16 // the client's frames come on it
	out     uint16 // the server's go on it

	closed    bool   // no frame of it is acted on
	handleMax uint32 // the highest handle that the server may use

	nextIncoming   uint32 // transfer-id
	incomingWindow uint32
	fullWindow     uint32
	nextOutgoing   uint32 // transfer-id
	outgoingWindow uint32 // what the client's incoming window leaves
	firstOutgoing  uint32

	nextDelivery uint32               // delivery-id
	unsettled    map[uint32]*Sent     // by delivery-id
	incoming     map[uint32]*Delivery // by delivery-id
	links        map[uint32]*Link     // by the client's handle
	changed      chan struct{}        // closed when credit, window or unsettled change; nil when nobody waits
}

// begin answers a client's begin.
func (c *Conn) begin(channel uint16, asked *amqp.Begin) error {
	options := &c.server.options
	c.mu.Lock()
	_, used := c.sessions[channel]
	out, free := number(uint32(channel), uint32(c.channelMax), func(n uint32) bool {
		for _, s := range c.sessions {
			if s.out == uint16(n) {
				return true
			}
		}
		return false
	})
	c.mu.Unlock()
	switch {
	case channel > options.ChannelMax:
		return amqp.Errorf(amqp.FramingError, "channel %d is above the channel-max of %d", channel, options.ChannelMax)
	case used:
		return amqp.Errorf(amqp.NotAllowed, "a begin on channel %d, which has a session", channel)
	case asked.RemoteChannel.Set:
		return amqp.Errorf(amqp.NotAllowed, "a begin that answers one on channel %d, where there was none", asked.RemoteChannel.V)
	case !free:
		return amqp.Errorf(amqp.ResourceLimitExceeded, "no channel below the client's channel-max of %d is free", c.channelMax)
	}
	reply := BeginReply{Begin: amqp.Begin{
		RemoteChannel: amqp.Some(channel), NextOutgoingID: 1, IncomingWindow: options.Window,
		OutgoingWindow: math.MaxUint32, HandleMax: options.HandleMax,
	}}
	Begin.Hit(c.ctx, c.points(), c.At(StepBegin), &reply)
	s := &session{
		conn: c, channel: channel, out: uint16(out), handleMax: asked.HandleMax,
		nextIncoming: asked.NextOutgoingID, incomingWindow: reply.Begin.IncomingWindow, fullWindow: reply.Begin.IncomingWindow,
		nextOutgoing: reply.Begin.NextOutgoingID, firstOutgoing: reply.Begin.NextOutgoingID, outgoingWindow: asked.IncomingWindow,
	}
	c.mu.Lock()
	if c.sessions == nil {
		c.sessions = map[uint16]*session{}
	}
	c.sessions[channel] = s
	c.mu.Unlock()
	if reply.Drop {
		return nil
	}
	return c.send(s.out, &reply.Begin)
}

// number chooses a channel or a handle for the server's end: the client's own when that
// may be, which needs no search, and else the lowest that is free.
func number(wish, highest uint32, taken func(uint32) bool) (n uint32, ok bool) {
	if wish <= highest && !taken(wish) {
		return wish, true
	}
	for n := uint32(0); n <= highest; n++ {
		if !taken(n) {
			return n, true
		}
	}
	return 0, false
}

func (s *session) isOver() bool {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	return s.closed
}

// end ends the session because of a rule that the client broke in it. Its channel stays
// taken until the client's end.
func (s *session) end(why *amqp.Error) error {
	s.over()
	return s.conn.send(s.out, &amqp.End{Error: why})
}

// ended takes the client's end, and answers it unless it is an answer.
func (s *session) ended(*amqp.End) error {
	answer := !s.isOver() // [DPS-AMQP-056]
	s.over()
	s.conn.mu.Lock()
	delete(s.conn.sessions, s.channel)
	s.conn.mu.Unlock()
	if answer {
		return s.conn.send(s.out, &amqp.End{})
	}
	return nil
}

// over detaches what the session holds, without a word to the client.
func (s *session) over() {
	c := s.conn
	c.mu.Lock()
	s.closed = true
	links := s.links
	s.links = nil
	var then []func()
	for _, l := range links {
		then = append(then, s.release(l)...)
	}
	c.mu.Unlock()
	for _, f := range then {
		f()
	}
}

// wake lets those go on who wait for credit, the window or a settlement. mu is held.
func (s *session) wake() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// waiting is closed at the next change. mu is held.
func (s *session) waiting() <-chan struct{} {
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return s.changed
}
