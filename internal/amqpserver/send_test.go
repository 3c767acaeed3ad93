package amqpserver_test

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/amqpserver"
	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/point"
)

func data(s string) *amqp.Message { return &amqp.Message{Body: amqp.Data{[]byte(s)}} }

// sent is what a call of Send returned.
type sent struct {
	*amqpserver.Sent
	err error
}

// sends calls Send beside the test.
func sends(ctx context.Context, s *amqpserver.Sender, text string, o amqpserver.SendOptions) <-chan sent {
	done := make(chan sent, 1)
	go func() {
		one, err := s.Send(ctx, data(text), o)
		done <- sent{one, err}
	}()
	return done
}

// receiving is a peer that receives over a link, and the server's end of that.
func receiving(t *testing.T, o amqpserver.Options, credit uint32) (*peer, *amqpserver.Sender) {
	t.Helper()
	senders := make(chan *amqpserver.Sender, 1)
	p := begun(t, amqpserver.New(sending(senders), o))
	p.receiver(0, "a", credit)
	return p, <-senders
}

func TestSend(t *testing.T) {
	p, s := receiving(t, amqpserver.Options{}, 10)
	m := &amqp.Message{
		Properties: &amqp.Properties{CorrelationID: "c-1"}, ApplicationProperties: amqp.Map{{"retry-after", int32(3)}}, Body: amqp.Data{[]byte("{}")},
	}
	lockToken := bytes.Repeat([]byte{7}, 16)
	one, err := s.Send(t.Context(), m, amqpserver.SendOptions{Tag: lockToken, Format: 5})
	if err != nil {
		t.Fatal(err)
	}
	transfer, got := p.message()
	if want := (&amqp.Transfer{
		Handle: 0, DeliveryID: amqp.Some(uint32(0)), DeliveryTag: lockToken, MessageFormat: amqp.Some(uint32(5)),
	}); !reflect.DeepEqual(transfer, want) || !reflect.DeepEqual(got, m) {
		t.Errorf("sent %+v, %+v", transfer, got)
	}
	p.send(0, &amqp.Disposition{Role: amqp.Receiver, First: 0, Settled: true, State: &amqp.Accepted{}})
	if state, err := one.Outcome(t.Context()); err != nil || !reflect.DeepEqual(state, &amqp.Accepted{}) {
		t.Errorf("the outcome is %v, %v", state, err)
	}

	settled, err := s.Send(t.Context(), data("x"), amqpserver.SendOptions{Settled: true})
	if err != nil {
		t.Fatal(err)
	}
	if transfer, _ := p.message(); transfer.Settled != amqp.Some(true) || transfer.DeliveryID != amqp.Some(uint32(1)) || len(transfer.DeliveryTag) == 0 {
		t.Errorf("sent %+v", transfer)
	}
	if state, err := settled.Outcome(t.Context()); state != nil || err != nil {
		t.Errorf("the outcome is %v, %v", state, err)
	}
	if _, err := s.Send(t.Context(), &amqp.Message{Body: amqp.Single{Value: 1}}, amqpserver.SendOptions{}); err == nil {
		t.Error("sent what cannot be encoded")
	}
}

func TestTheSettleModeOfALinkDecides(t *testing.T) {
	for _, c := range []struct {
		mode        uint8
		asked, want bool
	}{
		{amqp.SenderMixed, false, false}, {amqp.SenderMixed, true, true},
		{amqp.SenderSettled, false, true}, {amqp.SenderUnsettled, true, false},
	} {
		senders := make(chan *amqpserver.Sender, 1)
		p := begun(t, amqpserver.New(sending(senders), amqpserver.Options{}))
		attach := attachReceiver(0, "a")
		attach.SenderSettleMode = c.mode
		p.send(0, attach)
		next[*amqp.Attach](p)
		p.credit(0, 0, 1)
		if _, err := (<-senders).Send(t.Context(), data("x"), amqpserver.SendOptions{Settled: c.asked}); err != nil {
			t.Fatal(err)
		}
		if transfer, _ := p.message(); transfer.Settled.V != c.want {
			t.Errorf("mode %d, asked %v: sent %+v", c.mode, c.asked, transfer)
		}
	}
}

