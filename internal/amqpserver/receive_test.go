package amqpserver_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/amqpserver"
	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
)

// accepted tells messages to got.
func accepted(got chan<- string) amqpserver.Receive {
	return func(_ context.Context, d *amqpserver.Delivery) {
		got <- text(d.Message)
		d.Accept()
	}
}

// keeping hands deliveries out, unsettled.
func keeping(deliveries chan<- *amqpserver.Delivery) *handler {
	return &handler{incoming: func(*amqpserver.Receiver, *amqp.Attach, *amqp.Attach) (amqpserver.Receive, *amqp.Error) {
		return func(_ context.Context, d *amqpserver.Delivery) { deliveries <- d }, nil
	}}
}

func TestAMessageIsReceivedWhole(t *testing.T) {
	deliveries := make(chan *amqpserver.Delivery, 1)
	p := begun(t, amqpserver.New(keeping(deliveries), amqpserver.Options{}))
	p.sender(0, "a")
	sent := &amqp.Message{
		MessageAnnotations: amqp.Map{{amqp.Symbol("operation"), "GET"}}, Properties: &amqp.Properties{MessageID: amqp.UUID{1}, CorrelationID: uint64(3)},
		ApplicationProperties: amqp.Map{{"iotdps-operation-type", "iotdps-register"}}, Body: amqp.Data{[]byte("{}")},
	}
	payload, err := sent.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	p.sendFrame(amqp.Frame{Performative: &amqp.Transfer{
		DeliveryID: amqp.Some(uint32(0)), DeliveryTag: []byte("tag"), MessageFormat: amqp.Some(uint32(0x80013700)),
	}, Payload: payload})
	d := within(t, "the message", deliveries)
	if !reflect.DeepEqual(d.Message, sent) || string(d.Tag) != "tag" || d.Format != 0x80013700 || d.Settled() || d.Receiver().Address() != "a" {
		t.Errorf("received %+v", d)
	}
}

func TestAMessageInParts(t *testing.T) {
	got := make(chan string, 4)
	p := begun(t, amqpserver.New(accepting(got), amqpserver.Options{}))
	p.sender(0, "a")
	p.sender(1, "b")
	whole := message(t, strings.Repeat("0123456789", 100))
	first := transfer(0, 0)
	first.More = true
	p.sendFrame(amqp.Frame{Performative: first, Payload: whole[:1]})
	p.sendFrame(amqp.Frame{Performative: &amqp.Transfer{Handle: 0, More: true}, Payload: whole[1:500]})
	p.transfer(1, 1, "between, over another link")
	p.outcome(1)
	p.sendFrame(amqp.Frame{Performative: &amqp.Transfer{Handle: 0, DeliveryID: amqp.Some(uint32(0)), More: true}})
	p.sendFrame(amqp.Frame{Performative: &amqp.Transfer{Handle: 0}, Payload: whole[500:]})
	p.outcome(0)
	if a, b := <-got, <-got; a != "between, over another link" || b != strings.Repeat("0123456789", 100) {
		t.Errorf("received %q, %q", a, b)
	}
}

func TestAnAbortedMessageIsForgotten(t *testing.T) {
	got := make(chan string, 4)
	p := begun(t, amqpserver.New(accepting(got), amqpserver.Options{Credit: 1}))
	p.sender(0, "a")
	first := transfer(0, 0)
	first.More = true
	p.sendFrame(amqp.Frame{Performative: first, Payload: message(t, "never")})
	p.sendFrame(amqp.Frame{Performative: &amqp.Transfer{Aborted: true}, Payload: []byte("ignored")})
	if f := next[*amqp.Flow](p); f.LinkCredit != amqp.Some(uint32(1)) || f.DeliveryCount != amqp.Some(uint32(1)) {
		t.Errorf("credit is %+v", f)
	}
	p.transfer(0, 1, "ever")
	p.outcome(1)
	if s := <-got; s != "ever" || len(got) > 0 {
		t.Errorf("received %q", s)
	}
}

