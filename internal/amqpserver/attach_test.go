package amqpserver_test

import (
	"reflect"
	"testing"

	"github.com/dpslab/dpslab/internal/amqpserver"
	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
)

func TestAttachIsEchoed(t *testing.T) {
	filter := amqp.Map{{amqp.Symbol("apache.org:selector-filter:string"), amqp.Described{Descriptor: amqp.Symbol("apache.org:selector-filter:string"), Value: "x > '1'"}}}
	properties := amqp.Map{{amqp.Symbol("com.microsoft:api-version"), "2019-03-31"}}
	seen := make(chan *amqp.Attach, 2)
	p := begun(t, amqpserver.New(&handler{
		incoming: func(r *amqpserver.Receiver, asked, _ *amqp.Attach) (amqpserver.Receive, *amqp.Error) {
			if r.Name() != "up" || r.Address() != "to" || r.Conn() == nil {
				t.Errorf("%q to %q", r.Name(), r.Address())
			}
			seen <- asked
			return nil, nil
		},
		outgoing: func(s *amqpserver.Sender, asked, _ *amqp.Attach) *amqp.Error {
			if s.Name() != "down" || s.Address() != "from" {
				t.Errorf("%q from %q", s.Name(), s.Address())
			}
			seen <- asked
			return nil
		},
	}, amqpserver.Options{MaxMessage: 1 << 20}))

	up := &amqp.Attach{
		Name: "up", Handle: 7, Role: amqp.Sender, SenderSettleMode: amqp.SenderUnsettled, ReceiverSettleMode: amqp.ReceiverSecond,
		Source: &amqp.Source{Address: "remote_endpoint", ExpiryPolicy: "session-end"}, Target: &amqp.Target{Address: "to", ExpiryPolicy: "never"},
		InitialDeliveryCount: amqp.Some(uint32(9)), MaxMessageSize: 1<<64 - 1, Properties: properties,
	}
	p.send(0, up)
	if asked := <-seen; !reflect.DeepEqual(asked, up) {
		t.Errorf("asked %+v", asked)
	}
	if got, want := next[*amqp.Attach](p), (&amqp.Attach{
		Name: "up", Handle: 7, Role: amqp.Receiver, SenderSettleMode: amqp.SenderUnsettled, ReceiverSettleMode: amqp.ReceiverSecond,
		Source: up.Source, Target: up.Target, MaxMessageSize: 1 << 20,
	}); !reflect.DeepEqual(got, want) {
		t.Errorf("answered with %+v", got)
	}
	f := next[*amqp.Flow](p)
	if f.Handle != amqp.Some(uint32(7)) || f.LinkCredit != amqp.Some(uint32(100)) || f.DeliveryCount != amqp.Some(uint32(9)) || f.NextIncomingID != amqp.Some(uint32(0)) {
		t.Errorf("credit is %+v", f)
	}

	down := &amqp.Attach{
		Name: "down", Handle: 8, Role: amqp.Receiver, SenderSettleMode: amqp.SenderSettled,
		Source: &amqp.Source{Address: "from", ExpiryPolicy: "session-end", Filter: filter}, Target: &amqp.Target{Address: "local_endpoint", ExpiryPolicy: "session-end"},
		MaxMessageSize: 65536, Properties: properties,
	}
	p.send(0, down)
	<-seen
	if got, want := next[*amqp.Attach](p), (&amqp.Attach{
		Name: "down", Handle: 8, Role: amqp.Sender, SenderSettleMode: amqp.SenderSettled,
		Source: down.Source, Target: down.Target, InitialDeliveryCount: amqp.Some(uint32(0)),
	}); !reflect.DeepEqual(got, want) {
		t.Errorf("answered with %+v", got)
	}
	p.lives()
}

