package reference

import (
	"net/netip"
	"sync"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/allocation"
	"github.com/dpslab/dpslab/reference/provisioning"
)

// onGeo changes what the policy geoLatency chose among the candidates.
func onGeo(change func(point.Call, *provisioning.Choice)) func(point.Args) ([]point.Plan, error) {
	return onChoice(func(call point.Call, c *provisioning.Choice) {
		if c.Policy == dps.PolicyGeoLatency && len(c.Candidates) > 0 {
			change(call, c)
		}
	})
}

// latencyDefects are devices that geoLatency sends elsewhere than to the nearest hub.
var latencyDefects = point.Catalogue{{
	ID: "latencies-ignored", Summary: "hashes devices whatever the latencies",
	Catches: []string{"DPS-ALLOC-043", "DPS-ALLOC-044", "DPS-ALLOC-046", "DPS-ALLOC-048", "DPS-ALLOC-049"},
	Build: onGeo(func(call point.Call, c *provisioning.Choice) {
		c.Host = allocation.Hashed(call.Registration, c.Candidates)
	}),
}, {
	ID: "farthest-hub", Summary: "assigns devices to the farthest hub",
	Catches: []string{"DPS-ALLOC-043", "DPS-ALLOC-046", "DPS-ALLOC-048", "DPS-ALLOC-049"},
	Build: onGeo(func(call point.Call, c *provisioning.Choice) {
		behind := allocation.Distances{}
		for host, ms := range c.Latencies.From(c.Client) {
			behind[host] = 1e6 - ms
		}
		c.Host = allocation.Hashed(call.Registration, allocation.Nearest(c.Candidates, behind))
	}),
}, {
	ID: "unknown-hub-is-near", Summary: "takes a hub of which no latency is known for the nearest",
	Catches: []string{"DPS-ALLOC-043"},
	Build: onGeo(func(_ point.Call, c *provisioning.Choice) {
		known := c.Latencies.From(c.Client)
		for _, one := range c.Candidates {
			if _, ok := known[one.Host]; !ok && known != nil {
				c.Host = one.Host
			}
		}
	}),
}, {
	ID: "ties-to-the-first", Summary: "assigns devices to the first of the hubs whose latencies tie",
	Catches: []string{"DPS-ALLOC-044", "DPS-ALLOC-045"},
	Build: onGeo(func(_ point.Call, c *provisioning.Choice) {
		c.Host = allocation.Nearest(c.Candidates, c.Latencies.From(c.Client))[0].Host
	}),
}, {
	ID: "ties-without-weights", Summary: "spreads devices evenly over the hubs whose latencies tie",
	Catches: []string{"DPS-ALLOC-044"},
	Build: onGeo(func(call point.Call, c *provisioning.Choice) {
		c.Host = allocation.Hashed(call.Registration, even(allocation.Nearest(c.Candidates, c.Latencies.From(c.Client))))
	}),
}, {
	ID: "unknown-network-nowhere", Summary: "fails registrations from networks whose latencies it does not know",
	Catches: []string{"DPS-ALLOC-045"},
	Build: onGeo(func(_ point.Call, c *provisioning.Choice) {
		if c.Latencies.From(c.Client) == nil {
			c.Host = ""
		}
	}),
}, {
	ID: "shortest-prefix", Summary: "takes the latencies of the shortest prefix",
	Catches: []string{"DPS-ALLOC-046"},
	Build: onGeo(func(call point.Call, c *provisioning.Choice) {
		shortest, row := 129, allocation.Distances(nil)
		for cidr, latencies := range c.Latencies.Table() {
			network := netip.MustParsePrefix(cidr)
			if network.Contains(c.Client) && network.Bits() < shortest {
				shortest, row = network.Bits(), latencies
			}
		}
		c.Host = allocation.Hashed(call.Registration, allocation.Nearest(c.Candidates, row))
	}),
}, {
	ID: "nearest-linked-hub", Summary: "assigns devices to the nearest of all linked hubs",
	Catches: []string{"DPS-ALLOC-047"},
	Build: onGeo(func(call point.Call, c *provisioning.Choice) {
		c.Host = allocation.Hashed(call.Registration, allocation.Nearest(c.Linked, c.Latencies.From(c.Client)))
	}),
}, {
	ID: "latencies-remembered", Summary: "goes on by the latencies of a device's first registration",
	Catches: []string{"DPS-ALLOC-048"},
	Build: func(point.Args) ([]point.Plan, error) {
		var first sync.Map // latencies by registration id
		return onGeo(func(call point.Call, c *provisioning.Choice) {
			was, _ := first.LoadOrStore(call.Registration, c.Latencies)
			c.Host = allocation.Hashed(call.Registration, allocation.Nearest(c.Candidates, was.(*allocation.Latencies).From(c.Client)))
		})(nil)
	},
}, {
	ID: "one-client-address", Summary: "takes every device for one at the address of the first",
	Catches: []string{"DPS-ALLOC-049"},
	Build: func(point.Args) ([]point.Plan, error) {
		var once sync.Once
		var first netip.Addr
		return onGeo(func(call point.Call, c *provisioning.Choice) {
			once.Do(func() { first = c.Client })
			c.Host = allocation.Hashed(call.Registration, allocation.Nearest(c.Candidates, c.Latencies.From(first)))
		})(nil)
	},
}}

// even are the candidates with one weight.
func even(candidates []allocation.Candidate) []allocation.Candidate {
	var list []allocation.Candidate
	for _, c := range candidates {
		list = append(list, allocation.Candidate{Host: c.Host, Weight: 1})
	}
	return list
}
