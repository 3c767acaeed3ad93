package reference

import (
	"fmt"
	"sync"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/apiversion"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/provisioning"
)

// onPolicy changes the reprovision policy of enrollments, nil where there is none.
func onPolicy(change func(*provisioning.Candidate, *enrollment.Reprovision) *enrollment.Reprovision) func(point.Args) ([]point.Plan, error) {
	return onCandidate(func(c *provisioning.Candidate) { c.Enrollment.Reprovision = change(c, c.Enrollment.Reprovision) })
}

// dataKept decides whether data moves along, where the policy lets a device move.
func dataKept(kept bool) func(point.Args) ([]point.Plan, error) {
	return onPolicy(func(_ *provisioning.Candidate, p *enrollment.Reprovision) *enrollment.Reprovision {
		if p == nil || !p.UpdateHubAssignment {
			return p
		}
		return &enrollment.Reprovision{UpdateHubAssignment: true, MigrateDeviceData: kept}
	})
}

// said tells another substatus than was reached.
func said(instead, of dps.Substatus) func(point.Args) ([]point.Plan, error) {
	return onStoring(func(_ point.Call, w *provisioning.RecordWrite) {
		if w.Record.Substatus == of {
			w.Record.Substatus = instead
		}
	})
}

func onStoring(change func(point.Call, *provisioning.RecordWrite)) func(point.Args) ([]point.Plan, error) {
	return point.Always(provisioning.Storing.Plan(change))
}

// onSecondWrite changes what the service writes to a hub for a device that it has written
// before.
func onSecondWrite(change func(point.Call, *provisioning.HubWrite)) func(point.Args) ([]point.Plan, error) {
	return func(point.Args) ([]point.Plan, error) {
		var seen sync.Map // registration ids
		return point.Always(provisioning.Assigning.Plan(func(c point.Call, w *provisioning.HubWrite) {
			if _, again := seen.LoadOrStore(c.Registration, true); again {
				change(c, w)
			}
		}))(nil)
	}
}

