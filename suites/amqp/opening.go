package amqp

import (
	"context"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/devwire/amqpframe"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// openingChecks are about the order in which a connection comes to its first request.
var openingChecks = []harness.Check{{
	Requirement: "DPS-AMQP-015",
	Title:       "credit is granted as soon as the links are attached",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		f := begun(ctx, t, d)
		for _, handle := range bothLinks {
			f.Write(amqpframe.On(0, attachment(d, handle)))
			f.Read(ctx, "attach")
		}
		for f.Credit() == 0 { // a flow may be about the session alone
			f.Read(ctx, "flow")
		}
		t.Expect(f.Credit()).To(BeNumerically(">", 0), "link-credit")
	},
}, {
	Requirement: "DPS-AMQP-016",
	Title:       "a device that sends twice as many requests as it first had credit for has all of them settled",
	Transports:  harness.OverAMQP,
	Run:         creditGoesOn,
}, {
	Requirement: "DPS-AMQP-017",
	Title:       "an opening in one write is answered step by step, and the request behind it",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		f := d.Frames(ctx, t)
		t.Given("the device is logged in", func() { t.Answered(f.Login(ctx, d.Identity), "log in by sasl") })
		f.Write(amqpframe.Layer(amqpframe.HeaderAMQP), amqpframe.On(0, devwire.AMQPOpen(d.Service.Device, d.Identity)),
			amqpframe.On(0, devwire.AMQPBegin()), amqpframe.On(0, attachment(d, devwire.AMQPReceiver)),
			amqpframe.On(0, attachment(d, devwire.AMQPSender)), amqpframe.On(0, devwire.AMQPCredit(10)))
		for _, name := range []string{"header", "open", "begin", "attach", "attach"} {
			t.Expect(f.Read(ctx, "header", "open", "begin", "attach", "detach", "end", "close").Name()).To(Equal(name))
		}
		s := session{f, t, env, d}
		s.Register()
		s.accepted(ctx)
		s.hear(ctx)
	},
}, {
	Requirement: "DPS-AMQP-018",
	Title:       "a device that attaches its sender first registers",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		first := styled(d, func(s *devwire.AMQPStyle) { s.SenderFirst = true })
		t.Expect(first.Try(ctx, t)).To(harness.BeAccepted())
	},
}}

// mostCredit is what a check of credit is ready to use up.
const mostCredit = 250

// creditGoesOn sends one request after the other, each as soon as there is credit for it.
func creditGoesOn(ctx context.Context, env *harness.Env, t *harness.T) {
	s := open(ctx, env, t)
	t.Given("the service grants credit", func() {
		for s.Credit() == 0 {
			s.Read(ctx, "flow")
		}
	})
	first := s.Credit()
	if first > mostCredit {
		t.Skip("the service grants more credit at once than a check uses up")
	}
	left, sent := first, uint64(0)
	next := func(name string) amqpframe.Frame { // keeps count of what passes by
		for {
			f := s.Read(ctx, name, "flow")
			if n, linked := f.Body.Number("delivery-count"); f.Name() == "flow" && linked {
				credit, _ := f.Body.Number("link-credit")
				left = credit + n - sent
			}
			if f.Name() == name {
				return f
			}
		}
	}
	for range 2 * first {
		for left == 0 {
			next("flow")
		}
		s.Poll(unknownOperation)
		sent++
		left--
		t.Expect(next("disposition").Body.Inner("state").Name()).To(Equal("rejected"), "the outcome of a poll of no operation")
	}
}