func TestAHandlerBendsTheAnswer(t *testing.T) {
	senders := make(chan *amqpserver.Sender, 1)
	p := begun(t, amqpserver.New(&handler{
		incoming: func(_ *amqpserver.Receiver, _, reply *amqp.Attach) (amqpserver.Receive, *amqp.Error) {
			reply.MaxMessageSize = 20
			reply.Properties = amqp.Map{{amqp.Symbol("k"), "v"}}
			return nil, nil
		},
		outgoing: func(s *amqpserver.Sender, asked, reply *amqp.Attach) *amqp.Error {
			if asked.Source.Dynamic {
				reply.Source.Address = "made-up"
			}
			reply.SenderSettleMode = amqp.SenderSettled
			senders <- s
			return nil
		},
	}, amqpserver.Options{}))
	if a := p.sender(0, "a"); a.MaxMessageSize != 20 || a.Properties.Text("k") != "v" {
		t.Errorf("answered with %+v", a)
	}
	dynamic := attachReceiver(1, "")
	dynamic.Source.Dynamic = true
	p.send(0, dynamic)
	if a := next[*amqp.Attach](p); a.Source.Address != "made-up" || a.SenderSettleMode != amqp.SenderSettled {
		t.Errorf("answered with %+v of %+v", a, a.Source)
	}
	if s := <-senders; s.Address() != "made-up" {
		t.Errorf("the address is %q", s.Address())
	}
	p.transfer(0, 0, "more than twenty bytes")
	p.detaches(0, amqp.MessageSizeExceeded)
}

func TestARefusedAttach(t *testing.T) {
	why := amqp.Errorf(amqp.NotFound, "there is nothing here")
	why.Info = amqp.Map{{amqp.Symbol("com.microsoft:tracking-id"), "1"}}
	ended := make(chan bool, 2)
	p := begun(t, amqpserver.New(&handler{
		incoming: func(r *amqpserver.Receiver, _, _ *amqp.Attach) (amqpserver.Receive, *amqp.Error) {
			r.OnDetach(func() { ended <- true })
			return nil, why
		},
		outgoing: func(s *amqpserver.Sender, _, _ *amqp.Attach) *amqp.Error {
			s.OnDetach(func() { ended <- true })
			return why
		},
	}, amqpserver.Options{}))
	for handle, asked := range []*amqp.Attach{attachSender(0, "a"), attachReceiver(1, "a")} {
		p.send(0, asked)
		a := next[*amqp.Attach](p)
		if a.Name != asked.Name || a.Role == asked.Role || (a.Target == nil) != (asked.Role == amqp.Sender) || (a.Source == nil) != (asked.Role == amqp.Receiver) {
			t.Errorf("%v answered with %+v", asked.Role, a)
		}
		if asked.Role == amqp.Sender { // which may have sent before it knew
			p.transfer(uint32(handle), 0, "too early")
		} else {
			p.credit(uint32(handle), 0, 10)
		}
		if e := p.detaches(uint32(handle), amqp.NotFound); !reflect.DeepEqual(e, why) {
			t.Errorf("because %v", e)
		}
		p.lives()
		p.send(0, asked) // the handle and the name are free
		next[*amqp.Attach](p)
		p.detaches(uint32(handle), amqp.NotFound)
	}
	if len(ended) > 0 {
		t.Error("a link that was refused has ended")
	}
}

func TestATransactionIsRefused(t *testing.T) {
	p := begun(t, amqpserver.New(&handler{incoming: func(*amqpserver.Receiver, *amqp.Attach, *amqp.Attach) (amqpserver.Receive, *amqp.Error) {
		t.Error("asked")
		return nil, nil
	}}, amqpserver.Options{}))
	// A sender "c" with handle 0, whose target is a coordinator.
	p.sendBytes(0, 0, 0, 29, 2, 0, 0, 0, 0, 0x53, 0x12, 0xc0, 16, 10, 0xa1, 1, 'c', 0x43, 0x42, 0x40, 0x40, 0x40, 0, 0x53, 0x30, 0x45, 0x40, 0x40, 0x43)
	if a := next[*amqp.Attach](p); a.Target != nil {
		t.Errorf("answered with %+v", a)
	}
	p.detaches(0, amqp.NotImplemented)
}

func TestDetachIsAnswered(t *testing.T) {
	ended := make(chan bool, 4)
	p := begun(t, amqpserver.New(&handler{incoming: func(r *amqpserver.Receiver, _, _ *amqp.Attach) (amqpserver.Receive, *amqp.Error) {
		r.OnDetach(func() { ended <- true })
		return nil, nil
	}}, amqpserver.Options{}))
	for _, closed := range []bool{true, false} {
		p.sender(0, "a")
		p.send(0, &amqp.Detach{Handle: 0, Closed: closed})
		if d := next[*amqp.Detach](p); d.Handle != 0 || d.Closed != closed || d.Error != nil {
			t.Errorf("answered with %+v", d)
		}
		within(t, "the end of the link", ended)
	}
	p.lives()
}

