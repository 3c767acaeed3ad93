package main

import (
	"context"
	"testing"

	"github.com/dpslab/dpslab/internal/devwire/amqpframe"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/reports"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// What a check of AMQP is written with, on a service that is right.
func TestChecksFrameByFrame(t *testing.T) {
	lab := up(t).open(t)
	env, err := harness.Open(t.Context(), lab.target)
	if err != nil {
		t.Fatal(err)
	}
	defer env.Close()
	over := []dps.Transport{dps.AMQP, dps.AMQPWebSocket}
	clause := &harness.Requirement{
		ID: "OWN-AMQP-001", Level: "must", Statement: "The service answers over AMQP.", Source: "this test", Evidence: "doc",
		Transports: []string{"amqp", "amqp-ws"},
	}
	cases, err := harness.Cases([]harness.Check{{
		Own: clause, Title: "the outcome comes before the answer, which has the request's correlation-id", Transports: over,
		Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
			f := env.Service(ctx, t).SymmetricKeyDevice(ctx, t).Links(ctx, t)
			request := f.Register()
			t.Expect(f.Outcome(ctx).Name()).To(Equal("accepted"))
			t.Expect(f.Answer(ctx).Message.Property("correlation-id")).To(Equal(request.Property("correlation-id")))
		},
	}, {
		Own: clause, Title: "an answer is found behind its outcome, a poll of nothing is rejected", Transports: over,
		Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
			f := env.Service(ctx, t).SymmetricKeyDevice(ctx, t).Links(ctx, t)
			f.Register()
			t.Expect(f.Answer(ctx).Message.Data()).To(HaveLen(1))
			f.Poll("5.0000000000000000.00000000-0000-4000-8000-000000000000")
			t.Expect(f.Outcome(ctx).Inner("error").Text("condition")).To(Equal("amqp:not-found"))
			f.ExpectSilence(ctx)
			f.Write(amqpframe.On(0, amqpframe.New("close", nil)))
			f.Read(ctx, "close")
			f.ExpectClosed(ctx, "transfer")
		},
	}, {
		Own: clause, Title: "a frame that is none ends the connection", Transports: over,
		Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
			f := env.Service(ctx, t).SymmetricKeyDevice(ctx, t).Frames(ctx, t)
			f.Write(amqpframe.Layer(amqpframe.HeaderAMQP))
			t.Expect(*f.Read(ctx, "header").Header).To(Equal(amqpframe.HeaderAMQP))
			f.SendBytes([]byte{0, 0, 0, 1, 2, 0, 0, 0})
			f.ExpectClosed(ctx, "begin")
		},
	}, {
		Own: clause, Title: "devices are told apart by their keys", Transports: over,
		Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
			d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
			t.Expect(d.Try(ctx, t)).To(harness.BeAccepted())
			t.Expect(d.TryToken(ctx, t, "no token at all")).To(harness.BeRefused())
			t.Expect(d.TryToken(ctx, t, "")).To(harness.BeRefused())
			t.Expect(d.TryToken(ctx, t, d.Token(env.Wire.Clock.Now()))).To(Or(harness.BeAccepted(), harness.BeRefused(409)))
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		if r := c.Run(t.Context(), env); r.Outcome != reports.Passed {
			t.Errorf("%s over %s: %s %+v", c.Title, c.Transport, r.Outcome, r)
		}
	}
}