func TestNothingIsSentWithoutCredit(t *testing.T) {
	p, s := receiving(t, amqpserver.Options{}, 0)
	one := sends(t.Context(), s, "one", amqpserver.SendOptions{Settled: true})
	p.lives()
	p.credit(0, 0, 1)
	p.message()
	if r := within(t, "Send", one); r.err != nil {
		t.Fatal(r.err)
	}
	two := sends(t.Context(), s, "two", amqpserver.SendOptions{Settled: true})
	p.lives()
	p.credit(0, 0, 1) // which was given before the first was seen, and is used up
	p.lives()
	p.credit(0, 1, 1)
	if _, m := p.message(); text(m) != "two" {
		t.Errorf("sent %q", text(m))
	}
	within(t, "Send", two)
}

func TestNothingIsSentBeyondTheWindow(t *testing.T) {
	p, s := receiving(t, amqpserver.Options{}, 0)
	window := func(next, window uint32) {
		p.send(0, &amqp.Flow{
			NextIncomingID: amqp.Some(next), IncomingWindow: window, OutgoingWindow: 1,
			Handle: amqp.Some(uint32(0)), DeliveryCount: amqp.Some(uint32(0)), LinkCredit: amqp.Some(uint32(10)),
		})
	}
	window(1, 2)
	var all []<-chan sent
	for range 3 {
		one := sends(t.Context(), s, "x", amqpserver.SendOptions{Settled: true})
		if len(all) < 2 {
			p.message()
		}
		all = append(all, one)
	}
	p.send(0, &amqp.Flow{NextIncomingID: amqp.Some(uint32(3)), IncomingWindow: 0, OutgoingWindow: 1, Echo: true})
	if f := next[*amqp.Flow](p); f.NextOutgoingID != 3 {
		t.Errorf("sent up to %d", f.NextOutgoingID)
	}
	window(1, 2) // late: both have been used
	p.send(0, &amqp.Flow{NextIncomingID: amqp.Some(uint32(3)), IncomingWindow: 0, OutgoingWindow: 1, Echo: true})
	next[*amqp.Flow](p)
	window(3, 1)
	p.message()
	for _, one := range all {
		if r := within(t, "Send", one); r.err != nil {
			t.Error(r.err)
		}
	}
}

func TestALargeMessageIsSentInFrames(t *testing.T) {
	senders := make(chan *amqpserver.Sender, 1)
	p := serve(t, amqpserver.New(sending(senders), amqpserver.Options{}))
	p.openWith(&amqp.Open{ContainerID: "x", MaxFrameSize: 512}).begin(0)
	p.receiver(0, "a", 10)
	large := strings.Repeat("0123456789", 1000)
	done := sends(t.Context(), <-senders, large, amqpserver.SendOptions{})
	var payload []byte
	for i := 0; ; i++ {
		f := p.frame()
		b, err := f.Append(nil)
		if err != nil || len(b) > 512 {
			t.Fatalf("a frame of %d bytes, %v", len(b), err)
		}
		transfer := f.Performative.(*amqp.Transfer)
		if transfer.DeliveryID != amqp.Some(uint32(0)) || (transfer.DeliveryTag != nil) != (i == 0) {
			t.Fatalf("frame %d is %+v", i, transfer)
		}
		if payload = append(payload, f.Payload...); !transfer.More {
			break
		}
		if len(b) != 512 {
			t.Errorf("frame %d has only %d bytes", i, len(b))
		}
	}
	if m, err := amqp.ReadMessage(payload); err != nil || text(m) != large {
		t.Errorf("%d bytes, %v", len(payload), err)
	}
	within(t, "Send", done)
	p.lives()
}

