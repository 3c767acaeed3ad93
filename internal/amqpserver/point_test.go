package amqpserver_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/amqpserver"
	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/point"
)

// bent is a server with a plan armed at one step, as a fault is that has a listener's
// address and not yet a registration's.
func bent(t *testing.T, h amqpserver.Handler, step string, plan point.Plan) *amqpserver.Server {
	t.Helper()
	return bentWith(t, h, amqpserver.Options{Timeouts: amqpserver.Timeouts{Linger: quick.Linger}}, step, plan)
}

func bentWith(t *testing.T, h amqpserver.Handler, o amqpserver.Options, step string, plan point.Plan) *amqpserver.Server {
	t.Helper()
	o.Points = point.NewSet(clock.System())
	if _, err := o.Points.Arm(point.Entry{ID: "test-fault", Build: point.Always(plan)}, point.Address{Listener: "127.0.0.1", Step: step}, nil); err != nil {
		t.Fatal(err)
	}
	return amqpserver.New(h, o)
}

func TestHeaderPoint(t *testing.T) {
	t.Run("answers another header", func(t *testing.T) {
		p := serve(t, bent(t, &handler{}, amqpserver.StepHeader, amqpserver.Header.Plan(func(_ point.Call, r *amqpserver.HeaderReply) {
			if r.Asked == amqp.HeaderAMQP {
				r.Answer = amqp.HeaderSASL
			}
		})))
		p.header(amqp.HeaderAMQP)
		p.wantHeader(amqp.HeaderSASL)
	})
	t.Run("answers nothing", func(t *testing.T) {
		p := serve(t, bent(t, &handler{}, amqpserver.StepHeader, amqpserver.Header.Plan(func(_ point.Call, r *amqpserver.HeaderReply) { r.Drop = true })))
		p.header(amqp.HeaderAMQP)
		p.send(0, &amqp.Open{ContainerID: "x", MaxFrameSize: 512})
		next[*amqp.Open](p)
	})
}

func TestSASLPoints(t *testing.T) {
	h := func() *handler {
		return &handler{
			mechanisms: []amqp.Symbol{"PLAIN", "TPM"},
			authenticate: func(_ *amqpserver.Conn, s amqpserver.SASLStep) amqpserver.SASLReply {
				if s.Mechanism == "TPM" && s.N == 0 {
					return amqpserver.SASLReply{Challenge: []byte("\x80one")}
				}
				return amqpserver.SASLReply{Code: amqp.SASLAuth}
			},
		}
	}
	begin := func(p *peer) *peer {
		p.header(amqp.HeaderSASL)
		p.wantHeader(amqp.HeaderSASL)
		return p
	}
	t.Run("offers another mechanism", func(t *testing.T) {
		p := begin(serve(t, bent(t, h(), amqpserver.StepSASL, amqpserver.Mechanisms.Plan(func(_ point.Call, r *amqpserver.MechanismsReply) {
			r.Mechanisms[0] = "EXTERNAL"
		}))))
		if got := next[*amqp.SASLMechanisms](p).Mechanisms; !slices.Equal(got, []amqp.Symbol{"EXTERNAL", "TPM"}) {
			t.Errorf("offered %q", got)
		}
		p.sendSASL(&amqp.SASLInit{Mechanism: "PLAIN"}) // still there
		next[*amqp.SASLOutcome](p)
	})
	t.Run("offers nothing", func(t *testing.T) {
		p := begin(serve(t, bent(t, h(), amqpserver.StepSASL, amqpserver.Mechanisms.Plan(func(_ point.Call, r *amqpserver.MechanismsReply) { r.Drop = true }))))
		p.sendSASL(&amqp.SASLInit{Mechanism: "PLAIN"})
		next[*amqp.SASLOutcome](p)
	})
	t.Run("bends a challenge", func(t *testing.T) {
		p := begin(serve(t, bent(t, h(), amqpserver.StepSASL, amqpserver.Challenge.Plan(func(_ point.Call, r *amqpserver.ChallengeReply) {
			if r.N == 0 {
				r.Challenge = bytes.Replace(r.Challenge, []byte{0x80}, []byte{0xc0}, 1)
			}
		}))))
		next[*amqp.SASLMechanisms](p)
		p.sendSASL(&amqp.SASLInit{Mechanism: "TPM"})
		if got := next[*amqp.SASLChallenge](p).Challenge; string(got) != "\xc0one" {
			t.Errorf("challenge %q", got)
		}
	})
	t.Run("keeps a challenge back", func(t *testing.T) {
		p := begin(serve(t, bent(t, h(), amqpserver.StepSASL, amqpserver.Challenge.Plan(func(_ point.Call, r *amqpserver.ChallengeReply) { r.Drop = true }))))
		next[*amqp.SASLMechanisms](p)
		p.sendSASL(&amqp.SASLInit{Mechanism: "TPM"})
		p.sendSASL(&amqp.SASLResponse{Response: []byte{0}})
		next[*amqp.SASLOutcome](p)
	})
	t.Run("lets in whom the handler refused", func(t *testing.T) {
		p := begin(serve(t, bent(t, h(), amqpserver.StepSASL, amqpserver.Outcome.Plan(func(_ point.Call, r *amqpserver.OutcomeReply) { r.Code = amqp.SASLOK }))))
		next[*amqp.SASLMechanisms](p)
		p.sendSASL(&amqp.SASLInit{Mechanism: "PLAIN"})
		if o := next[*amqp.SASLOutcome](p); o.Code != amqp.SASLOK {
			t.Errorf("outcome %+v", o)
		}
		p.openWith(&amqp.Open{ContainerID: "x", MaxFrameSize: 512})
	})
	t.Run("keeps the outcome back", func(t *testing.T) {
		p := begin(serve(t, bent(t, h(), amqpserver.StepSASL, amqpserver.Outcome.Plan(func(_ point.Call, r *amqpserver.OutcomeReply) { r.Drop = true }))))
		next[*amqp.SASLMechanisms](p)
		p.sendSASL(&amqp.SASLInit{Mechanism: "PLAIN"})
		p.ends()
	})
}

