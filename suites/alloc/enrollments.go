package alloc

import (
	"context"
	"net/http"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// enrollmentChecks are about which of several enrollments applies to a device.
var enrollmentChecks = []harness.Check{{
	Requirement: "DPS-ALLOC-001",
	Title:       "the individual enrollment of a device applies before its group",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		device := s.X509Group(ctx, t).Device(t)
		name := t.Name()
		s.Enroll(ctx, t, harness.Members{"registrationId": device.RegistrationID, "deviceId": name},
			harness.ClientCertificates(harness.Leaf(*device.Certificate)))
		answer := device.Provision(ctx, t)
		t.Expect(answer.Status).To(Equal(dps.StatusAssigned))
		disposable(t, s, answer)
		t.Expect(answer.State.DeviceID).To(Equal(name), "the deviceId of the individual enrollment")
	},
}, {
	Requirement: "DPS-ALLOC-002",
	Title:       "a device whose individual enrollment is disabled is not provisioned, whatever its group says",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		device := s.X509Group(ctx, t).Device(t)
		device.Assigned(ctx, t)
		s.Enroll(ctx, t, harness.Members{"registrationId": device.RegistrationID, "provisioningStatus": "disabled"},
			harness.ClientCertificates(harness.Leaf(*device.Certificate)))
		t.Expect(device.Provision(ctx, t).Status).NotTo(Equal(dps.StatusAssigned))
		t.Expect(stateOf(ctx, t, device)).To(HaveKeyWithValue("status", "disabled"))
	},
}, {
	Requirement: "DPS-ALLOC-002",
	Title:       "a disabled individual enrollment stops its device whatever attestation it names",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		device := s.X509Group(ctx, t).Device(t)
		device.Assigned(ctx, t)
		s.Enroll(ctx, t, harness.Members{"registrationId": device.RegistrationID, "provisioningStatus": "disabled"},
			harness.SymmetricKeys(harness.Key(), harness.Key()))
		t.Expect(device.Provision(ctx, t).Status).NotTo(Equal(dps.StatusAssigned))
	},
}, {
	Requirement: "DPS-ALLOC-003",
	Title:       "a device whose individual enrollment is deleted falls back to its group",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		device := s.X509Group(ctx, t).Device(t)
		blocked := s.Enroll(ctx, t, harness.Members{"registrationId": device.RegistrationID, "provisioningStatus": "disabled"},
			harness.ClientCertificates(harness.Leaf(*device.Certificate)))
		t.Given("the device is stopped", func() {
			t.Expect(device.Provision(ctx, t).Status).NotTo(Equal(dps.StatusAssigned))
		})
		remove(ctx, t, s, pathOf(blocked))
		t.Expect(device.Provision(ctx, t).Status).To(Equal(dps.StatusAssigned))
	},
}, {
	Requirement: "DPS-ALLOC-004",
	Title:       "a device of a disabled group is not provisioned and is reported disabled",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		keys, signed := s.SymmetricKeyGroup(ctx, t), s.X509Group(ctx, t)
		for group, attestation := range map[*harness.Group]harness.Members{
			keys:   harness.SymmetricKeys(keys.Primary, keys.Secondary),
			signed: harness.SigningCertificates(signed.Authority.Certificate),
		} {
			device := group.Device(t)
			device.Assigned(ctx, t)
			change(ctx, t, s, group.Record, attestation, harness.Members{"provisioningStatus": "disabled"})
			t.Expect(device.Provision(ctx, t).Status).To(Equal(dps.StatusDisabled))
			t.Expect(stateOf(ctx, t, device)).To(HaveKeyWithValue("status", "disabled"))
		}
	},
}, {
	Requirement: "DPS-ALLOC-025",
	Title:       "a change of an enrollment applies to later registrations only",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		hubs := env.Hubs(ctx, t, 2)
		s := env.Service(ctx, t, harness.WithHubs(hubs...))
		device := s.SymmetricKeyDevice(ctx, t, at(hubs[0]))
		device.Assigned(ctx, t)
		change(ctx, t, s, device.Record, at(hubs[1]))
		t.Expect(stateOf(ctx, t, device)).To(HaveKeyWithValue("assignedHub", hubs[0].Host), "before it registers again")
		t.Expect(hubs[0].Get(ctx, t, harness.IdentityPath(device.RegistrationID)).Status).To(Equal(http.StatusOK))
		t.Expect(hubs[1].Get(ctx, t, harness.IdentityPath(device.RegistrationID)).Status).To(Equal(http.StatusNotFound))
		again := device.Assigned(ctx, t)
		t.Expect(again.State.AssignedHub).To(Equal(hubs[1].Host), "after it registered again")
	},
}}

// disposable removes at the end the identity of a device that has a device id of its own,
// from a hub that outlives the check.
func disposable(t *harness.T, s *harness.Service, assigned devwire.Answer) {
	hub := s.Hub(assigned.State.AssignedHub)
	if hub == nil || hub.API == nil {
		return
	}
	t.Cleanup(func(ctx context.Context) {
		_, err := hub.API.Do(ctx, devwire.ServiceRequest{
			Method: http.MethodDelete, Path: harness.IdentityPath(assigned.State.DeviceID), Header: http.Header{"If-Match": {"*"}},
		})
		t.Must(err, "remove the identity "+assigned.State.DeviceID)
	})
}