func TestASettledMessageIsNotAnswered(t *testing.T) {
	got := make(chan string, 4)
	p := begun(t, amqpserver.New(accepting(got), amqpserver.Options{}))
	p.sender(0, "a")
	settled := transfer(0, 0)
	settled.Settled = amqp.Some(true)
	p.sendFrame(amqp.Frame{Performative: settled, Payload: message(t, "one")})
	p.lives()
	first := transfer(0, 1)
	first.More = true
	p.sendFrame(amqp.Frame{Performative: first, Payload: message(t, "two")})
	p.sendFrame(amqp.Frame{Performative: &amqp.Transfer{Settled: amqp.Some(true)}}) // the last frame counts, too
	p.lives()
	if a, b := <-got, <-got; a != "one" || b != "two" {
		t.Errorf("received %q, %q", a, b)
	}
}

func TestAMalformedMessageIsRejected(t *testing.T) {
	p := begun(t, amqpserver.New(accepting(nil), amqpserver.Options{}))
	p.sender(0, "a")
	p.sendFrame(amqp.Frame{Performative: transfer(0, 0), Payload: []byte{0x45}})
	if r, ok := p.outcome(0).(*amqp.Rejected); !ok || r.Error.Condition != amqp.DecodeError {
		t.Errorf("it is %+v", r)
	}
	p.lives()
}

func TestViolationsOfTheLink(t *testing.T) {
	for _, c := range []struct {
		rule      string
		act       func(*peer)
		condition amqp.Symbol
	}{
		{"a message without a delivery-id", func(p *peer) { p.send(0, &amqp.Transfer{DeliveryTag: []byte{1}}) }, amqp.InvalidField},
		{"a message without a delivery-tag", func(p *peer) { p.send(0, &amqp.Transfer{DeliveryID: amqp.Some(uint32(0))}) }, amqp.InvalidField},
		{"a delivery-tag of 33 bytes", func(p *peer) {
			p.send(0, &amqp.Transfer{DeliveryID: amqp.Some(uint32(0)), DeliveryTag: make([]byte, 33)})
		}, amqp.InvalidField},
		{"a delivery-id that is not settled", func(p *peer) { p.transfer(0, 0, "a"); p.transfer(0, 0, "a") }, amqp.InvalidField},
		{"another message before the end of one", func(p *peer) {
			first := transfer(0, 0)
			first.More = true
			p.send(0, first)
			p.transfer(0, 1, "a")
		}, amqp.InvalidField},
		{"a resumed message", func(p *peer) {
			again := transfer(0, 0)
			again.Resume = true
			p.send(0, again)
		}, amqp.NotImplemented},
		{"a message beyond the credit", func(p *peer) {
			for i := range uint32(4) {
				p.transfer(0, i, "a")
			}
		}, amqp.TransferLimitExceeded},
		{"a message larger than allowed", func(p *peer) { p.transfer(0, 0, strings.Repeat("x", 96)) }, amqp.MessageSizeExceeded},
		{"a message larger than allowed, in parts", func(p *peer) {
			first := transfer(0, 0)
			first.More = true
			p.sendFrame(amqp.Frame{Performative: first, Payload: make([]byte, 100)})
			p.sendFrame(amqp.Frame{Performative: &amqp.Transfer{More: true}, Payload: make([]byte, 1)})
		}, amqp.MessageSizeExceeded},
	} {
		t.Run(c.rule, func(t *testing.T) {
			deliveries := make(chan *amqpserver.Delivery, 10)
			p := begun(t, amqpserver.New(keeping(deliveries), amqpserver.Options{MaxMessage: 100, Credit: 3}))
			p.sender(0, "a")
			c.act(p)
			p.detaches(0, c.condition)
			p.sender(0, "a") // another link, which owes nothing
			p.transfer(0, 100, strings.Repeat("x", 93))
			for d := range deliveries {
				d.Accept()
				if len(text(d.Message)) == 93 {
					break
				}
			}
			p.outcome(100)
		})
	}
	t.Run("a message on a link over which the server sends", func(t *testing.T) {
		p := begun(t, amqpserver.New(&handler{}, amqpserver.Options{}))
		p.receiver(0, "a", 0)
		p.transfer(0, 0, "a")
		p.detaches(0, amqp.NotAllowed)
	})
}

