package alloc

import (
	"context"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// versionChecks are about what an api-version decides.
var versionChecks = []harness.Check{{
	Requirement: "DPS-ALLOC-033",
	Title:       "a device of the oldest versions stays at its hub, and one of a later version moves",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := several(ctx, env, t, 2)
		device := s.SymmetricKeyDevice(ctx, t, at(s.Hubs[0]))
		old := device.With(func(id *devwire.Identity) { id.APIVersion = env.Versions(t, "2018-04-01")[0] })
		t.Given("the device is at its first hub", func() {
			t.Expect(old.Assigned(ctx, t).State.AssignedHub).To(Equal(s.Hubs[0].Host))
		})
		change(ctx, t, s, device.Record, at(last(s)))
		stayed := old.Provision(ctx, t)
		t.Expect(stayed.State).NotTo(BeNil(), "%s", stayed.Raw)
		t.Expect(stayed.State.AssignedHub).To(Equal(s.Hubs[0].Host))
		moved := device.Provision(ctx, t)
		t.Expect(moved.State).NotTo(BeNil(), "%s", moved.Raw)
		t.Expect(moved.State.AssignedHub).To(Equal(last(s).Host))
	},
}}