func TestOpenPoint(t *testing.T) {
	connect := func(p *peer) *peer {
		p.header(amqp.HeaderAMQP)
		p.wantHeader(amqp.HeaderAMQP)
		p.send(0, &amqp.Open{ContainerID: "dev-01", MaxFrameSize: 512})
		return p
	}
	t.Run("bends the open", func(t *testing.T) {
		p := connect(serve(t, bent(t, &handler{}, amqpserver.StepOpen, amqpserver.Open.Plan(func(_ point.Call, r *amqpserver.OpenReply) {
			r.Open.ContainerID, r.Open.Hostname = "for "+r.Asked.ContainerID, "localhost"
		}))))
		if o := next[*amqp.Open](p); o.ContainerID != "for dev-01" || o.Hostname != "localhost" {
			t.Errorf("answered with %+v", o)
		}
	})
	t.Run("refuses", func(t *testing.T) {
		closed := make(chan bool, 1)
		h := &handler{closed: func(*amqpserver.Conn) { closed <- true }}
		p := connect(serve(t, bent(t, h, amqpserver.StepOpen, amqpserver.Open.Plan(func(_ point.Call, r *amqpserver.OpenReply) {
			r.Error = amqp.Errorf(amqp.InternalError, "a fault")
		}))))
		next[*amqp.Open](p)
		p.closes(amqp.InternalError)
		within(t, "Closed, since the handler accepted", closed)
	})
	t.Run("accepts what the handler refused", func(t *testing.T) {
		h := &handler{open: func(*amqpserver.Conn, *amqp.Open) *amqp.Error { return amqp.Errorf(amqp.NotAllowed, "") }}
		p := connect(serve(t, bent(t, h, amqpserver.StepOpen, amqpserver.Open.Plan(func(_ point.Call, r *amqpserver.OpenReply) { r.Error = nil }))))
		next[*amqp.Open](p)
		p.begin(0).lives()
	})
	t.Run("answers nothing", func(t *testing.T) {
		p := connect(serve(t, bent(t, &handler{}, amqpserver.StepOpen, amqpserver.Open.Plan(func(_ point.Call, r *amqpserver.OpenReply) { r.Drop = true }))))
		p.begin(0)
	})
}

