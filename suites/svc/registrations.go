package svc

import (
	"context"
	"net/http"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// stateOf asks for a device's registration.
func stateOf(ctx context.Context, t *harness.T, d *harness.Device) devwire.HTTPResponse {
	return d.Service.Get(ctx, t, devwire.RegistrationPath(d.RegistrationID))
}

// registrationChecks are about what operators see of registrations.
var registrationChecks = []harness.Check{{
	Requirement: "DPS-SVC-049",
	Title:       "the GET of a registration is answered with 200 and the state of the device",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		device := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		assigned := device.Assigned(ctx, t)
		answer := stateOf(ctx, t, device)
		t.Expect(answer.Status).To(Equal(http.StatusOK))
		state := object(t, answer)
		t.Expect(state).To(HaveKeyWithValue("registrationId", device.RegistrationID))
		t.Expect(state).To(HaveKeyWithValue("status", "assigned"))
		t.Expect(state).To(HaveKeyWithValue("assignedHub", assigned.State.AssignedHub))
		t.Expect(state).To(HaveKeyWithValue("deviceId", assigned.State.DeviceID))
		t.Expect(state).To(HaveKeyWithValue("substatus", "initialAssignment"))
		t.Expect(state).To(HaveKeyWithValue("etag", Not(BeEmpty())))
	},
}, {
	Requirement: "DPS-SVC-050",
	Title:       "the GET of a registration that never was is answered with 404",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		device := s.SymmetricKeyDevice(ctx, t)
		t.Expect(stateOf(ctx, t, device).Status).To(Equal(http.StatusNotFound), "an enrolled device")
		t.Expect(s.Get(ctx, t, devwire.RegistrationPath(t.Name())).Status).To(Equal(http.StatusNotFound), "a device that nobody knows")
		t.Given("the registration is found once the device has registered", func() {
			device.Assigned(ctx, t)
			t.Expect(stateOf(ctx, t, device).Status).To(BeNumerically("<", 300))
		})
	},
}, {
	Requirement: "DPS-SVC-051",
	Title:       "the DELETE of a registration is answered with 204, and the registration is gone",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		device := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		device.Assigned(ctx, t)
		answer := device.Service.Delete(ctx, t, devwire.RegistrationPath(device.RegistrationID))
		t.Expect(answer.Status).To(Equal(http.StatusNoContent))
		t.Expect(answer.Body).To(BeEmpty())
		t.Expect(stateOf(ctx, t, device).Status).To(Equal(http.StatusNotFound))
	},
}, {
	Requirement: "DPS-SVC-052",
	Title:       "a failed registration is kept with status failed",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		device := env.Service(ctx, t).SymmetricKeyDevice(ctx, t, harness.Members{"allocationPolicy": "static"})
		t.Given("the registration fails for want of a hub", func() {
			t.Expect(device.Provision(ctx, t).Status).To(Equal(dps.StatusFailed))
		})
		answer := stateOf(ctx, t, device)
		t.Expect(answer.Status).To(Equal(http.StatusOK))
		state := object(t, answer)
		t.Expect(state).To(HaveKeyWithValue("registrationId", device.RegistrationID))
		t.Expect(state).To(HaveKeyWithValue("status", "failed"))
		t.Expect(state).To(HaveKey("lastUpdatedDateTimeUtc"))
		t.Expect(state).To(HaveKey("etag"))
	},
}, {
	Requirement: "DPS-SVC-053",
	Title:       "the registration of a disabled enrollment is kept with status disabled",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		device := env.Service(ctx, t).SymmetricKeyDevice(ctx, t, harness.Members{"provisioningStatus": "disabled"})
		device.Provision(ctx, t)
		answer := stateOf(ctx, t, device)
		t.Expect(answer.Status).To(Equal(http.StatusOK))
		t.Expect(object(t, answer)).To(HaveKeyWithValue("registrationId", device.RegistrationID))
		t.Expect(object(t, answer)).To(HaveKeyWithValue("status", "disabled"))
	},
}, {
	Requirement: "DPS-SVC-054",
	Title:       "the registrations of a group that is deleted are kept",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		group := env.Service(ctx, t).SymmetricKeyGroup(ctx, t)
		device := group.Device(t)
		device.Assigned(ctx, t)
		t.Given("the group is deleted", func() {
			t.Expect(device.Service.Delete(ctx, t, devwire.GroupPath(group.ID)).Status).To(BeNumerically("<", 300))
		})
		answer := stateOf(ctx, t, device)
		t.Expect(answer.Status).To(Equal(http.StatusOK))
		t.Expect(object(t, answer)).To(HaveKeyWithValue("status", "assigned"))
	},
}, {
	Requirement: "DPS-SVC-055",
	Title:       "the first register request after the DELETE of a registration is an initial assignment",
	Needs:       []harness.Need{harness.NeedControl}, // to move it between hubs of its own
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		hubs := env.Hubs(ctx, t, 2)
		s := env.Service(ctx, t, harness.WithHubs(hubs...))
		device := s.SymmetricKeyDevice(ctx, t, harness.Members{"allocationPolicy": "static", "iotHubs": []string{hubs[0].Host}})
		first := device.Assigned(ctx, t)
		t.Given("the registration is deleted", func() {
			t.Expect(s.Delete(ctx, t, devwire.RegistrationPath(device.RegistrationID)).Status).To(BeNumerically("<", 300))
		})
		// At another hub a device that is known would have been migrated.
		moved := with(device.Record, harness.Members{"iotHubs": []string{hubs[1].Host}})
		t.Given("the enrollment names another hub", func() {
			t.Expect(put(ctx, t, s, moved, "*").Status).To(BeNumerically("<", 300))
		})
		again := device.Assigned(ctx, t)
		t.Expect(again.State.AssignedHub).NotTo(Equal(first.State.AssignedHub))
		t.Expect(again.State.Substatus).To(Equal(dps.SubstatusInitialAssignment))
	},
}}
