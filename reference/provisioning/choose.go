package provisioning

import (
	"context"
	"net/netip"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/allocation"
	"github.com/dpslab/dpslab/reference/apiversion"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/registration"
)

// Chosen is passed when a hub was chosen for a device, before it counts.
var Chosen = point.Define[Choice]("provisioning.chosen")

// Choice is an allocation as the Chosen point shows it.
type Choice struct {
	Policy     dps.Policy
	Candidates []allocation.Candidate
	Linked     []allocation.Candidate // every linked hub, for plans to read
	Client     netip.Addr             // where the device is; invalid: not known
	Latencies  *allocation.Latencies  // from there and elsewhere
	Host       string                 // empty: none
}

// choose picks the hub for the device: the one it has, where the reprovision policy keeps
// it there, else the one that the allocation policy gives (service-api.md 4.2, 4.8).
func (s *Service) choose(ctx context.Context, a Attested, linked links, before registration.Record) (Link, bool) {
	if l, ok := linked.find(before.Hub); ok && keepsHub(a) {
		return l, true
	}
	c := Choice{
		Policy: s.effectivePolicy(a.Enrollment), Candidates: s.candidates(a.Enrollment, linked),
		Client: a.Client, Latencies: s.latencies.Load(), // [DPS-ALLOC-048] [DPS-ALLOC-049]
	}
	for _, l := range linked {
		c.Linked = append(c.Linked, allocation.Candidate{Host: l.Hub.Host(), Weight: l.Weight})
	}
	c.Host, _ = allocation.Choose(c.Policy, a.RegistrationID, c.Candidates, c.Latencies.From(c.Client))
	Chosen.Hit(ctx, s.o.Points, a.At, &c)
	return linked.find(c.Host)
}

func keepsHub(a Attested) bool {
	if p := a.Enrollment.Reprovision; p != nil {
		return !p.UpdateHubAssignment // [DPS-REPROV-001] [DPS-REPROV-007] [DPS-REPROV-008]
	}
	return apiversion.Sticky(a.APIVersion) // [DPS-ALLOC-033]
}

// effectivePolicy is the enrollment's, else static for the older single-hub form, else
// the service's (service-api.md 4.2).
func (s *Service) effectivePolicy(e enrollment.Enrollment) dps.Policy {
	switch {
	case e.Policy != dps.PolicyUnset: // [DPS-ALLOC-005]
		return e.Policy
	case e.HubHostName != "" && len(e.Hubs) == 0:
		return dps.PolicyStatic
	}
	return s.o.Policy // [DPS-ALLOC-050]
}

// candidates are the enrollment's hubs, else all linked ones; hubs that are not linked, or
// take no part in allocation, are none (service-api.md 4.2).
func (s *Service) candidates(e enrollment.Enrollment, linked links) []allocation.Candidate {
	named := e.Hubs
	if len(named) == 0 && s.effectivePolicy(e) == dps.PolicyStatic {
		// [DPS-ALLOC-013] [DPS-ALLOC-057] static assigns to the hub that the enrollment names, or to none
		named = []string{e.HubHostName}
	}
	var list []allocation.Candidate
	add := func(l Link) {
		if l.Applies { // [DPS-ALLOC-008] [DPS-ALLOC-047] [DPS-ALLOC-056]
			list = append(list, allocation.Candidate{Host: l.Hub.Host(), Weight: l.Weight})
		}
	}
	if len(named) == 0 {
		for _, l := range linked {
			add(l)
		}
	}
	for _, host := range named { // [DPS-ALLOC-053] [DPS-ALLOC-054] [DPS-ALLOC-055]
		if l, ok := linked.find(host); ok {
			add(l)
		}
	}
	return list
}