// TestEnforcedPoint: a server that does not keep to its own limits.
func TestEnforcedPoint(t *testing.T) {
	options := amqpserver.Options{MaxFrame: 512, MaxMessage: 600, Credit: 1, IdleTimeout: time.Second}
	lax := amqpserver.Enforced.Plan(func(_ point.Call, l *amqpserver.Limits) {
		*l = amqpserver.Limits{MaxFrame: 1 << 20, MaxMessage: 1 << 20, AnyCredit: true}
	})
	deliveries := make(chan *amqpserver.Delivery, 10)
	clock := clock.NewMovable(clock.Frozen(time.Unix(1e9, 0)))
	options.Clock = clock
	p := serve(t, bentWith(t, keeping(deliveries), options, amqpserver.StepOpen, lax))
	p.header(amqp.HeaderAMQP)
	p.wantHeader(amqp.HeaderAMQP)
	p.send(0, &amqp.Open{ContainerID: "x", MaxFrameSize: 512})
	if o := next[*amqp.Open](p); o.MaxFrameSize != 512 || o.IdleTimeout != amqp.Some(uint32(1000)) {
		t.Errorf("claims %+v", o)
	}
	clock.Advance(time.Hour)
	p.begin(0)
	if a := p.sender(0, "a"); a.MaxMessageSize != 600 {
		t.Errorf("claims %+v", a)
	}
	for i := range uint32(3) {
		p.transfer(0, i, strings.Repeat("x", 2000))
		within(t, "the message", deliveries)
	}
}

func TestBeginPoint(t *testing.T) {
	p := opened(t, bent(t, &handler{}, amqpserver.StepBegin, amqpserver.Begin.Plan(func(_ point.Call, r *amqpserver.BeginReply) { r.Drop = true })))
	p.send(0, &amqp.Begin{IncomingWindow: 10, OutgoingWindow: 10})
	p.lives()
}

func TestAttachPoint(t *testing.T) {
	refusing := func() *handler {
		return &handler{incoming: func(*amqpserver.Receiver, *amqp.Attach, *amqp.Attach) (amqpserver.Receive, *amqp.Error) {
			return nil, amqp.Errorf(amqp.NotFound, "")
		}}
	}
	t.Run("refuses what the handler accepted, whose end it hears", func(t *testing.T) {
		ended := make(chan bool, 1)
		h := &handler{outgoing: func(s *amqpserver.Sender, _, _ *amqp.Attach) *amqp.Error {
			s.OnDetach(func() { ended <- true })
			return nil
		}}
		p := begun(t, bent(t, h, amqpserver.StepAttach, amqpserver.Attach.Plan(func(_ point.Call, r *amqpserver.AttachReply) {
			r.Error = amqp.Errorf(amqp.InternalError, "no %s", r.Asked.Source.Address)
		})))
		p.send(0, attachReceiver(0, "a"))
		if a := next[*amqp.Attach](p); a.Source != nil {
			t.Errorf("answered with %+v", a)
		}
		if e := p.detaches(0, amqp.InternalError); e.Description != "no a" {
			t.Errorf("because %v", e)
		}
		within(t, "the end", ended)
	})
	t.Run("accepts what the handler refused, and messages vanish", func(t *testing.T) {
		p := begun(t, bent(t, refusing(), amqpserver.StepAttach, amqpserver.Attach.Plan(func(_ point.Call, r *amqpserver.AttachReply) { r.Error = nil })))
		if a := p.sender(0, "a"); a.Target == nil {
			t.Errorf("answered with %+v", a)
		}
		p.transfer(0, 0, "x")
		if _, ok := p.outcome(0).(*amqp.Accepted); !ok {
			t.Error("not accepted")
		}
	})
	t.Run("bends the answer", func(t *testing.T) {
		p := begun(t, bent(t, &handler{}, amqpserver.StepAttach, amqpserver.Attach.Plan(func(_ point.Call, r *amqpserver.AttachReply) {
			r.Attach.Source, r.Attach.MaxMessageSize = nil, 0
		})))
		if a := p.sender(0, "a"); a.Source != nil || a.MaxMessageSize != 0 {
			t.Errorf("answered with %+v", a)
		}
	})
	t.Run("answers nothing, not even credit", func(t *testing.T) {
		p := begun(t, bent(t, &handler{}, amqpserver.StepAttach, amqpserver.Attach.Plan(func(_ point.Call, r *amqpserver.AttachReply) { r.Drop = true })))
		p.send(0, attachSender(0, "a"))
		p.lives()
	})
	t.Run("answers nothing but the detach", func(t *testing.T) {
		p := begun(t, bent(t, refusing(), amqpserver.StepAttach, amqpserver.Attach.Plan(func(_ point.Call, r *amqpserver.AttachReply) { r.Drop = true })))
		p.send(0, attachSender(0, "a"))
		p.detaches(0, amqp.NotFound)
	})
}

