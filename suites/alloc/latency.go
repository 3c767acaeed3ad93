package alloc

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/dpslab/dpslab/internal/controlapi"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// Networks that every client is in, whatever its address is at the service, and one that
// nobody is in. Halves are longer prefixes than the whole.
var (
	everywhere = []string{"0.0.0.0/0", "::/0"}
	halves     = []string{"0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1"}
	nowhere    = []string{"192.0.2.0/24", "2001:db8::/32"} // for documentation
)

// geo are the members of an enrollment whose devices go to the nearest hub.
var geo = harness.Members{"allocationPolicy": "geoLatency"}

// away are the latencies from networks to hubs, in milliseconds.
func away(networks []string, ms map[*harness.Hub]float64) controlapi.Latencies {
	table := controlapi.Latencies{}
	for _, network := range networks {
		table[network] = map[string]float64{}
		for hub, latency := range ms {
			table[network][hub.Host] = latency
		}
	}
	return table
}

// nearest are latencies by which one hub of the service is nearer than the others.
func nearest(s *harness.Service, networks []string, hub *harness.Hub) controlapi.Latencies {
	ms := map[*harness.Hub]float64{}
	for _, h := range s.Hubs {
		ms[h] = 80
	}
	ms[hub] = 20
	return away(networks, ms)
}

// set replaces what the service knows of latencies by all the tables together.
func set(ctx context.Context, env *harness.Env, t *harness.T, s *harness.Service, tables ...controlapi.Latencies) {
	all := controlapi.Latencies{}
	for _, table := range tables {
		for network, row := range table {
			all[network] = row
		}
	}
	t.Must(env.Control.SetLatencies(ctx, s.Name, all), "set the service's latencies")
}

