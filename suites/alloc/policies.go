package alloc

import (
	"context"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// enoughDevices is so many that each of two or three hubs gets one: that none of 35 falls
// to one of three happens once in 1.4 million runs.
const enoughDevices = 35

// reached lets new devices of a group register until every one of the hubs got one.
func reached(ctx context.Context, env *harness.Env, t *harness.T, g *harness.Group, hosts ...string) map[string]bool {
	missing := map[string]bool{}
	for _, host := range hosts {
		missing[host] = true
	}
	for n := 0; n < enoughDevices && len(missing) > 0; n += 5 {
		for _, host := range hubsOf(ctx, env, t, devicesOf(t, g, 5)) {
			delete(missing, host)
		}
	}
	return missing
}

// policyChecks are about which hubs an enrollment may lead to.
var policyChecks = []harness.Check{{
	Requirement: "DPS-ALLOC-005",
	Title:       "the allocation policy of the enrollment goes before that of the service",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		// Without a hub of its own an enrollment fails by static and is assigned by hashed.
		static, hashed := harness.Members{"allocationPolicy": "static"}, harness.Members{"allocationPolicy": "hashed"}
		s := several(ctx, env, t, 1, harness.WithAllocation(dps.PolicyHashed))
		t.Expect(s.SymmetricKeyDevice(ctx, t, static).Provision(ctx, t).Status).To(Equal(dps.StatusFailed), "static at a service with hashed")
		t.Expect(s.SymmetricKeyDevice(ctx, t).Provision(ctx, t).Status).To(Equal(dps.StatusAssigned), "none at a service with hashed")
		s = several(ctx, env, t, 1, harness.WithAllocation(dps.PolicyStatic))
		t.Expect(s.SymmetricKeyDevice(ctx, t, hashed).Provision(ctx, t).Status).To(Equal(dps.StatusAssigned), "hashed at a service with static")
		t.Expect(s.SymmetricKeyDevice(ctx, t).Provision(ctx, t).Status).To(Equal(dps.StatusFailed), "none at a service with static")
	},
}, {
	Requirement: "DPS-ALLOC-006",
	Title:       "devices are assigned only to the hubs that their enrollment lists",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := several(ctx, env, t, manyHubs)
		listed := []string{s.Hubs[2].Host, s.Hubs[3].Host}
		group := s.SymmetricKeyGroup(ctx, t, harness.Members{"allocationPolicy": "hashed", "iotHubs": listed})
		// By chance all of 24 devices are among two of four hubs once in 17 million runs.
		t.Expect(hubsOf(ctx, env, t, devicesOf(t, group, 2*severalDevices))).To(HaveEach(BeElementOf(listed)))
	},
}, {
	Requirement: "DPS-ALLOC-007",
	Title:       "all linked hubs are candidates of an enrollment that lists none, newly linked ones included",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		hubs := env.Hubs(ctx, t, 3)
		s := env.Service(ctx, t, harness.WithHubs(hubs[:2]...), harness.WithRetryAfter(0))
		group := s.SymmetricKeyGroup(ctx, t)
		t.Expect(reached(ctx, env, t, group, hubs[0].Host, hubs[1].Host)).To(BeEmpty(), "linked hubs that got no device")
		s.Link(ctx, t, harness.WithHubs(hubs...))
		t.Expect(reached(ctx, env, t, group, hubs[2].Host)).To(BeEmpty(), "newly linked hubs that got no device")
	},
}, {
	Requirement: "DPS-ALLOC-008",
	Title:       "no device is assigned to a hub that is linked with applyAllocationPolicy false",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		hubs := env.Hubs(ctx, t, 2)
		s := env.Service(ctx, t, harness.WithHubs(hubs[0]), harness.WithIdleHub(hubs[1]), harness.WithRetryAfter(0))
		free := s.SymmetricKeyGroup(ctx, t, harness.Members{"allocationPolicy": "hashed"})
		t.Expect(hostsOf(ctx, env, t, devicesOf(t, free, many))).To(HaveEach(hubs[0].Host), "an enrollment without hubs")
		both := s.SymmetricKeyGroup(ctx, t, harness.Members{"allocationPolicy": "hashed", "iotHubs": []string{hubs[0].Host, hubs[1].Host}})
		t.Expect(hostsOf(ctx, env, t, devicesOf(t, both, many))).To(HaveEach(hubs[0].Host), "an enrollment that lists it")
	},
}, {
	Requirement: "DPS-ALLOC-012",
	Title:       "the policy static assigns a device to the hub of its enrollment",
	Needs:       []harness.Need{harness.NeedHub},
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := several(ctx, env, t, manyHubs)
		group := s.SymmetricKeyGroup(ctx, t, at(last(s)))
		t.Expect(hubsOf(ctx, env, t, devicesOf(t, group, severalDevices))).To(HaveEach(last(s).Host))
	},
}, {
	Requirement: "DPS-ALLOC-014",
	Title:       "a device is assigned to the iotHubHostName of an enrollment without allocation policy",
	Needs:       []harness.Need{harness.NeedHub},
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := several(ctx, env, t, manyHubs)
		group := s.SymmetricKeyGroup(ctx, t, harness.Members{"iotHubHostName": last(s).Host})
		t.Expect(hubsOf(ctx, env, t, devicesOf(t, group, severalDevices))).To(HaveEach(last(s).Host))
	},
}}