func TestCreditPoint(t *testing.T) {
	t.Run("gives less, and keeps to it", func(t *testing.T) {
		p := begun(t, bent(t, accepting(make(chan string, 9)), amqpserver.StepAttach, amqpserver.Credit.Plan(func(_ point.Call, g *amqpserver.CreditGrant) {
			if g.Address == "a" && g.Credit == 100 {
				g.Credit = 1
			}
		})))
		p.send(0, attachSender(0, "a"))
		next[*amqp.Attach](p)
		if f := next[*amqp.Flow](p); f.LinkCredit != amqp.Some(uint32(1)) {
			t.Errorf("credit is %+v", f)
		}
	})
	t.Run("gives none", func(t *testing.T) {
		p := begun(t, bent(t, &handler{}, amqpserver.StepAttach, amqpserver.Credit.Plan(func(_ point.Call, g *amqpserver.CreditGrant) { g.Drop = true })))
		p.send(0, attachSender(0, "a"))
		next[*amqp.Attach](p)
		p.lives()
	})
}

func TestSettlePoint(t *testing.T) {
	begin := func(t *testing.T, act func(*amqpserver.Settlement)) *peer {
		p := begun(t, bent(t, echo(), amqpserver.StepReceive, amqpserver.Settle.Plan(func(_ point.Call, s *amqpserver.Settlement) {
			if s.Address == "a" {
				act(s)
			}
		})))
		p.receiver(0, "a", 10)
		p.sender(1, "a")
		p.transfer(1, 0, "x")
		return p
	}
	t.Run("another outcome", func(t *testing.T) {
		p := begin(t, func(s *amqpserver.Settlement) { s.State = &amqp.Released{} })
		if _, ok := p.outcome(0).(*amqp.Released); !ok {
			t.Error("not released")
		}
		p.message()
	})
	t.Run("no outcome", func(t *testing.T) {
		p := begin(t, func(s *amqpserver.Settlement) { s.Drop = true })
		p.message()
		p.lives()
	})
	t.Run("an outcome that is not settled", func(t *testing.T) {
		p := begin(t, func(s *amqpserver.Settlement) { s.Settled = false })
		if d := next[*amqp.Disposition](p); d.Settled {
			t.Errorf("disposition %+v", d)
		}
	})
	t.Run("after the answer", func(t *testing.T) {
		p := begin(t, func(s *amqpserver.Settlement) { s.AfterAnswer = true })
		p.message()
		p.outcome(0)
		p.lives()
	})
}

