package alloc

import (
	"context"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// wantsHub registers a device for which there is no hub, and asserts how that fails.
func wantsHub(ctx context.Context, t *harness.T, d *harness.Device) {
	answer := d.Provision(ctx, t)
	t.Expect(answer.Status).To(Equal(dps.StatusFailed), "%s", answer.Raw)
	t.Expect(answer.State).To(HaveField("ErrorCode", hubNotSpecified))
	t.Expect(answer.State.AssignedHub).To(BeEmpty())
}

// wantChecks are about enrollments that name one hub in the older form, or none.
var wantChecks = []harness.Check{{
	Requirement: "DPS-ALLOC-057",
	Title:       "iotHubHostName is the hub of the policy static",
	Needs:       []harness.Need{harness.NeedHub},
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := several(ctx, env, t, manyHubs)
		group := s.SymmetricKeyGroup(ctx, t, harness.Members{"allocationPolicy": "static", "iotHubHostName": last(s).Host})
		t.Expect(hubsOf(ctx, env, t, devicesOf(t, group, severalDevices))).To(HaveEach(last(s).Host))
	},
}, {
	Requirement: "DPS-ALLOC-057",
	Title:       "iotHubHostName is nothing to the policies hashed and geoLatency",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := several(ctx, env, t, 2)
		for _, policy := range []string{"hashed", "geoLatency"} {
			group := s.SymmetricKeyGroup(ctx, t, harness.Members{"allocationPolicy": policy, "iotHubHostName": last(s).Host})
			t.Expect(reached(ctx, env, t, group, s.Hubs[0].Host, s.Hubs[1].Host)).To(BeEmpty(), "by %s: hubs that got no device", policy)
		}
	},
}, {
	Requirement: "DPS-ALLOC-059",
	Title:       "a registration that fails for want of a hub leaves a record that says so",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		none := env.Service(ctx, t, harness.WithHubs())
		static := env.Service(ctx, t).SymmetricKeyGroup(ctx, t, harness.Members{"allocationPolicy": "static"})
		for when, device := range map[string]*harness.Device{
			"without a linked hub": none.SymmetricKeyDevice(ctx, t), "static without a hub": static.Device(t),
		} {
			wantsHub(ctx, t, device)
			record := stateOf(ctx, t, device)
			t.Expect(record).To(HaveKeyWithValue("status", "failed"), when)
			t.Expect(record).To(HaveKeyWithValue("errorCode", BeEquivalentTo(hubNotSpecified)), when)
			t.Expect(record).To(HaveKeyWithValue("errorMessage", Not(BeEmpty())), when)
			t.Expect(record).NotTo(HaveKey("assignedHub"), when)
		}
	},
}}
