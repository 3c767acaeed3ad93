package amqpserver_test

import (
	"testing"

	"github.com/dpslab/dpslab/internal/amqpserver"
	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
	"github.com/dpslab/dpslab/internal/point"
)

func TestBegin(t *testing.T) {
	p := opened(t, amqpserver.New(&handler{}, amqpserver.Options{}))
	p.send(5, &amqp.Begin{NextOutgoingID: 77, IncomingWindow: 10, OutgoingWindow: 10, HandleMax: 3})
	f := p.frame()
	b, ok := f.Performative.(*amqp.Begin)
	if !ok || f.Channel != 5 || b.RemoteChannel != amqp.Some(uint16(5)) ||
		b.NextOutgoingID != 1 || b.IncomingWindow != 5000 || b.OutgoingWindow != 1<<32-1 || b.HandleMax != 262143 { // iot-hub.md 2.1
		t.Fatalf("answered on channel %d with %+v", f.Channel, b)
	}
	p.send(5, &amqp.Flow{IncomingWindow: 10, NextOutgoingID: 77, OutgoingWindow: 10, Echo: true})
	f = p.frame()
	flow := f.Performative.(*amqp.Flow)
	if f.Channel != 5 || flow.NextIncomingID != amqp.Some(uint32(77)) || flow.IncomingWindow != 5000 || flow.NextOutgoingID != 1 || flow.Handle.Set {
		t.Errorf("flow on channel %d: %+v", f.Channel, flow)
	}
}

func TestChannelsOfTheServerAreWithinTheClientsMaximum(t *testing.T) {
	p := serve(t, amqpserver.New(&handler{}, amqpserver.Options{}))
	p.openWith(&amqp.Open{ContainerID: "x", MaxFrameSize: 512, ChannelMax: 2})
	for _, c := range []struct{ client, server uint16 }{{2, 2}, {70, 0}, {1, 1}} {
		p.send(c.client, &amqp.Begin{IncomingWindow: 10, OutgoingWindow: 10})
		f := p.frame()
		if b := f.Performative.(*amqp.Begin); f.Channel != c.server || b.RemoteChannel != amqp.Some(c.client) {
			t.Errorf("%d is answered on %d, for %v", c.client, f.Channel, b.RemoteChannel)
		}
		p.send(c.client, &amqp.Flow{IncomingWindow: 10, OutgoingWindow: 10, Echo: true})
		if f := p.frame(); f.Channel != c.server {
			t.Errorf("%d: flow on %d", c.client, f.Channel)
		}
	}
	p.send(3, &amqp.Begin{})
	p.closes(amqp.ResourceLimitExceeded)
}

func TestSessionsAreApart(t *testing.T) {
	got := make(chan string, 10)
	p := begun(t, amqpserver.New(accepting(got), amqpserver.Options{}))
	p.begin(1)
	p.sender(0, "a")
	p.send(1, attachSender(0, "a")) // the same handle, and the same name
	next[*amqp.Attach](p)
	next[*amqp.Flow](p)
	p.transfer(0, 0, "zero")
	p.outcome(0)
	p.sendFrame(amqp.Frame{Channel: 1, Performative: transfer(0, 0), Payload: message(t, "one")})
	p.outcome(0)
	p.send(0, &amqp.End{})
	next[*amqp.End](p)
	p.sendFrame(amqp.Frame{Channel: 1, Performative: transfer(0, 1), Payload: message(t, "still one")})
	p.outcome(1)
	for _, want := range []string{"zero", "one", "still one"} {
		if s := <-got; s != want {
			t.Errorf("got %q, want %q", s, want)
		}
	}
}

func TestAnEndDetachesItsLinks(t *testing.T) {
	ended := make(chan string, 10)
	p := begun(t, amqpserver.New(&handler{
		incoming: func(r *amqpserver.Receiver, _, _ *amqp.Attach) (amqpserver.Receive, *amqp.Error) {
			r.OnDetach(func() { ended <- r.Address() })
			return nil, nil
		},
		outgoing: func(s *amqpserver.Sender, _, _ *amqp.Attach) *amqp.Error {
			s.OnDetach(func() { ended <- s.Address() })
			return nil
		},
	}, amqpserver.Options{}))
	p.sender(0, "a")
	p.receiver(1, "a", 1)
	p.send(0, &amqp.End{})
	if e := next[*amqp.End](p); e.Error != nil {
		t.Errorf("ended with %v", e.Error)
	}
	if a, b := within(t, "one", ended), within(t, "two", ended); a != "a" || b != "a" {
		t.Errorf("ended %q, %q", a, b)
	}
	p.begin(0).lives() // the channel is free again
	p.sender(0, "a")   // and the handle
}

func TestViolationsOfTheSession(t *testing.T) {
	for _, c := range []struct {
		rule      string
		act       func(*peer)
		condition amqp.Symbol
	}{
		{"a handle in use", func(p *peer) { p.sender(0, "a"); p.send(0, attachSender(0, "b")) }, amqp.HandleInUse},
		{"a detach of no link", func(p *peer) { p.send(0, &amqp.Detach{Handle: 3}) }, amqp.UnattachedHandle},
		{"a flow for no link", func(p *peer) { p.credit(3, 0, 1) }, amqp.UnattachedHandle},
		{"a transfer on no link", func(p *peer) { p.transfer(3, 0, "a") }, amqp.UnattachedHandle},
		{"a disposition that ends before it begins", func(p *peer) {
			p.send(0, &amqp.Disposition{Role: amqp.Receiver, First: 2, Last: amqp.Some(uint32(1)), Settled: true})
		}, amqp.InvalidField},
		{"a link too many", func(p *peer) { p.sender(0, "a"); p.sender(1, "b"); p.send(0, attachSender(2, "c")) }, amqp.ResourceLimitExceeded},
	} {
		t.Run(c.rule, func(t *testing.T) {
			p := begun(t, amqpserver.New(&handler{}, amqpserver.Options{MaxLinks: 2}))
			c.act(p)
			p.endsSession(c.condition)
		})
	}
}

func TestTheIncomingWindow(t *testing.T) {
	// A window that no flow renews: the plan of a defect. See also TestTheWindowIsRenewed.
	srv := bent(t, &handler{}, amqpserver.StepBegin, amqpserver.Begin.Plan(func(_ point.Call, r *amqpserver.BeginReply) { r.Begin.IncomingWindow = 0 }))
	p := begun(t, srv)
	p.sender(0, "a")
	p.transfer(0, 0, "a")
	p.endsSession(amqp.WindowViolation)
}

func TestTheWindowIsRenewed(t *testing.T) {
	got := make(chan string, 20)
	p := begun(t, amqpserver.New(accepting(got), amqpserver.Options{Window: 4}))
	p.sender(0, "a")
	flows := 0
	for i := range uint32(20) {
		p.sendFrame(amqp.Frame{Performative: &amqp.Transfer{
			Handle: 0, DeliveryID: amqp.Some(i), DeliveryTag: []byte{byte(i)}, Settled: amqp.Some(true),
		}, Payload: message(t, "x")})
		if i%2 == 1 {
			f := next[*amqp.Flow](p)
			if f.Handle.Set || f.IncomingWindow != 4 || f.NextIncomingID != amqp.Some(i+1) {
				t.Fatalf("after %d: %+v", i+1, f)
			}
			flows++
		}
	}
	if len(got) != 20 || flows != 10 {
		t.Errorf("%d messages, %d flows", len(got), flows)
	}
}