func TestOutgoingPoint(t *testing.T) {
	begin := func(t *testing.T, act func(*amqpserver.OutgoingMessage)) (*peer, <-chan sent) {
		senders := make(chan *amqpserver.Sender, 1)
		p := begun(t, bent(t, sending(senders), amqpserver.StepDeliver, amqpserver.Outgoing.Plan(func(_ point.Call, m *amqpserver.OutgoingMessage) {
			if m.Address == "a" {
				act(m)
			}
		})))
		p.receiver(0, "a", 10)
		m := data("x")
		m.Properties = &amqp.Properties{CorrelationID: "c-1"}
		done := make(chan sent, 1)
		s := <-senders
		go func() {
			one, err := s.Send(t.Context(), m, amqpserver.SendOptions{})
			done <- sent{one, err}
		}()
		return p, done
	}
	t.Run("another correlation-id", func(t *testing.T) {
		p, _ := begin(t, func(m *amqpserver.OutgoingMessage) { m.Message.Properties.CorrelationID = "another" })
		if _, m := p.message(); m.Properties.CorrelationID != "another" {
			t.Errorf("sent %+v", m.Properties)
		}
	})
	t.Run("another kind of body", func(t *testing.T) {
		p, _ := begin(t, func(m *amqpserver.OutgoingMessage) { m.Message.Body = amqp.Single{Value: "x"} })
		if _, m := p.message(); m.Body != (amqp.Single{Value: "x"}) {
			t.Errorf("sent %+v", m)
		}
	})
	t.Run("another tag, format and settlement", func(t *testing.T) {
		p, done := begin(t, func(m *amqpserver.OutgoingMessage) { m.Tag, m.Format, m.Settled = []byte("tag"), 7, true })
		if transfer, _ := p.message(); string(transfer.DeliveryTag) != "tag" || transfer.MessageFormat != amqp.Some(uint32(7)) || !transfer.Settled.V {
			t.Errorf("sent %+v", transfer)
		}
		if state, err := within(t, "Send", done).Outcome(t.Context()); state != nil || err != nil {
			t.Errorf("the outcome is %v, %v", state, err)
		}
	})
	t.Run("nothing", func(t *testing.T) {
		p, done := begin(t, func(m *amqpserver.OutgoingMessage) { m.Drop = true })
		if r := within(t, "Send", done); r.err != nil {
			t.Error(r.err)
		}
		p.lives()
	})
	t.Run("twice", func(t *testing.T) {
		p, _ := begin(t, func(m *amqpserver.OutgoingMessage) { m.Duplicate = true })
		one, _ := p.message()
		two, m := p.message()
		if one.DeliveryID == two.DeliveryID || bytes.Equal(one.DeliveryTag, two.DeliveryTag) || text(m) != "x" {
			t.Errorf("sent %+v and %+v", one, two)
		}
	})
	t.Run("in frames larger than the client takes", func(t *testing.T) {
		senders := make(chan *amqpserver.Sender, 1)
		p := serve(t, bent(t, sending(senders), amqpserver.StepDeliver, amqpserver.Outgoing.Plan(func(_ point.Call, m *amqpserver.OutgoingMessage) { m.FrameSize = 1 << 20 })))
		p.openWith(&amqp.Open{ContainerID: "x", MaxFrameSize: 512}).begin(0)
		p.receiver(0, "a", 10)
		sends(t.Context(), <-senders, strings.Repeat("x", 5000), amqpserver.SendOptions{})
		if f := p.frame(); f.Performative.(*amqp.Transfer).More || len(f.Payload) < 5000 {
			t.Errorf("%d bytes, %+v", len(f.Payload), f.Performative)
		}
	})
	t.Run("in frames of a byte", func(t *testing.T) {
		p, _ := begin(t, func(m *amqpserver.OutgoingMessage) { m.FrameSize = 0 })
		if _, m := p.message(); text(m) != "x" {
			t.Errorf("sent %q", text(m))
		}
	})
}

func TestDetachPoint(t *testing.T) {
	t.Run("bends it", func(t *testing.T) {
		p := begun(t, bent(t, &handler{}, amqpserver.StepEnd, amqpserver.Detach.Plan(func(_ point.Call, d *amqpserver.DetachFrame) {
			d.Closed, d.Error = false, amqp.Errorf("c", "from %s", d.Address)
		})))
		p.sender(0, "a")
		p.send(0, &amqp.Detach{Handle: 0, Closed: true})
		if d := next[*amqp.Detach](p); d.Closed || d.Error.Description != "from a" {
			t.Errorf("answered with %+v", d)
		}
	})
	t.Run("sends none", func(t *testing.T) {
		p := begun(t, bent(t, &handler{}, amqpserver.StepEnd, amqpserver.Detach.Plan(func(_ point.Call, d *amqpserver.DetachFrame) { d.Drop = true })))
		p.sender(0, "a")
		p.send(0, &amqp.Detach{Handle: 0, Closed: true})
		p.lives()
	})
}

