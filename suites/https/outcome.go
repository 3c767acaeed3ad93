package https

import (
	"context"
	"net/http"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// outcomeChecks are about registrations that end otherwise than assigned, and about asking
// later how one ended.
var outcomeChecks = []harness.Check{{
	Requirement: "DPS-HTTPS-036",
	Title:       "a registration without a hub fails with 200, errorCode and errorMessage",
	Transports:  harness.Over(dps.HTTPS),
	Needs:       []harness.Need{harness.NeedControl},
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		last := ended(ctx, env, t, env.Service(ctx, t, harness.WithHubs()).SymmetricKeyDevice(ctx, t))
		t.Expect(last.Status).To(Equal(http.StatusOK))
		t.Expect(document(t, last)).To(HaveKeyWithValue("status", "failed"))
		t.Expect(state(t, last)).To(And(
			HaveKeyWithValue("errorCode", BeNumerically(">=", 400000)),
			HaveKeyWithValue("errorMessage", And(BeAssignableToTypeOf(""), Not(BeEmpty()))),
		))
	},
}, {
	Requirement: "DPS-HTTPS-037",
	Title:       "a device whose enrollment is disabled ends with 200, disabled and a registrationState",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := device(ctx, env, t, disabled)
		last := ended(ctx, env, t, d)
		t.Expect(last.Status).To(Equal(http.StatusOK))
		t.Expect(document(t, last)).To(HaveKeyWithValue("status", "disabled"))
		t.Expect(state(t, last)).To(And(
			HaveKeyWithValue("registrationId", d.RegistrationID), HaveKeyWithValue("status", "disabled"),
		))
	},
}, {
	Requirement: "DPS-HTTPS-022",
	Title:       "a lookup is answered with 200 and the bare registration state",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := device(ctx, env, t)
		assigned := d.Assigned(ctx, t)
		found := lookup(ctx, t, d)
		t.Expect(found.Status).To(Equal(http.StatusOK))
		t.Expect(document(t, found)).To(And(
			HaveKeyWithValue("registrationId", d.RegistrationID), HaveKeyWithValue("status", "assigned"),
			HaveKeyWithValue("assignedHub", assigned.State.AssignedHub),
			Not(HaveKey("registrationState")), Not(HaveKey("operationId")),
		))
	},
}, {
	Requirement: "DPS-HTTPS-023",
	Title:       "the lookup of a device that never registered is answered with 404",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		group := env.Service(ctx, t).SymmetricKeyGroup(ctx, t)
		known := group.Device(t)
		known.Assigned(ctx, t)
		t.Given("a device that registered is found", func() {
			t.Expect(lookup(ctx, t, known).Status).To(Equal(http.StatusOK))
		})
		t.Expect(lookup(ctx, t, group.Device(t)).Status).To(Equal(http.StatusNotFound))
	},
}, {
	Requirement: "DPS-HTTPS-025",
	Title:       "the poll of an operationId that was never given is answered with 404",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := device(ctx, env, t)
		own := registered(ctx, t, d)
		t.Given("the device is answered about its own operation", func() { taken(t, poll(ctx, t, d, own)) })
		t.Expect(poll(ctx, t, d, unknownOperation).Status).To(Equal(http.StatusNotFound))
	},
}, {
	Requirement: "DPS-HTTPS-026",
	Title:       "the poll of another device's operation is answered with 404",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		group := env.Service(ctx, t).SymmetricKeyGroup(ctx, t)
		owner, other := group.Device(t), group.Device(t)
		operation, own := registered(ctx, t, owner), registered(ctx, t, other)
		t.Given("both are answered about their own operation", func() {
			taken(t, poll(ctx, t, owner, operation))
			taken(t, poll(ctx, t, other, own))
		})
		t.Expect(poll(ctx, t, other, operation).Status).To(Equal(http.StatusNotFound))
	},
}}
