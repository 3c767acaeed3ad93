package amqpserver_test

import (
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/amqpserver"
	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
)

func TestOpen(t *testing.T) {
	asked := make(chan *amqp.Open, 1)
	srv := amqpserver.New(&handler{open: func(c *amqpserver.Conn, o *amqp.Open) *amqp.Error {
		asked <- o
		return nil
	}}, amqpserver.Options{ContainerID: "hub-1", MaxFrame: 4096, ChannelMax: 7, IdleTimeout: time.Minute})
	p := serve(t, srv)
	p.header(amqp.HeaderAMQP)
	p.wantHeader(amqp.HeaderAMQP)
	p.sendFrame(amqp.Frame{}) // a client may say that it is there
	p.send(0, &amqp.Open{ContainerID: "dev-01", Hostname: "hub-1:5671", MaxFrameSize: 512, ChannelMax: 3})
	got := next[*amqp.Open](p)
	if got.ContainerID != "hub-1" || got.MaxFrameSize != 4096 || got.ChannelMax != 7 || got.IdleTimeout != amqp.Some(uint32(60000)) {
		t.Errorf("answered with %+v", got)
	}
	if o := <-asked; o.ContainerID != "dev-01" || o.Hostname != "hub-1:5671" {
		t.Errorf("asked %+v", o)
	}
}

func TestOpenOfAServerWithoutOptions(t *testing.T) {
	p := serve(t, amqpserver.New(&handler{}, amqpserver.Options{}))
	p.header(amqp.HeaderAMQP)
	p.wantHeader(amqp.HeaderAMQP)
	p.send(0, &amqp.Open{ContainerID: "dev-01", MaxFrameSize: 512})
	got := next[*amqp.Open](p)
	if got.ContainerID == "" || got.MaxFrameSize != 65536 || got.ChannelMax != 8191 || got.IdleTimeout != amqp.Some(uint32(240000)) {
		t.Errorf("answered with %+v", got) // iot-hub.md 2.1
	}
}

func TestAServerWithoutIdleTimeOutClaimsNone(t *testing.T) {
	p := serve(t, amqpserver.New(&handler{}, amqpserver.Options{IdleTimeout: -1}))
	p.header(amqp.HeaderAMQP)
	p.wantHeader(amqp.HeaderAMQP)
	p.send(0, &amqp.Open{ContainerID: "dev-01", MaxFrameSize: 512})
	if got := next[*amqp.Open](p); got.IdleTimeout.Set {
		t.Errorf("answered with %+v", got)
	}
}

func TestARefusedOpenIsAnsweredAndClosed(t *testing.T) {
	closed := make(chan bool, 1)
	p := serve(t, amqpserver.New(&handler{
		open: func(*amqpserver.Conn, *amqp.Open) *amqp.Error {
			return amqp.Errorf(amqp.UnauthorizedAccess, "nobody knows you")
		},
		closed: func(*amqpserver.Conn) { closed <- true },
	}, amqpserver.Options{}))
	p.openWith(&amqp.Open{ContainerID: "dev-01", MaxFrameSize: 512})
	if e := p.closes(amqp.UnauthorizedAccess); e.Description != "nobody knows you" {
		t.Errorf("because %v", e)
	}
	if len(closed) > 0 {
		t.Error("Closed was called for what was never opened")
	}
}

func TestWhatIsNoOpenGetsAnOpenAndAClose(t *testing.T) {
	for _, c := range []struct {
		rule      string
		act       func(*peer)
		condition amqp.Symbol
	}{
		{"a begin", func(p *peer) { p.send(0, &amqp.Begin{}) }, amqp.NotAllowed},
		{"a close", func(p *peer) { p.send(0, &amqp.Close{}) }, amqp.NotAllowed},
		{"a frame of SASL", func(p *peer) { p.sendSASL(&amqp.SASLInit{Mechanism: "PLAIN"}) }, amqp.NotAllowed},
		{"a frame that is too large", func(p *peer) { p.sendBytes(0, 1, 0, 1, 2, 0, 0, 0) }, amqp.FramingError},
		{"a frame that is too small", func(p *peer) { p.sendBytes(0, 0, 0, 7, 2, 0, 0, 0) }, amqp.FramingError},
		{"an open without a container-id", func(p *peer) { p.sendBytes(0, 0, 0, 12, 2, 0, 0, 0, 0, 0x53, 0x10, 0x45) }, amqp.DecodeError},
		{"frames that are smaller than allowed", func(p *peer) { p.send(0, &amqp.Open{ContainerID: "x", MaxFrameSize: 511}) }, amqp.InvalidField},
		{"an idle-time-out that nobody can keep", func(p *peer) {
			p.send(0, &amqp.Open{ContainerID: "x", MaxFrameSize: 512, IdleTimeout: amqp.Some(uint32(1))})
		}, amqp.NotAllowed},
	} {
		t.Run(c.rule, func(t *testing.T) {
			p := serve(t, amqpserver.New(&handler{open: func(*amqpserver.Conn, *amqp.Open) *amqp.Error {
				t.Error("asked")
				return nil
			}}, amqpserver.Options{}))
			p.header(amqp.HeaderAMQP)
			p.wantHeader(amqp.HeaderAMQP)
			c.act(p)
			next[*amqp.Open](p)
			p.closes(c.condition)
		})
	}
}

