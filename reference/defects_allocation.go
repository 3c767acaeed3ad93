package reference

import (
	"net/http"
	"strings"
	"sync"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/allocation"
	"github.com/dpslab/dpslab/reference/deviceapi/httpsfront"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/provisioning"
	"github.com/dpslab/dpslab/reference/serviceapi"
)

func onChoice(change func(point.Call, *provisioning.Choice)) func(point.Args) ([]point.Plan, error) {
	return point.Always(provisioning.Chosen.Plan(change))
}

func onIdentity(change func(*provisioning.HubWrite)) func(point.Args) ([]point.Plan, error) {
	return point.Always(provisioning.Assigning.Plan(func(_ point.Call, w *provisioning.HubWrite) { change(w) }))
}

func onCandidate(change func(*provisioning.Candidate)) func(point.Args) ([]point.Plan, error) {
	return point.Always(provisioning.Deciding.Plan(func(_ point.Call, c *provisioning.Candidate) { change(c) }))
}

// allocationDefects are devices that go to the wrong hub, or arrive there wrongly.
var allocationDefects = point.Catalogue{{
	ID: "groups-before-individual", Summary: "passes over individual enrollments",
	Catches: []string{"DPS-ALLOC-001"},
	Build:   onCandidate(func(c *provisioning.Candidate) { c.PassOver = c.Enrollment.Kind == enrollment.Individual }),
}, {
	ID: "disabled-let-in", Summary: "provisions devices of disabled enrollments",
	Catches: []string{"DPS-ALLOC-002", "DPS-ALLOC-004", "DPS-SVC-053"},
	Build:   onCandidate(func(c *provisioning.Candidate) { c.Enrollment.Disabled = false }),
}, {
	ID: "disabled-individual-passed-over", Summary: "takes the group of a device whose individual enrollment is disabled",
	Catches: []string{"DPS-ALLOC-002"},
	Build: onCandidate(func(c *provisioning.Candidate) {
		c.PassOver = c.Enrollment.Kind == enrollment.Individual && c.Enrollment.Disabled
	}),
}, {
	ID: "disabled-individual-remembered", Summary: "stops a device for good whose individual enrollment was disabled once",
	Catches: []string{"DPS-ALLOC-003"},
	Build: func(point.Args) ([]point.Plan, error) {
		var stopped sync.Map // registration ids
		return onCandidate(func(c *provisioning.Candidate) {
			if c.Enrollment.Kind == enrollment.Individual && c.Enrollment.Disabled {
				stopped.Store(c.Claim.RegistrationID, true)
			}
			if _, ok := stopped.Load(c.Claim.RegistrationID); ok {
				c.Enrollment.Disabled = true
			}
		})(nil)
	},
}, {
	ID: "enrollment-cached", Summary: "goes on by an enrollment as a device's first registration found it",
	Catches: []string{"DPS-ALLOC-004", "DPS-ALLOC-025"},
	Build: func(point.Args) ([]point.Plan, error) {
		var first sync.Map // enrollments by kind and registration id
		return onCandidate(func(c *provisioning.Candidate) {
			was, _ := first.LoadOrStore(c.Enrollment.Kind.String()+c.Claim.RegistrationID, c.Enrollment)
			c.Enrollment = was.(enrollment.Enrollment)
		})(nil)
	},
}, {
	ID: "any-linked-hub", Summary: "hashes devices over all linked hubs, whatever their enrollment says",
	Catches: []string{"DPS-ALLOC-005", "DPS-ALLOC-006", "DPS-ALLOC-008", "DPS-ALLOC-012", "DPS-ALLOC-013", "DPS-ALLOC-014",
		"DPS-ALLOC-053", "DPS-ALLOC-055", "DPS-ALLOC-056"},
	Build: onChoice(func(call point.Call, c *provisioning.Choice) {
		if len(c.Linked) > 0 {
			c.Host = allocation.Hashed(call.Registration, c.Linked)
		}
	}),
}, {
	ID: "first-linked-hub", Summary: "assigns every device to the hub that was linked first",
	Catches: []string{"DPS-ALLOC-006", "DPS-ALLOC-007", "DPS-ALLOC-009", "DPS-ALLOC-012"},
	Build: onChoice(func(_ point.Call, c *provisioning.Choice) {
		if len(c.Linked) > 0 {
			c.Host = c.Linked[0].Host
		}
	}),
}, {
	ID: "weights-ignored", Summary: "hashes devices evenly whatever the weights",
	Catches: []string{"DPS-ALLOC-009", "DPS-ALLOC-052"},
	Build: onChoice(func(call point.Call, c *provisioning.Choice) {
		if c.Host != "" {
			c.Host = allocation.Hashed(call.Registration, even(c.Candidates))
		}
	}),
}, {
	ID: "weights-blunted", Summary: "takes every weight for two more than it is",
	Catches: []string{"DPS-ALLOC-009"},
	Build: onChoice(func(call point.Call, c *provisioning.Choice) {
		for i := range c.Candidates {
			c.Candidates[i].Weight += 2
		}
		if c.Host != "" {
			c.Host = allocation.Hashed(call.Registration, c.Candidates)
		}
	}),
}, {
	ID: "idle-hubs-chosen", Summary: "spreads devices over hubs too that take no part in allocation",
	Catches: []string{"DPS-ALLOC-008", "DPS-ALLOC-052"},
	Build: onChoice(func(call point.Call, c *provisioning.Choice) {
		if c.Policy == dps.PolicyHashed && c.Host != "" {
			c.Host = allocation.Hashed(call.Registration, c.Linked)
		}
	}),
}, {
	ID: "another-hub-each-time", Summary: "assigns a device to another hub with each registration",
	Catches: []string{"DPS-ALLOC-010", "DPS-ALLOC-016", "DPS-ALLOC-063"},
	Build: func(point.Args) ([]point.Plan, error) {
		var mu sync.Mutex
		next := map[string]int{} // by registration
		return onChoice(func(call point.Call, c *provisioning.Choice) {
			mu.Lock()
			defer mu.Unlock()
			if len(c.Candidates) > 0 {
				c.Host = c.Candidates[next[call.Registration]%len(c.Candidates)].Host
				next[call.Registration]++
			}
		})(nil)
	},
}, {
	ID: "hash-by-position", Summary: "hashes devices to the position of a hub in the list",
	Catches: []string{"DPS-ALLOC-011", "DPS-ALLOC-051"},
	Build: onChoice(func(call point.Call, c *provisioning.Choice) {
		sum := 0
		for _, r := range call.Registration {
			sum = (sum*31 + int(r)) % (1 << 30)
		}
		if len(c.Candidates) > 0 {
			c.Host = c.Candidates[sum%len(c.Candidates)].Host
		}
	}),
}, {
	ID: "identity-other-keys", Summary: "gives hub identities other keys",
	Catches: []string{"DPS-ALLOC-017", "DPS-ALLOC-018", "DPS-ALLOC-022"},
	Build: onIdentity(func(w *provisioning.HubWrite) {
		if w.Identity.PrimaryKey != nil {
			w.Identity.PrimaryKey, w.Identity.SecondaryKey = randomKey(), randomKey()
		}
	}),
}, {
	ID: "identity-one-key", Summary: "gives hub identities the primary key twice",
	Catches: []string{"DPS-ALLOC-017", "DPS-ALLOC-018"},
	Build:   onIdentity(func(w *provisioning.HubWrite) { w.Identity.SecondaryKey = w.Identity.PrimaryKey }),
}, {
	ID: "identity-other-thumbprint", Summary: "gives hub identities another thumbprint",
	Catches: []string{"DPS-X509-016", "DPS-ALLOC-022"},
	Build: onIdentity(func(w *provisioning.HubWrite) {
		if w.Identity.PrimaryThumbprint != "" {
			w.Identity.PrimaryThumbprint = strings.Repeat("0", 64)
		}
	}),
}, {
	ID: "identity-by-registration-id", Summary: "names hub identities otherwise than it tells the device",
	Catches: []string{"DPS-ALLOC-019"},
	Build:   onIdentity(func(w *provisioning.HubWrite) { w.Identity.DeviceID += "-x" }),
}, {
	ID: "identity-without-twin", Summary: "writes hub identities without the initial twin",
	Catches: []string{"DPS-ALLOC-020"},
	Build:   onIdentity(func(w *provisioning.HubWrite) { w.Identity.Twin = provisioning.Twin{} }),
}, {
	ID: "identity-without-capabilities", Summary: "does not copy capabilities to the hub",
	Catches: []string{"DPS-ALLOC-021"},
	Build:   onIdentity(func(w *provisioning.HubWrite) { w.Identity.IoTEdge = false }),
}, {
	ID: "identity-never-written", Summary: "reports devices assigned that no hub knows",
	Catches: []string{"DPS-ALLOC-020", "DPS-ALLOC-022", "DPS-ALLOC-027"},
	Build:   onIdentity(func(w *provisioning.HubWrite) { w.Skip = true }),
}, {
	ID: "identity-written-once", Summary: "does not refresh a hub identity that it wrote before",
	Catches: []string{"DPS-X509-017", "DPS-ALLOC-024"},
	Build: func(point.Args) ([]point.Plan, error) {
		var seen sync.Map
		return onIdentity(func(w *provisioning.HubWrite) {
			_, w.Skip = seen.LoadOrStore(w.Hub.Host()+"/"+w.Identity.DeviceID, true)
		})(nil)
	},
}, {
	ID: "identity-made-anew", Summary: "makes the hub identity anew with each registration, twin and all",
	Catches: []string{"DPS-ALLOC-024"},
	Build: point.Always(provisioning.Assigning.Plan(func(c point.Call, w *provisioning.HubWrite) {
		w.Hub.Release(c, w.Identity.DeviceID)
	})),
}, {
	ID: "identity-deleted-with-enrollment", Summary: "removes the hub identity when the enrollment or the registration is deleted",
	Catches: []string{"DPS-ALLOC-028"},
	Build: func(point.Args) ([]point.Plan, error) {
		var hubs sync.Map // by registration id, which is the device id of all that this removes
		return []point.Plan{
			provisioning.Assigning.Plan(func(c point.Call, w *provisioning.HubWrite) { hubs.Store(c.Registration, w.Hub) }),
			serviceapi.Replying.Plan(func(c point.Call, r *serviceapi.Reply) {
				if hub, ok := hubs.Load(c.Registration); ok && r.Request.Method == http.MethodDelete && r.Status < 300 {
					hub.(provisioning.Hub).Release(c, c.Registration)
				}
			}),
		}, nil
	},
}, {
	ID: "hub-refusal-unnamed", Summary: "reports a hub that refused it as one that was not specified",
	Catches: []string{"DPS-ALLOC-023", "DPS-ALLOC-029"},
	Build: everyAnswer(func(d object) {
		if s := d.state(); s != nil && s["errorCode"] != nil {
			s["errorCode"] = 400208
		}
	}),
}, {
	ID: "oldest-versions-moved", Summary: "moves devices of the oldest api-versions as it moves others",
	Catches: []string{"DPS-ALLOC-033"},
	Build: onCandidate(func(c *provisioning.Candidate) {
		if c.Enrollment.Reprovision == nil {
			c.Enrollment.Reprovision = &enrollment.Reprovision{UpdateHubAssignment: true, MigrateDeviceData: true}
		}
	}),
}, {
	ID: "every-version-stays", Summary: "keeps devices at their hub whatever api-version they speak",
	Catches: []string{"DPS-ALLOC-033"},
	Build: onCandidate(func(c *provisioning.Candidate) {
		if c.Enrollment.Reprovision == nil {
			c.Enrollment.Reprovision = &enrollment.Reprovision{}
		}
	}),
}, {
	ID: "concurrent-register-500", Summary: "answers concurrent register requests of one device with 500",
	Catches: []string{"DPS-ALLOC-026"},
	Build: onHTTPS("register", func(r *httpsfront.Reply) {
		if r.Status == http.StatusConflict {
			refuse(r, http.StatusInternalServerError)
		}
	}),
}}
