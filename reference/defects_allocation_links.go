package reference

import (
	"slices"
	"strings"
	"sync"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/allocation"
	"github.com/dpslab/dpslab/reference/provisioning"
)

// linkDefects are hubs whose links, and enrollments whose hubs, are taken wrongly.
var linkDefects = point.Catalogue{{
	ID: "own-policy-hashed", Summary: "hashes devices whose enrollment has no policy, whatever its own is",
	Catches: []string{"DPS-ALLOC-050"},
	Build: onCandidate(func(c *provisioning.Candidate) {
		if c.Enrollment.Policy == dps.PolicyUnset {
			c.Enrollment.Policy = dps.PolicyHashed
		}
	}),
}, {
	ID: "links-remembered", Summary: "goes on by the weights and candidates that it had first",
	Catches: []string{"DPS-ALLOC-007", "DPS-ALLOC-052"},
	Build: func(point.Args) ([]point.Plan, error) {
		var once sync.Once
		var first []allocation.Candidate
		return onChoice(func(call point.Call, c *provisioning.Choice) {
			if c.Host == "" {
				return
			}
			once.Do(func() { first = slices.Clone(c.Candidates) })
			c.Host = allocation.Hashed(call.Registration, first)
		})(nil)
	},
}, {
	ID: "newest-hub-for-all", Summary: "takes the hub that was linked last for a candidate of every enrollment",
	Catches: []string{"DPS-ALLOC-053"},
	Build: onChoice(func(call point.Call, c *provisioning.Choice) {
		if len(c.Candidates) > 0 {
			c.Host = allocation.Hashed(call.Registration, append(slices.Clone(c.Candidates), c.Linked[len(c.Linked)-1]))
		}
	}),
}, {
	ID: "unlinked-hub-fails", Summary: "fails registrations whose enrollment lists a hub that is not linked",
	Catches: []string{"DPS-ALLOC-054"},
	Build: func(point.Args) ([]point.Plan, error) {
		var listed sync.Map // hubs of the enrollment by registration id
		return []point.Plan{
			provisioning.Deciding.Plan(func(_ point.Call, c *provisioning.Candidate) {
				listed.Store(c.Claim.RegistrationID, c.Enrollment.Hubs)
			}),
			provisioning.Chosen.Plan(func(call point.Call, c *provisioning.Choice) {
				hubs, _ := listed.Load(call.Registration)
				named, _ := hubs.([]string)
				for _, host := range named {
					if !slices.ContainsFunc(c.Linked, func(l allocation.Candidate) bool { return strings.EqualFold(l.Host, host) }) {
						c.Host = ""
					}
				}
			}),
		}, nil
	},
}, {
	ID: "any-hub-for-want", Summary: "assigns devices for which there is no hub to any that is linked",
	Catches: []string{"DPS-ALLOC-013", "DPS-ALLOC-055", "DPS-ALLOC-056", "DPS-ALLOC-059"},
	Build: onChoice(func(call point.Call, c *provisioning.Choice) {
		if len(c.Candidates) == 0 && len(c.Linked) > 0 {
			c.Host = allocation.Hashed(call.Registration, c.Linked)
		}
	}),
}, {
	ID: "older-hub-name-decides", Summary: "assigns devices to the iotHubHostName whatever the policy",
	Catches: []string{"DPS-ALLOC-057"},
	Build: onCandidate(func(c *provisioning.Candidate) {
		if c.Enrollment.HubHostName != "" {
			c.Enrollment.Policy, c.Enrollment.Hubs = dps.PolicyStatic, []string{c.Enrollment.HubHostName}
		}
	}),
}, {
	ID: "older-hub-name-ignored", Summary: "takes no notice of iotHubHostName",
	Catches: []string{"DPS-ALLOC-014", "DPS-ALLOC-057"},
	Build:   onCandidate(func(c *provisioning.Candidate) { c.Enrollment.HubHostName = "" }),
}, {
	ID: "failure-without-reason", Summary: "shows operators failed registrations without their reason",
	Catches: []string{"DPS-ALLOC-059"},
	Build: onRecord("get", func(d object) {
		if d["status"] == "failed" {
			delete(d, "errorCode")
			delete(d, "errorMessage")
		}
	}),
}}
