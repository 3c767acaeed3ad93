package amqpserver_test

import (
	"context"
	"testing"

	"github.com/dpslab/dpslab/internal/amqpserver"
	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
)

func linkFlow(handle, count, credit uint32, drain, echo bool) *amqp.Flow {
	return &amqp.Flow{
		NextIncomingID: amqp.Some(uint32(1)), IncomingWindow: 1000, OutgoingWindow: 100, Drain: drain, Echo: echo,
		Handle: amqp.Some(handle), DeliveryCount: amqp.Some(count), LinkCredit: amqp.Some(credit),
	}
}

func TestAFlowIsEchoed(t *testing.T) {
	p, s := receiving(t, amqpserver.Options{}, 3)
	if _, err := s.Send(t.Context(), data("x"), amqpserver.SendOptions{}); err != nil {
		t.Fatal(err)
	}
	p.message()
	p.send(0, linkFlow(0, 0, 3, false, true))
	f := next[*amqp.Flow](p)
	if f.Handle != amqp.Some(uint32(0)) || f.DeliveryCount != amqp.Some(uint32(1)) || f.LinkCredit != amqp.Some(uint32(2)) || f.Available != amqp.Some(uint32(0)) || f.Drain {
		t.Errorf("a sender says %+v", f)
	}
	p.sender(1, "b")
	p.send(0, linkFlow(1, 0, 0, false, true))
	f = next[*amqp.Flow](p)
	if f.Handle != amqp.Some(uint32(1)) || f.DeliveryCount != amqp.Some(uint32(0)) || f.LinkCredit != amqp.Some(uint32(100)) || f.Available.Set {
		t.Errorf("a receiver says %+v", f)
	}
}

func TestDrain(t *testing.T) {
	t.Run("with nothing to send, the credit is given back", func(t *testing.T) {
		p, s := receiving(t, amqpserver.Options{}, 5)
		p.send(0, linkFlow(0, 0, 5, true, false))
		f := next[*amqp.Flow](p)
		if !f.Drain || f.LinkCredit != amqp.Some(uint32(0)) || f.DeliveryCount != amqp.Some(uint32(5)) {
			t.Errorf("drained: %+v", f)
		}
		done := sends(t.Context(), s, "x", amqpserver.SendOptions{})
		p.lives() // without credit
		p.send(0, linkFlow(0, 5, 1, false, false))
		p.message()
		within(t, "Send", done)
		p.lives()
	})
	t.Run("without credit there is nothing to give back, and it is said", func(t *testing.T) {
		p, _ := receiving(t, amqpserver.Options{}, 0)
		p.send(0, linkFlow(0, 0, 0, true, true))
		if f := next[*amqp.Flow](p); !f.Drain || f.LinkCredit != amqp.Some(uint32(0)) || f.DeliveryCount != amqp.Some(uint32(0)) {
			t.Errorf("drained: %+v", f)
		}
		p.lives()
	})
	t.Run("with messages that wait, they come first", func(t *testing.T) {
		p, s := receiving(t, amqpserver.Options{}, 0)
		one, two := sends(t.Context(), s, "x", amqpserver.SendOptions{}), sends(t.Context(), s, "x", amqpserver.SendOptions{})
		for { // until both wait
			p.send(0, linkFlow(0, 0, 0, false, true))
			if f := next[*amqp.Flow](p); f.Available == amqp.Some(uint32(2)) {
				break
			}
		}
		p.send(0, linkFlow(0, 0, 5, true, false))
		p.message()
		p.message()
		within(t, "Send", one)
		within(t, "Send", two)
		if f := next[*amqp.Flow](p); !f.Drain || f.LinkCredit != amqp.Some(uint32(0)) || f.DeliveryCount != amqp.Some(uint32(5)) {
			t.Errorf("drained: %+v", f)
		}
	})
	t.Run("with more messages than credit", func(t *testing.T) {
		p, s := receiving(t, amqpserver.Options{}, 0)
		ctx := t.Context()
		sends(ctx, s, "x", amqpserver.SendOptions{})
		sends(ctx, s, "x", amqpserver.SendOptions{})
		for {
			p.send(0, linkFlow(0, 0, 0, false, true))
			if f := next[*amqp.Flow](p); f.Available == amqp.Some(uint32(2)) {
				break
			}
		}
		p.send(0, linkFlow(0, 0, 1, true, false))
		p.message()
		if f := next[*amqp.Flow](p); !f.Drain || f.LinkCredit != amqp.Some(uint32(0)) || f.DeliveryCount != amqp.Some(uint32(1)) {
			t.Errorf("drained: %+v", f)
		}
	})
}

func TestCreditBeforeTheAttachIsSeen(t *testing.T) {
	p, s := receiving(t, amqpserver.Options{}, 0)
	f := linkFlow(0, 0, 1, false, false)
	f.DeliveryCount = amqp.Opt[uint32]{}
	f.NextIncomingID = amqp.Opt[uint32]{} // nor the begin
	p.send(0, f)
	if _, err := s.Send(t.Context(), data("x"), amqpserver.SendOptions{}); err != nil {
		t.Fatal(err)
	}
	p.message()
}

// TestAllowances are windows and credit that were told from another point of view than the
// server's: before it had sent what it has, or after what it never did.
func TestAllowances(t *testing.T) {
	p, s := receiving(t, amqpserver.Options{}, 10)
	for range 3 {
		if _, err := s.Send(t.Context(), data("x"), amqpserver.SendOptions{Settled: true}); err != nil {
			t.Fatal(err)
		}
		p.message()
	}
	for _, c := range []struct {
		rule                      string
		next, window, count, give uint32
		credit                    uint32
		sends                     bool
	}{
		{"as it is", 4, 9, 3, 2, 2, true},
		{"credit from before, part of which is left", 5, 9, 1, 5, 2, true},
		{"credit from before, all of which is used", 6, 9, 1, 2, 0, false},
		{"credit from before, overdrawn", 6, 9, 1, 1, 0, false},
		{"credit from a count that is not reached", 6, 9, 9, 1, 1, true},
		{"a window from before, all of which is used", 5, 2, 6, 9, 9, false},
		{"a window from before, overdrawn", 5, 1, 6, 9, 9, false},
		{"a window from an id that is not reached", 50, 1, 6, 9, 9, true},
	} {
		t.Run(c.rule, func(t *testing.T) {
			p.t = t
			f := &amqp.Flow{
				NextIncomingID: amqp.Some(c.next), IncomingWindow: c.window, OutgoingWindow: 1, Echo: true,
				Handle: amqp.Some(uint32(0)), DeliveryCount: amqp.Some(c.count), LinkCredit: amqp.Some(c.give),
			}
			p.send(0, f)
			if got := next[*amqp.Flow](p); got.LinkCredit.V != c.credit {
				t.Errorf("credit of %d is left", got.LinkCredit.V)
			}
			ctx, cancel := context.WithCancel(t.Context())
			done := sends(ctx, s, "x", amqpserver.SendOptions{Settled: true})
			if c.sends {
				p.message()
			} else {
				f.Echo = true
				p.send(0, f)
				next[*amqp.Flow](p)
				cancel()
			}
			if r := within(t, "Send", done); (r.err == nil) != c.sends {
				t.Errorf("Send: %v", r.err)
			}
			cancel()
		})
	}
}
