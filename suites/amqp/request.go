package amqp

import (
	"context"
	"encoding/json"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/devwire/amqpframe"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// requestChecks are about what counts as a request.
var requestChecks = []harness.Check{{
	Requirement: "DPS-AMQP-025",
	Title:       "a register request with an empty data section is taken",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		empty := styled(d, func(s *devwire.AMQPStyle) { s.Register = devwire.RegisterPayload })
		t.Expect(empty.Try(ctx, t)).To(harness.BeAccepted())
	},
}, {
	Requirement: "DPS-AMQP-026",
	Title:       "a register request with a payload and no id is taken",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		s := openAs(ctx, env, t, styled(d, func(s *devwire.AMQPStyle) { s.Register = devwire.RegisterPayload }))
		first := s.register(ctx, json.RawMessage(`{"modelId":"dtmi:demo:thing;1"}`))
		t.Expect(first.OperationID).NotTo(BeEmpty(), "operationId")
	},
}, {
	Requirement: "DPS-AMQP-027",
	Title:       "a poll is answered whatever its body is",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		operation := s.registered(ctx).OperationID
		for _, body := range [][]*amqpframe.Described{
			nil,
			{amqpframe.Data(`{"registrationId":"` + s.device.RegistrationID + `"}`)},
			{amqpframe.Data("not JSON"), amqpframe.Data("at all")},
			{amqpframe.Value("iotdps-get-operationstatus")},
			{amqpframe.Value(nil)},
			{amqpframe.Section("amqp-sequence", amqpframe.List{"a", uint64(1)})},
		} {
			m := s.poll(operation, "poll")[:2] // its properties alone
			s.Transfer(append(m, body...))
			s.accepted(ctx)
			t.Expect(s.hear(ctx).OperationID).To(Equal(operation), "a poll with the body %v", body)
		}
	},
}, {
	Requirement: "DPS-AMQP-031",
	Title:       "iotdps-forceRegistration is taken, true and false",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		group := env.Service(ctx, t).SymmetricKeyGroup(ctx, t)
		for _, force := range []bool{true, false} {
			d := styled(group.Device(t), func(s *devwire.AMQPStyle) { s.ForceRegistration = &force })
			t.Expect(d.Try(ctx, t)).To(harness.BeAccepted(), "iotdps-forceRegistration %v", force)
		}
	},
}, {
	Requirement: "DPS-AMQP-050",
	Title:       "a request that comes in pieces of 20 bytes is answered",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		m, err := devwire.AMQPRegister(s.device.Identity, nil)
		t.Must(err, "write the register request")
		s.Write(inPieces(t, m, 20)...)
		s.accepted(ctx)
		t.Expect(s.hear(ctx).OperationID).NotTo(BeEmpty(), "operationId")
	},
}}
