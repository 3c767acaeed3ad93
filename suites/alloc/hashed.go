package alloc

import (
	"context"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// Of sampled devices the lighter of two hubs with the weights 1 and 6 gets 23 on average.
// By a binomial distribution it gets fewer than 5 or more than 47 in 7 of 10 million runs.
// Devices that are spread evenly stay below 48 once in 10 million runs.
const (
	sampled         = 160
	fewest, most    = 5, 47
	light, heaviest = 1, 6
)

// hashedChecks are about the policy hashed.
var hashedChecks = []harness.Check{{
	Requirement: "DPS-ALLOC-009",
	Title:       "the policy hashed assigns devices in proportion to the weights of hubs",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		hubs := env.Hubs(ctx, t, 2)
		s := env.Service(ctx, t, harness.WithWeightedHub(hubs[0], light), harness.WithWeightedHub(hubs[1], heaviest),
			harness.WithRetryAfter(0))
		group := s.SymmetricKeyGroup(ctx, t, harness.Members{"allocationPolicy": "hashed"})
		got := 0
		for _, host := range hubsOf(ctx, env, t, devicesOf(t, group, sampled)) {
			if host == hubs[0].Host {
				got++
			}
		}
		t.Expect(got).To(And(BeNumerically(">=", fewest), BeNumerically("<=", most)),
			"devices of %d at the hub of weight %d, when the other has %d", sampled, light, heaviest)
	},
}, {
	Requirement: "DPS-ALLOC-010",
	Title:       "the policy hashed assigns a device that registers again to the same hub",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := several(ctx, env, t, manyHubs)
		devices := devicesOf(t, s.SymmetricKeyGroup(ctx, t, harness.Members{"allocationPolicy": "hashed"}), severalDevices)
		first := hubsOf(ctx, env, t, devices)
		t.Expect(hubsOf(ctx, env, t, devices)).To(Equal(first))
	},
}, {
	Requirement: "DPS-ALLOC-011",
	Title:       "only the devices of a hub that is unlinked move",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		hubs := env.Hubs(ctx, t, 3)
		s := env.Service(ctx, t, harness.WithHubs(hubs...), harness.WithRetryAfter(0))
		// By chance 20 devices or so keep their hub once in a million runs.
		devices := devicesOf(t, s.SymmetricKeyGroup(ctx, t), 30)
		before := hubsOf(ctx, env, t, devices)
		s.Link(ctx, t, harness.WithHubs(hubs[1:]...))
		after := hubsOf(ctx, env, t, devices)
		for i := range devices {
			if before[i] == hubs[0].Host {
				t.Expect(after[i]).NotTo(Equal(hubs[0].Host), devices[i].RegistrationID)
			} else {
				t.Expect(after[i]).To(Equal(before[i]), devices[i].RegistrationID)
			}
		}
	},
}, {
	Requirement: "DPS-ALLOC-016",
	Title:       "a device that registers to the same hub again has the substatus initialAssignment",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		device := several(ctx, env, t, manyHubs).SymmetricKeyDevice(ctx, t)
		first := device.Assigned(ctx, t)
		again := device.Provision(ctx, t)
		t.Expect(again.Status).To(Equal(dps.StatusAssigned))
		t.Expect(again.State.AssignedHub).To(Equal(first.State.AssignedHub))
		t.Expect(again.State.Substatus).To(Equal(dps.SubstatusInitialAssignment))
	},
}}