// TestMessagesOfALinkDoNotMix, however their frames wait for the window.
func TestMessagesOfALinkDoNotMix(t *testing.T) {
	senders := make(chan *amqpserver.Sender, 1)
	p := serve(t, amqpserver.New(sending(senders), amqpserver.Options{}))
	p.openWith(&amqp.Open{ContainerID: "x", MaxFrameSize: 512})
	p.send(0, &amqp.Begin{IncomingWindow: 1, OutgoingWindow: 1, HandleMax: 1})
	next[*amqp.Begin](p)
	p.send(0, attachReceiver(0, "a"))
	next[*amqp.Attach](p)
	s := <-senders
	large := map[string]<-chan sent{}
	for _, letter := range []string{"a", "b", "c"} {
		large[strings.Repeat(letter, 2000)] = sends(t.Context(), s, strings.Repeat(letter, 2000), amqpserver.SendOptions{})
	}
	frames := uint32(0)
	for range 3 {
		var payload []byte
		for more := true; more; {
			p.send(0, &amqp.Flow{
				NextIncomingID: amqp.Some(1 + frames), IncomingWindow: 1, OutgoingWindow: 1,
				Handle: amqp.Some(uint32(0)), DeliveryCount: amqp.Some(uint32(0)), LinkCredit: amqp.Some(uint32(3)),
			})
			f := p.frame()
			frames++
			payload = append(payload, f.Payload...)
			more = f.Performative.(*amqp.Transfer).More
		}
		m, err := amqp.ReadMessage(payload)
		if err != nil || large[text(m)] == nil {
			t.Fatalf("mixed: %q, %v", payload, err)
		}
		within(t, "Send", large[text(m)])
		delete(large, text(m))
	}
}

func TestAMessageLargerThanTheClientTakes(t *testing.T) {
	senders := make(chan *amqpserver.Sender, 1)
	p := begun(t, amqpserver.New(sending(senders), amqpserver.Options{}))
	attach := attachReceiver(0, "a")
	attach.MaxMessageSize = 100
	p.send(0, attach)
	next[*amqp.Attach](p)
	p.credit(0, 0, 10)
	s := <-senders
	if _, err := s.Send(t.Context(), data(strings.Repeat("x", 96)), amqpserver.SendOptions{}); err == nil || !strings.Contains(err.Error(), "larger than the 100") {
		t.Errorf("sent: %v", err)
	}
	if _, err := s.Send(t.Context(), data(strings.Repeat("x", 95)), amqpserver.SendOptions{}); err != nil {
		t.Error(err)
	}
	p.message()
}

func TestOutcomesOfTheClient(t *testing.T) {
	p, s := receiving(t, amqpserver.Options{}, 100)
	var all []*amqpserver.Sent
	for range 6 {
		one, err := s.Send(t.Context(), data("x"), amqpserver.SendOptions{})
		if err != nil {
			t.Fatal(err)
		}
		p.message()
		all = append(all, one)
	}
	rejected := &amqp.Rejected{Error: amqp.Errorf("com.microsoft:argument-error", "no")}
	p.send(0, &amqp.Disposition{Role: amqp.Receiver, First: 5, State: &amqp.Received{}}) // no outcome yet
	p.send(0, &amqp.Disposition{Role: amqp.Receiver, First: 0, Last: amqp.Some(uint32(1)), Settled: true, State: &amqp.Released{}})
	p.send(0, &amqp.Disposition{Role: amqp.Receiver, First: 1, Settled: true, State: &amqp.Accepted{}}) // too late
	p.send(0, &amqp.Disposition{Role: amqp.Receiver, First: 2, Settled: true, State: rejected})
	p.send(0, &amqp.Disposition{Role: amqp.Receiver, First: 3, Settled: true}) // settled, and nothing said
	p.send(0, &amqp.Disposition{Role: amqp.Receiver, First: 4, State: &amqp.Modified{DeliveryFailed: true}})
	if d := next[*amqp.Disposition](p); !reflect.DeepEqual(d, &amqp.Disposition{
		Role: amqp.Sender, First: 4, Settled: true, State: &amqp.Modified{DeliveryFailed: true},
	}) {
		t.Errorf("a client that settles second gets %+v", d) // iot-hub.md 2.4
	}
	p.send(0, &amqp.Disposition{Role: amqp.Receiver, First: 4, Settled: true})
	for i, want := range []amqp.State{&amqp.Released{}, &amqp.Released{}, rejected, nil, &amqp.Modified{DeliveryFailed: true}} {
		if got, err := all[i].Outcome(t.Context()); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%d: %v, %v", i, got, err)
		}
	}
	p.send(0, &amqp.Disposition{Role: amqp.Receiver, First: 3, Last: amqp.Some(uint32(1 << 30)), Settled: true, State: &amqp.Accepted{}})
	if got, err := all[5].Outcome(t.Context()); err != nil || !reflect.DeepEqual(got, &amqp.Accepted{}) {
		t.Errorf("the last of a long range: %v, %v", got, err)
	}
	p.lives()
}