func TestKeepalivePoint(t *testing.T) {
	c := clock.NewMovable(clock.Frozen(time.Unix(1e9, 0)))
	p := serve(t, bentWith(t, &handler{}, amqpserver.Options{IdleTimeout: -1, Clock: c}, amqpserver.StepIdle,
		amqpserver.Keepalive.Plan(func(_ point.Call, k *amqpserver.KeepaliveFrame) { k.Drop = true })))
	p.openWith(&amqp.Open{ContainerID: "x", MaxFrameSize: 512, IdleTimeout: amqp.Some(uint32(1000))}).begin(0)
	for range 5 {
		advance(t, c, time.Second)
	}
	p.nothing()
}

func TestViolatedPoint(t *testing.T) {
	p := begun(t, bent(t, &handler{}, amqpserver.StepReceive, amqpserver.Violated.Plan(func(_ point.Call, v *amqpserver.Violation) {
		v.Ignore = v.Error.Condition == amqp.NotAllowed
	})))
	p.send(7, &amqp.End{}) // a channel without a session
	p.lives()
	p.send(0, &amqp.Attach{Name: "x", Handle: 1 << 30})
	p.closes(amqp.FramingError)
}

func TestClosePoint(t *testing.T) {
	t.Run("bends it", func(t *testing.T) {
		p := begun(t, bent(t, &handler{}, amqpserver.StepEnd, amqpserver.Close.Plan(func(_ point.Call, f *amqpserver.CloseFrame) {
			f.Error = amqp.Errorf("c", "")
		})))
		p.send(0, &amqp.Close{})
		if end := next[*amqp.Close](p); end.Error == nil || end.Error.Condition != "c" {
			t.Errorf("answered with %+v", end)
		}
		p.ends()
	})
	t.Run("sends none", func(t *testing.T) {
		p := begun(t, bent(t, &handler{}, amqpserver.StepEnd, amqpserver.Close.Plan(func(_ point.Call, f *amqpserver.CloseFrame) { f.Drop = true })))
		p.send(0, &amqp.Close{})
		p.ends()
	})
}

// TestFaultsMeetOneDevice: the identity of a connection, or of a link of one that speaks for
// several, is what a fault's address is compared with.
func TestFaultsMeetOneDevice(t *testing.T) {
	set := point.NewSet(clock.System())
	plan := amqpserver.Settle.Plan(func(_ point.Call, s *amqpserver.Settlement) { s.State = &amqp.Released{} })
	if _, err := set.Arm(point.Entry{ID: "test-fault", Build: point.Always(plan)}, point.Address{Registration: "DEV-01"}, nil); err != nil {
		t.Fatal(err)
	}
	srv := amqpserver.New(&handler{
		open: func(c *amqpserver.Conn, o *amqp.Open) *amqp.Error { c.Identify(o.ContainerID); return nil },
		incoming: func(r *amqpserver.Receiver, _, _ *amqp.Attach) (amqpserver.Receive, *amqp.Error) {
			if r.Address() != "" {
				r.Identify(r.Address())
			}
			return nil, nil
		},
	}, amqpserver.Options{Points: set})
	for _, c := range []struct {
		conn, link string
		met        bool
	}{{"dev-01", "", true}, {"dev-02", "", false}, {"", "dev-01", true}, {"dev-01", "dev-02", false}} {
		p := serve(t, srv)
		p.openWith(&amqp.Open{ContainerID: c.conn, MaxFrameSize: 512}).begin(0)
		p.sender(0, c.link)
		p.transfer(0, 0, "x")
		if _, met := p.outcome(0).(*amqp.Released); met != c.met {
			t.Errorf("%+v: %v", c, met)
		}
	}
}