func TestTheBytesOfUnsettledMessagesAreBounded(t *testing.T) {
	deliveries := make(chan *amqpserver.Delivery, 10)
	p := begun(t, amqpserver.New(keeping(deliveries), amqpserver.Options{MaxHeld: 2000}))
	p.sender(0, "a")
	p.transfer(0, 0, strings.Repeat("x", 900))
	p.transfer(0, 1, strings.Repeat("x", 900))
	within(t, "one", deliveries).Accept()
	p.outcome(0)
	p.transfer(0, 2, strings.Repeat("x", 900))
	within(t, "two", deliveries)
	within(t, "three", deliveries)
	p.transfer(0, 3, strings.Repeat("x", 900))
	p.closes(amqp.ResourceLimitExceeded)
}

// TestCredit: half of the credit is used, settled and done with before there is more.
func TestCredit(t *testing.T) {
	deliveries := make(chan *amqpserver.Delivery, 10)
	p := begun(t, amqpserver.New(keeping(deliveries), amqpserver.Options{Credit: 4}))
	p.sender(0, "a")
	var got []*amqpserver.Delivery
	for i := range uint32(4) {
		p.transfer(0, i, "x")
		got = append(got, within(t, "a message", deliveries))
	}
	p.lives()

	busy := make(chan struct{})
	got[1].Go(func(context.Context) { <-busy })
	for i := range uint32(2) {
		got[i].Accept()
		p.outcome(i)
	}
	p.lives() // one is used up, and the other still works
	got[2].Accept()
	p.outcome(2)
	if f := next[*amqp.Flow](p); f.LinkCredit != amqp.Some(uint32(2)) || f.DeliveryCount != amqp.Some(uint32(4)) {
		t.Errorf("credit is %+v", f)
	}
	close(busy)
	got[3].Accept()
	// The work may end before or after the settlement of the last; both are done then.
	p.outcome(3)
	if f := next[*amqp.Flow](p); f.LinkCredit != amqp.Some(uint32(4)) {
		t.Errorf("credit is %+v", f)
	}
}

// TestCreditNeverEnds, whatever order a handler settles and works in.
func TestCreditNeverEnds(t *testing.T) {
	type act func(d *amqpserver.Delivery, done func(context.Context))
	for rule, act := range map[string]act{
		"settled, then work": func(d *amqpserver.Delivery, done func(context.Context)) { d.Accept(); d.Go(done) },
		"work, then settled": func(d *amqpserver.Delivery, done func(context.Context)) { d.Go(done); d.Accept() },
		"settled by the work": func(d *amqpserver.Delivery, done func(context.Context)) {
			d.Go(func(ctx context.Context) { done(ctx); d.Accept() })
		},
		"much work": func(d *amqpserver.Delivery, done func(context.Context)) {
			d.Go(done)
			d.Accept()
			d.Go(func(context.Context) {})
		},
		"late work": func(d *amqpserver.Delivery, done func(context.Context)) {
			d.Receiver().Conn().Go(func(context.Context) { d.Accept(); d.Go(done) })
		},
	} {
		for _, settled := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, sent settled %v", rule, settled), func(t *testing.T) {
				worked := make(chan bool, 100)
				p := begun(t, amqpserver.New(&handler{incoming: func(*amqpserver.Receiver, *amqp.Attach, *amqp.Attach) (amqpserver.Receive, *amqp.Error) {
					return func(_ context.Context, d *amqpserver.Delivery) { act(d, func(context.Context) { worked <- true }) }, nil
				}}, amqpserver.Options{Credit: 3, MaxHeld: 100}))
				p.send(0, attachSender(0, "a"))
				next[*amqp.Attach](p)
				sent, credit := uint32(0), uint32(0)
				for sent < 50 {
					if credit == sent {
						if f, ok := p.frame().Performative.(*amqp.Flow); ok && f.Handle.Set {
							credit = f.DeliveryCount.V + f.LinkCredit.V
						}
						continue
					}
					one := transfer(0, sent)
					one.Settled = amqp.Some(settled)
					p.sendFrame(amqp.Frame{Performative: one, Payload: message(t, "x")})
					sent++
				}
				for range sent {
					within(t, "the work", worked)
				}
				if credit-sent > 3 {
					t.Errorf("credit for %d after %d", credit, sent)
				}
			})
		}
	}
}
