package alloc

import (
	"context"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// hashedChecks are about the policy hashed.
var hashedChecks = []harness.Check{{
	Requirement: "DPS-ALLOC-009",
	Title:       "the policy hashed assigns devices in proportion to the weights of hubs",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		hubs := env.Hubs(ctx, t, 2)
		s := env.Service(ctx, t, harness.WithWeightedHub(hubs[0], 1), harness.WithWeightedHub(hubs[1], 3), harness.WithRetryAfter(0))
		devices := devicesOf(t, s.SymmetricKeyGroup(ctx, t, harness.Members{"allocationPolicy": "hashed"}), crowded)
		spreadBy(t, hostsOf(ctx, env, t, devices), map[*harness.Hub]int{hubs[0]: 1, hubs[1]: 3})
	},
}, {
	Requirement: "DPS-ALLOC-009",
	Title:       "the policy hashed assigns as many devices to each of three hubs of one weight",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := several(ctx, env, t, 3)
		devices := devicesOf(t, s.SymmetricKeyGroup(ctx, t, harness.Members{"allocationPolicy": "hashed"}), crowded)
		spreadBy(t, hostsOf(ctx, env, t, devices), map[*harness.Hub]int{s.Hubs[0]: 1, s.Hubs[1]: 1, s.Hubs[2]: 1})
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
		devices := devicesOf(t, s.SymmetricKeyGroup(ctx, t), many)
		before := hostsOf(ctx, env, t, devices)
		s.Link(ctx, t, harness.WithHubs(hubs[1:]...))
		after := hostsOf(ctx, env, t, devices)
		for i := range devices {
			if before[i] == hubs[0].Host {
				t.Expect(after[i]).NotTo(Equal(hubs[0].Host), devices[i].RegistrationID)
			} else {
				t.Expect(after[i]).To(Equal(before[i]), devices[i].RegistrationID)
			}
		}
	},
}, {
	Requirement: "DPS-ALLOC-051",
	Title:       "devices move only to a hub that is newly linked",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		hubs := env.Hubs(ctx, t, 3)
		s := env.Service(ctx, t, harness.WithHubs(hubs[:2]...), harness.WithRetryAfter(0))
		devices := devicesOf(t, s.SymmetricKeyGroup(ctx, t), many)
		before := hostsOf(ctx, env, t, devices)
		s.Link(ctx, t, harness.WithHubs(hubs...))
		after := hostsOf(ctx, env, t, devices)
		for i := range devices {
			t.Expect(after[i]).To(BeElementOf(before[i], hubs[2].Host), devices[i].RegistrationID)
		}
		t.Expect(after).To(ContainElement(hubs[2].Host), "the new hub, which should get a third")
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