func TestForget(t *testing.T) {
	p, s := receiving(t, amqpserver.Options{}, 100)
	one, err := s.Send(t.Context(), data("x"), amqpserver.SendOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p.message()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := one.Outcome(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("while it waits: %v", err)
	}
	for range 2 {
		if err := one.Forget(); err != nil {
			t.Error(err)
		}
	}
	if d := next[*amqp.Disposition](p); d.Role != amqp.Sender || d.First != 0 || !d.Settled {
		t.Errorf("disposition %+v", d)
	}
	if state, err := one.Outcome(t.Context()); state != nil || err != nil {
		t.Errorf("the outcome is %v, %v", state, err)
	}
	p.send(0, &amqp.Disposition{Role: amqp.Receiver, First: 0, Settled: true, State: &amqp.Accepted{}})
	p.lives()
}

func TestADetachedLinkSendsNothing(t *testing.T) {
	for rule, end := range map[string]func(*peer, *amqpserver.Sender){
		"by the client": func(p *peer, _ *amqpserver.Sender) {
			p.send(0, &amqp.Detach{Handle: 0, Closed: true})
			next[*amqp.Detach](p)
		},
		"by the server": func(p *peer, s *amqpserver.Sender) { s.Detach(nil); next[*amqp.Detach](p) },
		"by an end":     func(p *peer, _ *amqpserver.Sender) { p.send(0, &amqp.End{}); next[*amqp.End](p) },
		"by a close":    func(p *peer, _ *amqpserver.Sender) { p.send(0, &amqp.Close{}); next[*amqp.Close](p); p.ends() },
	} {
		t.Run(rule, func(t *testing.T) {
			p, s := receiving(t, amqpserver.Options{}, 1)
			outstanding, err := s.Send(t.Context(), data("x"), amqpserver.SendOptions{})
			if err != nil {
				t.Fatal(err)
			}
			p.message()
			waiting := sends(t.Context(), s, "x", amqpserver.SendOptions{})
			p.lives()
			end(p, s)
			if r := within(t, "Send", waiting); !errors.Is(r.err, amqpserver.ErrDetached) {
				t.Errorf("one that waits: %v", r.err)
			}
			if _, err := outstanding.Outcome(t.Context()); !errors.Is(err, amqpserver.ErrDetached) {
				t.Errorf("the outcome of one that was sent: %v", err)
			}
			if _, err := s.Send(t.Context(), data("x"), amqpserver.SendOptions{}); !errors.Is(err, amqpserver.ErrDetached) {
				t.Errorf("another: %v", err)
			}
		})
	}
}

func TestAMessageThatIsGivenUp(t *testing.T) {
	t.Run("before its first frame", func(t *testing.T) {
		p, s := receiving(t, amqpserver.Options{}, 0)
		ctx, cancel := context.WithCancel(t.Context())
		one, two := sends(ctx, s, "x", amqpserver.SendOptions{}), sends(ctx, s, "x", amqpserver.SendOptions{})
		p.lives()
		cancel()
		for _, done := range []<-chan sent{one, two} {
			if r := within(t, "Send", done); !errors.Is(r.err, context.Canceled) {
				t.Error(r.err)
			}
		}
		p.lives()
	})
	t.Run("half-way, which costs the link", func(t *testing.T) {
		senders := make(chan *amqpserver.Sender, 1)
		p := serve(t, amqpserver.New(sending(senders), amqpserver.Options{}))
		p.openWith(&amqp.Open{ContainerID: "x", MaxFrameSize: 512})
		p.send(0, &amqp.Begin{IncomingWindow: 1, OutgoingWindow: 1, HandleMax: 1})
		next[*amqp.Begin](p)
		p.send(0, attachReceiver(0, "a"))
		next[*amqp.Attach](p)
		p.send(0, &amqp.Flow{
			NextIncomingID: amqp.Some(uint32(1)), IncomingWindow: 1, OutgoingWindow: 1,
			Handle: amqp.Some(uint32(0)), DeliveryCount: amqp.Some(uint32(0)), LinkCredit: amqp.Some(uint32(3)),
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := sends(ctx, <-senders, strings.Repeat("x", 2000), amqpserver.SendOptions{})
		if f := p.frame(); !f.Performative.(*amqp.Transfer).More {
			t.Error("no more")
		}
		cancel()
		p.detaches(0, amqp.DetachForced)
		if r := within(t, "Send", done); !errors.Is(r.err, context.Canceled) {
			t.Error(r.err)
		}
	})
}

func TestUnsettledMessagesAreBounded(t *testing.T) {
	p, s := receiving(t, amqpserver.Options{}, 0)
	p.send(0, &amqp.Flow{
		NextIncomingID: amqp.Some(uint32(1)), IncomingWindow: 1 << 20, OutgoingWindow: 1,
		Handle: amqp.Some(uint32(0)), DeliveryCount: amqp.Some(uint32(0)), LinkCredit: amqp.Some(uint32(1 << 20)),
	})
	done := make(chan error, 1)
	go func() {
		for range amqpserver.MaxUnsettled + 1 {
			if _, err := s.Send(t.Context(), data("x"), amqpserver.SendOptions{}); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for range amqpserver.MaxUnsettled {
		p.message()
	}
	p.send(0, &amqp.Flow{NextIncomingID: amqp.Some(uint32(1 + amqpserver.MaxUnsettled)), IncomingWindow: 1 << 20, OutgoingWindow: 1, Echo: true})
	next[*amqp.Flow](p)
	p.send(0, &amqp.Disposition{Role: amqp.Receiver, First: 9, Settled: true, State: &amqp.Accepted{}})
	p.message()
	if err := within(t, "Send", done); err != nil {
		t.Error(err)
	}
}

// TestNumbersWrapAround, as serial numbers do (RFC 1982).
func TestNumbersWrapAround(t *testing.T) {
	senders := make(chan *amqpserver.Sender, 1)
	set := point.NewSet(clock.System())
	set.Arm(point.Entry{Build: point.Always(
		amqpserver.Begin.Plan(func(_ point.Call, r *amqpserver.BeginReply) { r.Begin.NextOutgoingID = 1<<32 - 1 }),
	)}, point.Address{}, nil)
	h := &handler{outgoing: func(s *amqpserver.Sender, _, reply *amqp.Attach) *amqp.Error {
		reply.InitialDeliveryCount = amqp.Some(uint32(1<<32 - 1))
		senders <- s
		return nil
	}}
	p := begun(t, amqpserver.New(h, amqpserver.Options{Points: set}))
	p.receiver(0, "a", 0)
	s := <-senders
	for i := range uint32(3) {
		p.send(0, &amqp.Flow{
			NextIncomingID: amqp.Some(1<<32 - 1 + i), IncomingWindow: 1, OutgoingWindow: 1,
			Handle: amqp.Some(uint32(0)), DeliveryCount: amqp.Some(1<<32 - 1 + i), LinkCredit: amqp.Some(uint32(1)),
		})
		if _, err := s.Send(t.Context(), data("x"), amqpserver.SendOptions{Settled: true}); err != nil {
			t.Fatal(err)
		}
		p.message()
	}
}
