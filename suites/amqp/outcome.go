package amqp

import (
	"context"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// ended registers, polls until the answer is terminal, asserts what every such answer
// holds, and returns its state.
func ended(ctx context.Context, t *harness.T, s session, status dps.Status) devwire.State {
	last := s.read(s.settle(ctx, s.registered(ctx)).Message)
	t.Expect(last.Status).To(Equal(status), "%s", last.Raw)
	t.Expect(last.State).NotTo(BeNil(), "registrationState in %s", last.Raw)
	t.Expect(last.State.RegistrationID).To(Equal(s.device.RegistrationID))
	t.Expect(last.State.Status).To(Equal(status), "status in registrationState")
	return *last.State
}

// outcomeChecks are the three ends of a registration.
var outcomeChecks = []harness.Check{{
	Requirement: "DPS-AMQP-028",
	Title:       "a registration ends assigned, with the hub and the device id in its state",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		state := ended(ctx, t, open(ctx, env, t), dps.StatusAssigned)
		t.Expect(state.AssignedHub).NotTo(BeEmpty(), "assignedHub")
		t.Expect(state.DeviceID).NotTo(BeEmpty(), "deviceId")
	},
}, {
	Requirement: "DPS-AMQP-035",
	Title:       "a registration that finds no hub ends failed, with errorCode and errorMessage",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := openAs(ctx, env, t, env.Service(ctx, t, harness.WithHubs()).SymmetricKeyDevice(ctx, t))
		state := ended(ctx, t, s, dps.StatusFailed)
		t.Expect(state.ErrorCode).To(BeNumerically(">", 0), "errorCode")
		t.Expect(state.ErrorMessage).NotTo(BeEmpty(), "errorMessage")
	},
}, {
	Requirement: "DPS-AMQP-036",
	Title:       "the poll of a disabled enrollment says so, and has a state",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t, harness.Members{"provisioningStatus": "disabled"})
		ended(ctx, t, openAs(ctx, env, t, d), dps.StatusDisabled)
	},
}}
