// Package reprov verifies what becomes of a device that registers again: whether it moves
// to another hub, what moves along, and what is left behind.
package reprov

import (
	"context"
	"maps"
	"net/http"
	"slices"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// Checks returns the checks of the family REPROV.
func Checks() []harness.Check {
	return slices.Concat(moveChecks, stayChecks, repairChecks, forgetChecks)
}

// policy are the members of an enrollment with a reprovision policy.
func policy(updateHubAssignment, migrateDeviceData bool) harness.Members {
	return harness.Members{"reprovisionPolicy": harness.Members{"updateHubAssignment": updateHubAssignment, "migrateDeviceData": migrateDeviceData}}
}

var (
	migrate  = policy(true, true)
	reset    = policy(true, false)
	never    = policy(false, false)
	noPolicy = harness.Members{}
)

// Substatus as the service tells it (service-api.md 2.7).
const (
	initialAssignment  = dps.SubstatusInitialAssignment
	deviceDataMigrated = dps.SubstatusDeviceDataMigrated
	deviceDataReset    = dps.SubstatusDeviceDataReset
)

// at are the members of an enrollment that assign to one hub.
func at(h *harness.Hub) harness.Members {
	return harness.Members{"allocationPolicy": "static", "iotHubs": []string{h.Host}}
}

// A settled device is at its first hub, where its twin is no longer the initial one.
type settled struct {
	*harness.Device
	from, to *harness.Hub
	initial  devwire.Answer // its first registration
}

// settle assigns a device to the first of two hubs and changes its twin there.
func settle(ctx context.Context, env *harness.Env, t *harness.T, members ...harness.Members) settled {
	hubs := env.Hubs(ctx, t, 2)
	return settleAt(ctx, t, env.Service(ctx, t, harness.WithHubs(hubs...), harness.WithRetryAfter(0)), hubs[0], hubs[1], members...)
}

func settleAt(ctx context.Context, t *harness.T, s *harness.Service, from, to *harness.Hub, members ...harness.Members) settled {
	d := settled{from: from, to: to}
	d.Device = s.SymmetricKeyDevice(ctx, t, append(members, at(from), twinOf("north", 1))...)
	t.Given("the device is at its first hub, where its twin changes", func() {
		d.initial = d.Assigned(ctx, t)
		t.Expect(d.initial.State.AssignedHub).To(Equal(from.Host))
		d.grows(ctx, t, "south", 2)
	})
	return d
}

// twinOf are the members of an enrollment with an initial twin.
func twinOf(site string, rate int) harness.Members {
	return harness.Members{"initialTwin": harness.Members{
		"tags": harness.Members{"site": site}, "properties": harness.Members{"desired": harness.Members{"rate": rate}},
	}}
}

// grows changes the device's twin at its first hub.
func (d settled) grows(ctx context.Context, t *harness.T, site string, rate int) {
	patched := d.from.Patch(ctx, t, harness.TwinPath(d.initial.State.DeviceID), harness.Members{
		"tags": harness.Members{"site": site}, "properties": harness.Members{"desired": harness.Members{"rate": rate}},
	})
	t.Expect(patched.Status).To(BeNumerically("<", 300), "%s", patched.Body)
}

// change writes the enrollment back with other members.
func (d settled) change(ctx context.Context, t *harness.T, members ...harness.Members) {
	changed := maps.Clone(d.Record)
	for _, m := range members {
		maps.Copy(changed, m)
	}
	t.Given("the enrollment is changed", func() {
		answer := d.Service.Put(ctx, t, devwire.EnrollmentPath(d.RegistrationID), changed, "*")
		t.Expect(answer.Status).To(BeNumerically("<", 300), "%s", answer.Body)
	})
}

// redirected is a settled device whose enrollment names the other hub by now.
func redirected(ctx context.Context, env *harness.Env, t *harness.T, members ...harness.Members) settled {
	d := settle(ctx, env, t, members...)
	d.change(ctx, t, at(d.to))
	return d
}

// assigned asserts where a registration ended.
func assigned(t *harness.T, a devwire.Answer, h *harness.Hub) {
	t.Expect(a.Status).To(Equal(dps.StatusAssigned), "%s", a.Raw)
	t.Expect(a.State.AssignedHub).To(Equal(h.Host))
}

// again registers the device once more and asserts at which hub it is then.
func (d settled) again(ctx context.Context, t *harness.T, h *harness.Hub) devwire.Answer {
	answer := d.Provision(ctx, t)
	assigned(t, answer, h)
	return answer
}

// hasTwin asserts the twin that the device has at a hub.
func (d settled) hasTwin(ctx context.Context, t *harness.T, h *harness.Hub, site string, rate int) {
	twin := read(ctx, t, h, harness.TwinPath(d.initial.State.DeviceID))
	t.Expect(inside(twin, "tags", "site")).To(Equal(site), "tag of the twin at %s", h.Host)
	t.Expect(inside(twin, "properties", "desired", "rate")).To(BeEquivalentTo(rate), "desired property of the twin at %s", h.Host)
}

// isAt asserts which of the hubs have the device's identity.
func (d settled) isAt(ctx context.Context, t *harness.T, want *harness.Hub, others ...*harness.Hub) {
	t.Expect(d.identityStatus(ctx, t, want)).To(Equal(http.StatusOK), "the identity at %s", want.Host)
	for _, h := range others {
		t.Expect(d.identityStatus(ctx, t, h)).To(Equal(http.StatusNotFound), "the identity at %s", h.Host)
	}
}

func (d settled) identityStatus(ctx context.Context, t *harness.T, h *harness.Hub) int {
	return h.Get(ctx, t, harness.IdentityPath(d.initial.State.DeviceID)).Status
}

// read is the object at a path of a hub.
func read(ctx context.Context, t *harness.T, h *harness.Hub, path string) harness.Members {
	answer := h.Get(ctx, t, path)
	t.Expect(answer.Status).To(Equal(http.StatusOK), "%s at %s", path, h.Host)
	object, err := answer.JSON()
	t.Answered(err, "read "+path)
	return object
}

// inside is a member of a record at a path of names, nil when there is none.
func inside(record harness.Members, names ...string) any {
	var v any = record
	for _, name := range names {
		m, _ := v.(harness.Members)
		v = m[name]
	}
	return v
}
