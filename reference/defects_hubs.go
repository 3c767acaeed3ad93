package reference

import (
	"fmt"
	"sync"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/provisioning"
)

func onHubAnswer(change func(point.Call, *provisioning.HubAnswer)) func(point.Args) ([]point.Plan, error) {
	return point.Always(provisioning.HubAnswered.Plan(change))
}

// hubDefects are registrations that go wrong when a hub cannot be reached.
var hubDefects = point.Catalogue{{
	ID: "hub-down-assigned", Summary: "reports devices assigned to a hub that did not answer",
	Catches: []string{"DPS-ALLOC-029"},
	Build:   onHubAnswer(func(_ point.Call, a *provisioning.HubAnswer) { a.Err, a.Again = nil, false }),
}, {
	ID: "hub-down-assigning", Summary: "goes on for an hour with a registration whose hub does not answer",
	Catches: []string{"DPS-ALLOC-029"},
	Build: onHubAnswer(func(c point.Call, a *provisioning.HubAnswer) {
		if a.Err != nil {
			clock.Wait(c, c.Clock, time.Hour)
		}
	}),
}, {
	ID: "hub-asked-once", Summary: "fails a registration when its hub does not answer the first time",
	Catches: []string{"DPS-ALLOC-032"},
	Build:   onHubAnswer(func(_ point.Call, a *provisioning.HubAnswer) { a.Again = false }),
}, {
	ID: "hub-given-up", Summary: "never assigns to a hub again that once did not answer",
	Catches: []string{"DPS-ALLOC-030"},
	Build: func(point.Args) ([]point.Plan, error) {
		var down sync.Map // errors by host
		return onHubAnswer(func(_ point.Call, a *provisioning.HubAnswer) {
			if a.Err != nil {
				down.Store(a.Host, a.Err)
			} else if err, ok := down.Load(a.Host); ok {
				a.Err = err.(error)
			}
		})(nil)
	},
}, {
	ID: "identity-another-each-time", Summary: "writes another identity with each registration of a device",
	Catches: []string{"DPS-ALLOC-030"},
	Build: func(point.Args) ([]point.Plan, error) {
		var mu sync.Mutex
		times := map[string]int{} // by registration id
		return point.Always(provisioning.Assigning.Plan(func(c point.Call, w *provisioning.HubWrite) {
			mu.Lock()
			defer mu.Unlock()
			if times[c.Registration]++; times[c.Registration] > 1 {
				w.Identity.DeviceID += fmt.Sprint("-", times[c.Registration])
			}
		}))(nil)
	},
}, {
	ID: "one-hub-at-a-time", Summary: "writes to no hub while another does not answer",
	Catches: []string{"DPS-ALLOC-031"},
	Build: func(point.Args) ([]point.Plan, error) {
		turn := make(chan struct{}, 1)
		return []point.Plan{
			provisioning.Assigning.Plan(func(c point.Call, _ *provisioning.HubWrite) {
				select {
				case turn <- struct{}{}:
				case <-c.Done():
				}
			}),
			provisioning.HubAnswered.Plan(func(_ point.Call, a *provisioning.HubAnswer) {
				if !a.Again {
					<-turn
				}
			}),
		}, nil
	},
}}
