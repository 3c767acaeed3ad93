package amqp

import (
	"context"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/devwire/amqpframe"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// answerChecks are about what comes of a request that is taken.
var answerChecks = []harness.Check{{
	Requirement: "DPS-AMQP-020",
	Title:       "the outcome accepted comes before the answer, settled",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		outcomeFirst := func() devwire.Answer {
			f := s.Read(ctx, "disposition", "transfer")
			t.Expect(f.Name()).To(Equal("disposition"), "what comes first")
			t.Expect(f.Body.Inner("state").Name()).To(Equal("accepted"), "the outcome")
			t.Expect(f.Body.Field("settled")).To(BeEquivalentTo(true), "settled of the disposition")
			return s.hear(ctx)
		}
		s.Register()
		first := outcomeFirst()
		s.Poll(first.OperationID)
		outcomeFirst()
	},
}, {
	Requirement: "DPS-AMQP-021",
	Title:       "the answer to register is assigning and names an operation",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		first := open(ctx, env, t).register(ctx)
		t.Expect(first.Status).To(Equal(dps.StatusAssigning), "%s", first.Raw)
		t.Expect(first.OperationID).NotTo(BeEmpty(), "operationId")
	},
}, {
	Requirement: "DPS-AMQP-022",
	Title:       "every answer is one data section",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		expectData := func(m amqpframe.Message) {
			var bodies []string
			for _, section := range m {
				switch section.Name() {
				case "data", "amqp-sequence", "amqp-value":
					bodies = append(bodies, section.Name())
				}
			}
			t.Expect(bodies).To(Equal([]string{"data"}), "the body's sections")
		}
		s.Register()
		s.accepted(ctx)
		answer := s.Answer(ctx).Message
		expectData(answer)
		expectData(s.settle(ctx, s.read(answer)).Message)
	},
}, {
	Requirement: "DPS-AMQP-029",
	Title:       "an answer that is assigning has retry-after, an int or a string of seconds",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		s.Register()
		s.accepted(ctx)
		m := s.Answer(ctx).Message
		value, _ := m.Application("retry-after")
		t.Expect(value).To(Or(BeAssignableToTypeOf(int32(0)), MatchRegexp(`^\d+$`)), "retry-after")
		t.Expect(s.read(m).HasRetryAfter).To(BeTrue())
	},
}, {
	Requirement: "DPS-AMQP-029",
	Title:       "retry-after is what the service is told to say",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := openAs(ctx, env, t, env.Service(ctx, t, harness.WithRetryAfter(7)).SymmetricKeyDevice(ctx, t))
		t.Expect(s.register(ctx).RetryAfter.Seconds()).To(BeEquivalentTo(7))
	},
}, {
	Requirement: "DPS-AMQP-030",
	Title:       "a terminal answer has no retry-after",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		last := s.settle(ctx, s.registered(ctx)).Message
		for _, name := range []string{"retry-after", "Retry-After"} {
			_, there := last.Application(name)
			t.Expect(there).To(BeFalse(), "%s", name)
		}
	},
}}

// correlationChecks are about how an answer finds its request.
var correlationChecks = []harness.Check{{
	Requirement: "DPS-AMQP-023",
	Title:       "a correlation-id comes back with its type and value",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		m := s.Register()
		s.accepted(ctx)
		answer := s.Answer(ctx).Message
		t.Expect(answer.Property("correlation-id")).To(Equal(m.Property("correlation-id")))
		operation := s.read(answer).OperationID
		for _, id := range []any{"one", "two words & more", uint64(1) << 40, amqpframe.UUID{1, 2, 3}, []byte{0, 1, 255}} {
			s.Transfer(s.poll(operation, id))
			s.accepted(ctx)
			t.Expect(s.Answer(ctx).Message.Property("correlation-id")).To(Equal(id))
		}
	},
}, {
	Requirement: "DPS-AMQP-024",
	Title:       "without a correlation-id in the request there is none in the answer",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		s := openAs(ctx, env, t, styled(d, func(s *devwire.AMQPStyle) { s.Correlation = devwire.CorrelationNone }))
		m := s.Register()
		t.Given("the request has none", func() { t.Expect(m.Property("correlation-id")).To(BeNil()) })
		s.accepted(ctx)
		t.Expect(s.Answer(ctx).Message.Property("correlation-id")).To(BeNil())
	},
}}