// geoChecks are about the policy geoLatency.
var geoChecks = []harness.Check{{
	Requirement: "DPS-ALLOC-043",
	Title:       "the policy geoLatency assigns a device to the nearest hub",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := several(ctx, env, t, manyHubs)
		group := s.SymmetricKeyGroup(ctx, t, geo)
		// By chance each of eight devices meets the one right hub of four once in 65,536 runs.
		for range 2 {
			for _, hub := range s.Hubs {
				set(ctx, env, t, s, nearest(s, everywhere, hub))
				answer := group.Device(t).Provision(ctx, t)
				t.Expect(answer.Status).To(Equal(dps.StatusAssigned), "%s", answer.Raw)
				t.Expect(answer.State.AssignedHub).To(Equal(hub.Host))
			}
		}
	},
}, {
	Requirement: "DPS-ALLOC-043",
	Title:       "a hub of which no latency is known is farther than every other",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := several(ctx, env, t, manyHubs)
		set(ctx, env, t, s, away(everywhere, map[*harness.Hub]float64{s.Hubs[1]: 5000}))
		devices := devicesOf(t, s.SymmetricKeyGroup(ctx, t, geo), severalDevices)
		t.Expect(hubsOf(ctx, env, t, devices)).To(HaveEach(s.Hubs[1].Host))
	},
}, {
	Requirement: "DPS-ALLOC-044",
	Title:       "hubs whose latencies tie get devices in proportion to their weights",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		hubs := env.Hubs(ctx, t, 3)
		s := env.Service(ctx, t, harness.WithWeightedHub(hubs[0], 1), harness.WithWeightedHub(hubs[1], 3),
			harness.WithWeightedHub(hubs[2], 1000), harness.WithRetryAfter(0))
		set(ctx, env, t, s, away(everywhere, map[*harness.Hub]float64{hubs[0]: 20, hubs[1]: 20, hubs[2]: 80}))
		devices := devicesOf(t, s.SymmetricKeyGroup(ctx, t, geo), crowded)
		spreadBy(t, hostsOf(ctx, env, t, devices), map[*harness.Hub]int{hubs[0]: 1, hubs[1]: 3})
	},
}, {
	Requirement: "DPS-ALLOC-045",
	Title:       "devices of a network of which nothing is known go to all hubs",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := several(ctx, env, t, 2)
		set(ctx, env, t, s, nearest(s, nowhere, last(s)))
		group := s.SymmetricKeyGroup(ctx, t, geo)
		t.Expect(reached(ctx, env, t, group, s.Hubs[0].Host, s.Hubs[1].Host)).To(BeEmpty(), "hubs that got no device of another network")
		set(ctx, env, t, s)
		t.Expect(reached(ctx, env, t, group, s.Hubs[0].Host, s.Hubs[1].Host)).To(BeEmpty(), "hubs that got no device without latencies")
	},
}, {
	Requirement: "DPS-ALLOC-046",
	Title:       "the latencies of the longest prefix count",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := several(ctx, env, t, manyHubs)
		group := s.SymmetricKeyGroup(ctx, t, geo)
		for _, hub := range s.Hubs[:2] {
			set(ctx, env, t, s, nearest(s, everywhere, last(s)), nearest(s, halves, hub))
			t.Expect(hubsOf(ctx, env, t, devicesOf(t, group, severalDevices))).To(HaveEach(hub.Host))
		}
	},
}, {
	Requirement: "DPS-ALLOC-047",
	Title:       "the nearest hub gets no device of an enrollment that does not list it, and none while it takes no part",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		hubs := env.Hubs(ctx, t, 3)
		s := env.Service(ctx, t, harness.WithHubs(hubs...), harness.WithRetryAfter(0))
		near, middle, far := hubs[0], hubs[1], hubs[2]
		set(ctx, env, t, s, away(everywhere, map[*harness.Hub]float64{near: 1, middle: 2, far: 3}))
		free := s.SymmetricKeyGroup(ctx, t, geo)
		listed := s.SymmetricKeyGroup(ctx, t, geo, harness.Members{"iotHubs": []string{middle.Host, far.Host}})
		t.Given("the nearest hub gets devices of an enrollment without hubs", func() {
			t.Expect(hubsOf(ctx, env, t, devicesOf(t, free, severalDevices))).To(HaveEach(near.Host))
		})
		t.Expect(hubsOf(ctx, env, t, devicesOf(t, listed, severalDevices))).To(HaveEach(middle.Host), "it is not listed")
		s.Link(ctx, t, harness.WithIdleHub(near), harness.WithHubs(middle, far))
		t.Expect(hubsOf(ctx, env, t, devicesOf(t, free, severalDevices))).To(HaveEach(middle.Host), "it takes no part")
		s.Link(ctx, t, harness.WithHubs(middle, far))
		t.Expect(hubsOf(ctx, env, t, devicesOf(t, free, severalDevices))).To(HaveEach(middle.Host), "it is not linked")
	},
}, {
	Requirement: "DPS-ALLOC-048",
	Title:       "devices move to the hub that is the nearest now when they register again",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := several(ctx, env, t, manyHubs)
		devices := devicesOf(t, s.SymmetricKeyGroup(ctx, t, geo), severalDevices)
		for _, hub := range s.Hubs[:2] {
			set(ctx, env, t, s, nearest(s, everywhere, hub))
			t.Expect(hubsOf(ctx, env, t, devices)).To(HaveEach(hub.Host))
		}
	},
}, {
	Requirement: "DPS-ALLOC-063",
	Title:       "devices whose nearest hubs tie stay where they are when they register again",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := several(ctx, env, t, 3)
		set(ctx, env, t, s, away(everywhere, map[*harness.Hub]float64{s.Hubs[0]: 20, s.Hubs[1]: 20, s.Hubs[2]: 80}))
		devices := devicesOf(t, s.SymmetricKeyGroup(ctx, t, geo), 2*severalDevices)
		first := hubsOf(ctx, env, t, devices)
		t.Expect(first).To(ContainElements(s.Hubs[0].Host, s.Hubs[1].Host), "both get devices")
		t.Expect(hubsOf(ctx, env, t, devices)).To(Equal(first))
	},
}, {
	Requirement: "DPS-ALLOC-049",
	Title:       "devices of two networks go each to the hub that is nearest to its own",
	Needs:       []harness.Need{harness.NeedLoopback},
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := several(ctx, env, t, manyHubs)
		set(ctx, env, t, s, nearest(s, []string{"127.1.0.0/16"}, s.Hubs[1]), nearest(s, []string{"127.2.0.0/16"}, s.Hubs[2]))
		group := s.SymmetricKeyGroup(ctx, t, geo)
		for i := range severalDevices {
			for network, hub := range map[int]*harness.Hub{1: s.Hubs[1], 2: s.Hubs[2]} {
				device := group.Device(t)
				device.Service = s.From(netip.MustParseAddr(fmt.Sprintf("127.%d.0.%d", network, i+1)))
				answer := device.Provision(ctx, t)
				t.Expect(answer.State).NotTo(BeNil(), "%s", answer.Raw)
				t.Expect(answer.State.AssignedHub).To(Equal(hub.Host), "a device of 127.%d.0.0/16", network)
			}
		}
	},
}}