func TestAClientThatDoesNotOpen(t *testing.T) {
	p := serve(t, amqpserver.New(&handler{}, amqpserver.Options{Timeouts: quick}))
	p.header(amqp.HeaderAMQP)
	p.wantHeader(amqp.HeaderAMQP)
	p.ends()
}

func TestViolationsOfTheConnection(t *testing.T) {
	for _, c := range []struct {
		rule      string
		act       func(*peer)
		condition amqp.Symbol
	}{
		{"a second open", func(p *peer) { p.send(0, &amqp.Open{ContainerID: "x"}) }, amqp.NotAllowed},
		{"a frame larger than the server's max-frame-size", func(p *peer) { p.sendBytes(0, 0, 2, 1, 2, 0, 0, 0) }, amqp.FramingError},
		{"a frame of SASL", func(p *peer) { p.sendSASL(&amqp.SASLInit{Mechanism: "PLAIN"}) }, amqp.FramingError},
		{"an unknown performative", func(p *peer) { p.sendBytes(0, 0, 0, 12, 2, 0, 0, 0, 0, 0x53, 0x99, 0x45) }, amqp.DecodeError},
		{"a malformed performative", func(p *peer) { p.sendBytes(0, 0, 0, 12, 2, 0, 0, 0, 0, 0x53, 0x11, 0x45) }, amqp.DecodeError},
		{"a frame that stops half-way", func(p *peer) { p.sendBytes(0, 0, 1, 0, 2, 0, 0, 0, 0) }, amqp.FramingError},
		{"a frame on a channel without a session", func(p *peer) { p.send(3, &amqp.Flow{}) }, amqp.NotAllowed},
		{"an end of no session", func(p *peer) { p.send(3, &amqp.End{}) }, amqp.NotAllowed},
		{"a begin on a channel that has a session", func(p *peer) { p.begin(3); p.send(3, &amqp.Begin{}) }, amqp.NotAllowed},
		{"a begin above the server's channel-max", func(p *peer) { p.send(8, &amqp.Begin{}) }, amqp.FramingError},
		{"a begin that answers none", func(p *peer) { p.send(3, &amqp.Begin{RemoteChannel: amqp.Some(uint16(0))}) }, amqp.NotAllowed},
		{"an attach above the server's handle-max", func(p *peer) { p.begin(0); p.send(0, attachSender(10, "a")) }, amqp.FramingError},
	} {
		t.Run(c.rule, func(t *testing.T) {
			closed := make(chan bool, 1)
			srv := amqpserver.New(&handler{closed: func(*amqpserver.Conn) { closed <- true }},
				amqpserver.Options{MaxFrame: 512, ChannelMax: 7, HandleMax: 9, Timeouts: amqpserver.Timeouts{Frame: 100 * time.Millisecond}})
			p := opened(t, srv)
			c.act(p)
			p.closes(c.condition)
			if len(closed) != 1 {
				t.Error("Closed was not called")
			}
		})
	}
}

// TestAnErrorFitsIntoTheClientsFrames: a client that takes 512 bytes gets no more, and still
// the condition.
func TestAnErrorFitsIntoTheClientsFrames(t *testing.T) {
	info := amqp.Map{{amqp.Symbol("retry-after"), int32(3)}}
	for _, c := range []struct {
		rule      string
		why       amqp.Error
		described int
		informed  bool
	}{
		{"a short one is whole", amqp.Error{Condition: "c", Description: strings.Repeat("x", 400), Info: info}, 400, true},
		{"a long description is cut", amqp.Error{Condition: "c", Description: strings.Repeat("x", 2000), Info: info}, 452, true},
		{"between characters", amqp.Error{Condition: "c", Description: strings.Repeat("€", 700), Info: info}, 450, true},
		{"a long info is left out, and the description with it",
			amqp.Error{Condition: "c", Description: "d", Info: amqp.Map{{amqp.Symbol("k"), strings.Repeat("x", 2000)}}}, 0, false},
	} {
		t.Run(c.rule, func(t *testing.T) {
			p := serve(t, amqpserver.New(&handler{incoming: func(*amqpserver.Receiver, *amqp.Attach, *amqp.Attach) (amqpserver.Receive, *amqp.Error) {
				return nil, &c.why
			}}, amqpserver.Options{}))
			p.openWith(&amqp.Open{ContainerID: "x", MaxFrameSize: 512}).begin(0)
			p.send(0, attachSender(0, "a"))
			next[*amqp.Attach](p)
			f := p.frame()
			b, err := f.Append(nil)
			if err != nil || len(b) > 512 {
				t.Fatalf("a frame of %d bytes, %v", len(b), err)
			}
			e := f.Performative.(*amqp.Detach).Error
			if n := len(e.Description); e.Condition != "c" || n > c.described || n < c.described-12 || (e.Info != nil) != c.informed {
				t.Errorf("%d bytes of description, info %v", n, e.Info)
			}
			if !strings.HasPrefix(c.why.Description, e.Description) {
				t.Errorf("described as %q", e.Description)
			}
		})
	}
}

func TestAnAnswerThatDoesNotFitIntoTheClientsFrames(t *testing.T) {
	p := serve(t, amqpserver.New(&handler{}, amqpserver.Options{}))
	p.openWith(&amqp.Open{ContainerID: "x", MaxFrameSize: 512}).begin(0)
	p.send(0, attachSender(0, strings.Repeat("a", 600))) // whose name and address the answer would echo
	p.closes(amqp.InternalError)
}