// reprovisionDefects are devices that register again and fare otherwise than they should.
var reprovisionDefects = point.Catalogue{{
	ID: "moves-nobody", Summary: "keeps devices at their hub whatever the reprovision policy",
	Catches: []string{"DPS-REPROV-001"},
	Build: onPolicy(func(_ *provisioning.Candidate, p *enrollment.Reprovision) *enrollment.Reprovision {
		return &enrollment.Reprovision{}
	}),
}, {
	ID: "moves-everybody", Summary: "moves devices whatever the reprovision policy",
	Catches: []string{"DPS-REPROV-007", "DPS-REPROV-008"},
	Build: onPolicy(func(_ *provisioning.Candidate, p *enrollment.Reprovision) *enrollment.Reprovision {
		return &enrollment.Reprovision{UpdateHubAssignment: true, MigrateDeviceData: true}
	}),
}, {
	ID: "oldest-versions-stay", Summary: "keeps devices of the oldest api-versions at their hub whatever the reprovision policy",
	Catches: []string{"DPS-REPROV-008"},
	Build: onPolicy(func(c *provisioning.Candidate, p *enrollment.Reprovision) *enrollment.Reprovision {
		if apiversion.Sticky(c.Claim.APIVersion) {
			return nil
		}
		return p
	}),
}, {
	ID: "move-loses-data", Summary: "moves devices with the initial twin where they keep their data",
	Catches: []string{"DPS-REPROV-002"},
	Build:   dataKept(false),
}, {
	ID: "move-keeps-data", Summary: "moves devices with their data where they begin anew",
	Catches: []string{"DPS-REPROV-005"},
	Build:   dataKept(true),
}, {
	ID: "move-without-policy-loses-data", Summary: "moves devices without a reprovision policy as if it said to lose their data",
	Catches: []string{"DPS-REPROV-011"},
	Build: onPolicy(func(_ *provisioning.Candidate, p *enrollment.Reprovision) *enrollment.Reprovision {
		if p == nil {
			return &enrollment.Reprovision{UpdateHubAssignment: true}
		}
		return p
	}),
}, {
	ID: "move-loses-reported", Summary: "leaves reported properties behind when a device moves",
	Catches: []string{"DPS-REPROV-014"},
	Build:   onIdentity(func(w *provisioning.HubWrite) { w.Identity.Twin.Reported = nil }),
}, {
	ID: "move-renames", Summary: "gives devices that register again another device id",
	Catches: []string{"DPS-REPROV-015"},
	Build:   onSecondWrite(func(_ point.Call, w *provisioning.HubWrite) { w.Identity.DeviceID += "-moved" }),
}, {
	ID: "move-loses-capabilities", Summary: "forgets the capabilities of devices that register again",
	Catches: []string{"DPS-REPROV-016"},
	Build:   onSecondWrite(func(_ point.Call, w *provisioning.HubWrite) { w.Identity.IoTEdge = false }),
}, {
	ID: "same-hub-made-anew", Summary: "makes the hub identity anew when a device registers again",
	Catches: []string{"DPS-REPROV-012"},
	Build:   onSecondWrite(func(c point.Call, w *provisioning.HubWrite) { w.Hub.Release(c, w.Identity.DeviceID) }),
}, {
	ID: "old-identity-kept", Summary: "leaves the identity at the hub that a device left",
	Catches: []string{"DPS-REPROV-003", "DPS-REPROV-009"},
	Build:   point.Always(provisioning.Releasing.Plan(func(_ point.Call, r *provisioning.Release) { r.Skip = true })),
}, {
	ID: "old-identity-forgotten", Summary: "forgets an old identity that it could not remove",
	Catches: []string{"DPS-REPROV-009"},
	Build:   point.Always(provisioning.Released.Plan(func(_ point.Call, r *provisioning.Removal) { r.Err = nil })),
}, {
	ID: "failed-move-leaves", Summary: "removes a device from its old hub when the new one refuses it",
	Catches: []string{"DPS-REPROV-010", "DPS-REPROV-018"},
	Build: func(point.Args) ([]point.Plan, error) {
		var hubs sync.Map // by host
		return []point.Plan{
			provisioning.Assigning.Plan(func(_ point.Call, w *provisioning.HubWrite) { hubs.Store(w.Hub.Host(), w.Hub) }),
			provisioning.Storing.Plan(func(c point.Call, w *provisioning.RecordWrite) {
				if hub, ok := hubs.Load(w.Record.Hub); ok && w.Record.Status == dps.StatusFailed {
					hub.(provisioning.Hub).Release(c, w.Record.DeviceID)
				}
			}),
		}, nil
	},
}, {
	ID: "migrated-said-reset", Summary: "tells a device with its data that they were reset",
	Catches: []string{"DPS-REPROV-004", "DPS-REPROV-011"},
	Build:   said(dps.SubstatusDeviceDataReset, dps.SubstatusDeviceDataMigrated),
}, {
	ID: "reset-said-migrated", Summary: "tells a device without its data that they were migrated",
	Catches: []string{"DPS-REPROV-006", "DPS-REPROV-013"},
	Build:   said(dps.SubstatusDeviceDataMigrated, dps.SubstatusDeviceDataReset),
}, {
	ID: "deleted-registration-remembered", Summary: "takes a device whose registration was deleted for one that moves",
	Catches: []string{"DPS-REPROV-017"},
	Build: func(point.Args) ([]point.Plan, error) {
		var seen sync.Map // registration ids
		return onStoring(func(c point.Call, w *provisioning.RecordWrite) {
			if w.Record.Status != dps.StatusAssigned {
				return
			}
			if _, again := seen.LoadOrStore(c.Registration, true); again {
				w.Record.Substatus = dps.SubstatusDeviceDataMigrated
			}
		})(nil)
	},
}, {
	ID: "registration-held", Summary: "goes no further with registrations at one step: storing, assigning, hub-answered, releasing or released",
	Catches: []string{"DPS-REPROV-001"},
	Params:  []string{"step"},
	Build:   held,
}}

// held builds the plan that holds at a step until the service ends; of the step releasing
// without an argument, so that devices which do not move are served.
func held(args point.Args) ([]point.Plan, error) {
	var plan point.Plan
	switch step := args["step"]; step {
	case "storing":
		plan = provisioning.Storing.Plan(func(c point.Call, _ *provisioning.RecordWrite) { <-c.Done() })
	case "assigning":
		plan = provisioning.Assigning.Plan(func(c point.Call, _ *provisioning.HubWrite) { <-c.Done() })
	case "hub-answered":
		plan = provisioning.HubAnswered.Plan(func(c point.Call, _ *provisioning.HubAnswer) { <-c.Done() })
	case "releasing", "":
		plan = provisioning.Releasing.Plan(func(c point.Call, _ *provisioning.Release) { <-c.Done() })
	case "released":
		plan = provisioning.Released.Plan(func(c point.Call, _ *provisioning.Removal) { <-c.Done() })
	default:
		return nil, fmt.Errorf("no registration can be held at the step %q", step)
	}
	return []point.Plan{plan}, nil
}
