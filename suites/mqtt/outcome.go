package mqtt

import (
	"context"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// expectOutcome asserts what every terminal answer holds, and returns its state.
func expectOutcome(t *harness.T, s session, last devwire.Answer, status dps.Status) devwire.State {
	t.Expect(last.Code).To(Equal(200))
	t.Expect(last.Status).To(Equal(status), "%s", last.Raw)
	t.Expect(last.State).NotTo(BeNil(), "registrationState in %s", last.Raw)
	t.Expect(last.State.RegistrationID).To(Equal(s.device.RegistrationID))
	t.Expect(last.State.Status).To(Equal(status), "status in registrationState")
	return *last.State
}

// outcomeChecks are the three ends of a registration.
var outcomeChecks = []harness.Check{{
	Requirement: "DPS-MQTT-048",
	Title:       "a registration ends assigned, with its operationId and the hub and the device id in its state",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		first := s.registered(ctx, "1")
		last := s.settle(ctx, first)
		state := expectOutcome(t, s, last, dps.StatusAssigned)
		t.Expect(last.OperationID).To(Equal(first.OperationID))
		t.Expect(state.AssignedHub).NotTo(BeEmpty(), "assignedHub")
		t.Expect(state.DeviceID).NotTo(BeEmpty(), "deviceId")
	},
}, {
	Requirement: "DPS-MQTT-049",
	Title:       "a registration that finds no hub ends with code 200, failed, errorCode and errorMessage",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := openAs(ctx, env, t, env.Service(ctx, t, harness.WithHubs()).SymmetricKeyDevice(ctx, t))
		state := expectOutcome(t, s, s.settle(ctx, s.registered(ctx, "1")), dps.StatusFailed)
		t.Expect(state.ErrorCode).To(BeNumerically(">", 0), "errorCode")
		t.Expect(state.ErrorMessage).NotTo(BeEmpty(), "errorMessage")
	},
}, {
	Requirement: "DPS-MQTT-050",
	Title:       "the poll of a disabled enrollment has code 200, disabled and a state",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t, harness.Members{"provisioningStatus": "disabled"})
		s := openAs(ctx, env, t, d)
		expectOutcome(t, s, s.settle(ctx, s.registered(ctx, "1")), dps.StatusDisabled)
	},
}}