func TestALinkAttachedAgainIsStolen(t *testing.T) {
	ended := make(chan string, 4)
	got := make(chan string, 1)
	n := 0
	p := begun(t, amqpserver.New(&handler{incoming: func(r *amqpserver.Receiver, _, _ *amqp.Attach) (amqpserver.Receive, *amqp.Error) {
		n++
		name := []string{"", "first", "second"}[n]
		r.OnDetach(func() { ended <- name })
		return accepted(got), nil
	}}, amqpserver.Options{}))
	p.sender(0, "a")
	other := attachReceiver(5, "b")
	other.Name = "to a" // the same name in the other direction is another link
	p.send(0, other)
	next[*amqp.Attach](p)
	p.send(0, attachSender(1, "a"))
	p.detaches(0, amqp.Stolen)
	next[*amqp.Attach](p)
	next[*amqp.Flow](p)
	if who := within(t, "the end of the first", ended); who != "first" {
		t.Errorf("%s has ended", who)
	}
	p.transfer(1, 0, "over the second")
	p.outcome(0)
	p.transfer(0, 1, "over the first, which is free again")
	p.endsSession(amqp.UnattachedHandle)
}

func TestHandlesOfTheServerAreWithinTheClientsMaximum(t *testing.T) {
	p := opened(t, amqpserver.New(&handler{}, amqpserver.Options{}))
	p.send(0, &amqp.Begin{IncomingWindow: 10, OutgoingWindow: 10, HandleMax: 2})
	next[*amqp.Begin](p)
	for _, c := range []struct{ client, server uint32 }{{2, 2}, {70, 0}, {1, 1}} {
		p.send(0, attachReceiver(c.client, string(rune('a'+c.client))))
		if a := next[*amqp.Attach](p); a.Handle != c.server {
			t.Errorf("%d is answered with %d", c.client, a.Handle)
		}
	}
	p.send(0, &amqp.Detach{Handle: 70, Closed: true})
	if d := next[*amqp.Detach](p); d.Handle != 0 {
		t.Errorf("detached %d", d.Handle)
	}
	p.send(0, attachReceiver(71, "x"))
	if a := next[*amqp.Attach](p); a.Handle != 0 {
		t.Errorf("71 is answered with %d", a.Handle)
	}
	p.send(0, attachReceiver(72, "y"))
	p.endsSession(amqp.ResourceLimitExceeded)
}

func TestTheServerDetaches(t *testing.T) {
	senders := make(chan *amqpserver.Sender, 1)
	p := begun(t, amqpserver.New(sending(senders), amqpserver.Options{}))
	p.receiver(3, "a", 1)
	s := <-senders
	ended := make(chan bool, 2)
	s.OnDetach(func() { ended <- true })
	s.Detach(amqp.Errorf(amqp.ResourceDeleted, "the device is gone"))
	s.Detach(nil) // once is enough
	within(t, "the end of the link", ended)
	p.credit(3, 0, 5) // which crosses
	if e := p.detaches(3, amqp.ResourceDeleted); e.Description != "the device is gone" {
		t.Errorf("because %v", e)
	}
	p.lives()
	if len(ended) > 0 {
		t.Error("it has ended twice")
	}
}

// TestADetachWhileItAttaches is of a link that is unwanted again before it is answered, as
// when another connection takes over.
func TestADetachWhileItAttaches(t *testing.T) {
	ended := make(chan bool, 1)
	p := begun(t, amqpserver.New(&handler{outgoing: func(s *amqpserver.Sender, _, _ *amqp.Attach) *amqp.Error {
		s.OnDetach(func() { ended <- true })
		s.Detach(nil)
		return nil
	}}, amqpserver.Options{}))
	p.send(0, attachReceiver(0, "a"))
	if a := next[*amqp.Attach](p); a.Source == nil {
		t.Error("refused")
	}
	p.detaches(0, amqp.DetachForced)
	within(t, "the end of the link", ended)
}
