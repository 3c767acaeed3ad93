package alloc

import (
	"context"
	"net/http"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// againChecks are about what stays at the hub when a device registers again, or is forgotten.
var againChecks = []harness.Check{{
	Requirement: "DPS-ALLOC-024",
	Title:       "a device that registers again to the same hub keeps its twin and gets its keys refreshed",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		initial := harness.Members{"initialTwin": harness.Members{
			"tags": harness.Members{"site": "north"}, "properties": harness.Members{"desired": harness.Members{"rate": 5}},
		}}
		device := s.SymmetricKeyDevice(ctx, t, initial)
		assigned := device.Assigned(ctx, t)
		hub := device.AtHub(t, assigned).Hub
		t.Given("the twin is changed at the hub", func() {
			patched := hub.Patch(ctx, t, harness.TwinPath(device.RegistrationID), harness.Members{
				"tags": harness.Members{"site": "south"}, "properties": harness.Members{"desired": harness.Members{"rate": 9}},
			})
			t.Expect(patched.Status).To(BeNumerically("<", 300), "%s", patched.Body)
		})
		primary, secondary := harness.Key(), harness.Key()
		change(ctx, t, s, device.Record, harness.SymmetricKeys(primary, secondary))
		renewed := device.With(func(id *devwire.Identity) { id.Key = primary })
		again := renewed.Assigned(ctx, t)
		t.Expect(again.State.AssignedHub).To(Equal(assigned.State.AssignedHub))
		t.Expect(keysOf(identityOf(ctx, t, renewed, again))).To(Equal(fingerprints(primary, secondary)))
		twin := object(t, hub.Get(ctx, t, harness.TwinPath(device.RegistrationID)))
		t.Expect(inside(twin, "tags", "site")).To(Equal("south"))
		t.Expect(inside(twin, "properties", "desired", "rate")).To(BeEquivalentTo(9))
	},
}, {
	Requirement: "DPS-ALLOC-028",
	Title:       "the hub identity stays when the enrollment or the registration is deleted",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		device := s.SymmetricKeyDevice(ctx, t)
		assigned := device.Assigned(ctx, t)
		hub := device.AtHub(t, assigned).Hub
		for _, path := range []string{pathOf(device.Record), devwire.RegistrationPath(device.RegistrationID)} {
			remove(ctx, t, s, path)
			t.Expect(hub.Get(ctx, t, harness.IdentityPath(assigned.State.DeviceID)).Status).To(Equal(http.StatusOK), path)
		}
		t.Expect(device.AtHub(t, assigned).Try(ctx, t)).To(harness.BeAccepted(), "the device at its hub")
	},
}}

// credentialChecks are about the device at its hub, right after it was assigned.
var credentialChecks = []harness.Check{
	welcomed("the hub accepts the device's symmetric key at once", func(ctx context.Context, t *harness.T, s *harness.Service) *harness.Device {
		return s.SymmetricKeyDevice(ctx, t)
	}),
	welcomed("the hub accepts the derived key of a group's device at once", func(ctx context.Context, t *harness.T, s *harness.Service) *harness.Device {
		return s.SymmetricKeyGroup(ctx, t).Device(t)
	}),
	welcomed("the hub accepts the device's certificate at once", func(ctx context.Context, t *harness.T, s *harness.Service) *harness.Device {
		return s.X509Device(ctx, t)
	}),
	welcomed("the hub accepts the certificate of a group's device at once", func(ctx context.Context, t *harness.T, s *harness.Service) *harness.Device {
		return s.X509Group(ctx, t).Device(t)
	}),
}

func welcomed(title string, device func(context.Context, *harness.T, *harness.Service) *harness.Device) harness.Check {
	return harness.Check{
		Requirement: "DPS-ALLOC-022", Title: title, Transports: harness.OverAll,
		Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
			d := device(ctx, t, env.Service(ctx, t))
			assigned := d.Assigned(ctx, t)
			t.Expect(d.AtHub(t, assigned).Try(ctx, t)).To(harness.BeAccepted())
		},
	}
}
