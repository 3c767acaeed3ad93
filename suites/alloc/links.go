package alloc

import (
	"context"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// overwhelming is a weight beside which a hub of weight 1 gets hardly a device: three or
// more of twenty-four in 2 of a million runs, and more than that never.
const (
	overwhelming = 1000
	strays       = 3
)

// mostly asserts that all but strays are at the hub.
func mostly(t *harness.T, hosts []string, hub *harness.Hub, when string) {
	elsewhere := 0
	for _, host := range hosts {
		if host != hub.Host {
			elsewhere++
		}
	}
	t.Expect(elsewhere).To(BeNumerically("<=", strays), "devices that went elsewhere, "+when)
}

// linkChecks are about hubs that are linked, unlinked and linked otherwise while the
// service runs.
var linkChecks = []harness.Check{{
	Requirement: "DPS-ALLOC-050",
	Title:       "the service's own policy applies to an enrollment that has none",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		hubs := env.Hubs(ctx, t, manyHubs)
		for _, own := range []dps.Policy{dps.PolicyHashed, dps.PolicyGeoLatency, dps.PolicyStatic} {
			s := env.Service(ctx, t, harness.WithHubs(hubs...), harness.WithRetryAfter(0), harness.WithAllocation(own))
			set(ctx, env, t, s, nearest(s, everywhere, last(s)))
			group := s.SymmetricKeyGroup(ctx, t)
			switch own {
			case dps.PolicyHashed:
				t.Expect(reached(ctx, env, t, group, hubs[0].Host, hubs[1].Host)).To(BeEmpty(), "by hashed: hubs that got no device")
			case dps.PolicyGeoLatency:
				t.Expect(hubsOf(ctx, env, t, devicesOf(t, group, severalDevices))).To(HaveEach(last(s).Host), "by geoLatency")
			case dps.PolicyStatic:
				t.Expect(group.Device(t).Provision(ctx, t).Status).To(Equal(dps.StatusFailed), "by static, without a hub")
			}
		}
	},
}, {
	Requirement: "DPS-ALLOC-052",
	Title:       "a hub whose weight changes gets its new share of the next devices",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		hubs := env.Hubs(ctx, t, 2)
		s := env.Service(ctx, t, harness.WithWeightedHub(hubs[0], overwhelming), harness.WithWeightedHub(hubs[1], 1), harness.WithRetryAfter(0))
		group := s.SymmetricKeyGroup(ctx, t)
		mostly(t, hubsOf(ctx, env, t, devicesOf(t, group, 2*severalDevices)), hubs[0], "before the weights changed")
		s.Link(ctx, t, harness.WithWeightedHub(hubs[0], 1), harness.WithWeightedHub(hubs[1], overwhelming))
		mostly(t, hubsOf(ctx, env, t, devicesOf(t, group, 2*severalDevices)), hubs[1], "after the weights changed")
	},
}, {
	Requirement: "DPS-ALLOC-052",
	Title:       "a hub gets devices while it takes part in allocation, and none while it does not",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		hubs := env.Hubs(ctx, t, 2)
		s := env.Service(ctx, t, harness.WithHubs(hubs[0]), harness.WithIdleHub(hubs[1]), harness.WithRetryAfter(0))
		group := s.SymmetricKeyGroup(ctx, t)
		t.Expect(hubsOf(ctx, env, t, devicesOf(t, group, 2*severalDevices))).To(HaveEach(hubs[0].Host), "the other takes no part")
		s.Link(ctx, t, harness.WithIdleHub(hubs[0]), harness.WithHubs(hubs[1]))
		t.Expect(hubsOf(ctx, env, t, devicesOf(t, group, 2*severalDevices))).To(HaveEach(hubs[1].Host), "now the first takes no part")
		s.Link(ctx, t, harness.WithHubs(hubs...))
		t.Expect(reached(ctx, env, t, group, hubs[0].Host, hubs[1].Host)).To(BeEmpty(), "hubs that got no device when both take part")
	},
}, {
	Requirement: "DPS-ALLOC-053",
	Title:       "a hub that is linked later gets no device of an enrollment that lists others",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		hubs := env.Hubs(ctx, t, 3)
		s := env.Service(ctx, t, harness.WithHubs(hubs[:2]...), harness.WithRetryAfter(0))
		first := []string{hubs[0].Host, hubs[1].Host}
		listed, free := s.SymmetricKeyGroup(ctx, t, harness.Members{"iotHubs": first}), s.SymmetricKeyGroup(ctx, t)
		s.Link(ctx, t, harness.WithHubs(hubs...))
		t.Given("the new hub gets devices of an enrollment without hubs", func() {
			t.Expect(reached(ctx, env, t, free, hubs[2].Host)).To(BeEmpty())
		})
		t.Expect(hubsOf(ctx, env, t, devicesOf(t, listed, enoughDevices))).To(HaveEach(BeElementOf(first)))
	},
}, {
	Requirement: "DPS-ALLOC-054",
	Title:       "a hub that an enrollment lists and that is unlinked is passed over",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		hubs := env.Hubs(ctx, t, 3)
		s := env.Service(ctx, t, harness.WithHubs(hubs...), harness.WithRetryAfter(0))
		group := s.SymmetricKeyGroup(ctx, t, harness.Members{"iotHubs": []string{hubs[0].Host, hubs[1].Host}})
		t.Given("both hubs get devices", func() {
			t.Expect(reached(ctx, env, t, group, hubs[0].Host, hubs[1].Host)).To(BeEmpty())
		})
		s.Link(ctx, t, harness.WithHubs(hubs[1:]...))
		t.Expect(hubsOf(ctx, env, t, devicesOf(t, group, severalDevices))).To(HaveEach(hubs[1].Host))
	},
}, {
	Requirement: "DPS-ALLOC-055",
	Title:       "a registration fails with errorCode 400208 when no hub is linked any more that its enrollment lists",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		hubs := env.Hubs(ctx, t, 2)
		s := env.Service(ctx, t, harness.WithHubs(hubs...), harness.WithRetryAfter(0))
		group := s.SymmetricKeyGroup(ctx, t, harness.Members{"allocationPolicy": "hashed", "iotHubs": []string{hubs[0].Host}})
		group.Device(t).Assigned(ctx, t)
		s.Link(ctx, t, harness.WithHubs(hubs[1]))
		wantsHub(ctx, t, group.Device(t))
	},
}, {
	Requirement: "DPS-ALLOC-056",
	Title:       "static to a hub that takes no part in allocation fails with errorCode 400208",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		hubs := env.Hubs(ctx, t, 2)
		s := env.Service(ctx, t, harness.WithHubs(hubs...), harness.WithRetryAfter(0))
		group := s.SymmetricKeyGroup(ctx, t, at(hubs[1]))
		group.Device(t).Assigned(ctx, t)
		s.Link(ctx, t, harness.WithHubs(hubs[0]), harness.WithIdleHub(hubs[1]))
		wantsHub(ctx, t, group.Device(t))
	},
}}
