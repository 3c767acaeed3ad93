package run

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"github.com/dpslab/dpslab/internal/devwire"
	results "github.com/dpslab/dpslab/reports/load"
	"github.com/dpslab/dpslab/simulator/fleet"
)

// invariants are held to while the load is on. Methods may be called from any goroutine.
type invariants struct {
	mu         sync.Mutex
	hubs       []string       // candidates
	operations map[string]int // device by operation
	assigned   map[int]place  // by device

	oneHub, unique, candidate, own, record results.Invariant
}

type place struct{ registration, hub, device string }

func newInvariants(hubs []string) *invariants {
	return &invariants{
		hubs: hubs, operations: map[string]int{}, assigned: map[int]place{},
		oneHub:    results.Invariant{Name: "one device, one hub", Statement: "a device that is assigned again is assigned the same hub and device id"},
		unique:    results.Invariant{Name: "operation ids unique", Statement: "an operation id is one device's alone"},
		candidate: results.Invariant{Name: "hub among the candidates", Statement: "a device is assigned a hub that is linked to the service"},
		own:       results.Invariant{Name: "no answer meant for another", Statement: "an answer names the registration id of the device that asked"},
		record:    results.Invariant{Name: "record as the device saw it", Statement: "at the end the service's record says assigned, and names the hub and the device id that the device was told"},
	}
}

// heard checks an answer of the service to a device with that registration id.
func (v *invariants) heard(registration string, e fleet.Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if e.OperationID != "" {
		v.unique.Checked++
		if other, known := v.operations[e.OperationID]; known && other != e.Device {
			v.unique.Break(fmt.Sprintf("operation %s is that of devices %d and %d", e.OperationID, other, e.Device))
		}
		v.operations[e.OperationID] = e.Device
	}
	if e.RegistrationID != "" {
		v.own.Checked++
		if e.RegistrationID != registration {
			v.own.Break(fmt.Sprintf("%s was told of %s", registration, e.RegistrationID))
		}
	}
	if e.Hub == "" {
		return
	}
	v.candidate.Checked++
	if !slices.Contains(v.hubs, e.Hub) {
		v.candidate.Break(fmt.Sprintf("%s was assigned %s", registration, e.Hub))
	}
	now := place{registration, e.Hub, e.DeviceID}
	v.oneHub.Checked++
	if before, known := v.assigned[e.Device]; known && before != now {
		v.oneHub.Break(fmt.Sprintf("%s was assigned %s as %s, then %s as %s", registration, before.hub, before.device, now.hub, now.device))
	}
	v.assigned[e.Device] = now
}

// readers is how many records are read at once.
const readers = 8

// compare holds the service's records to what the devices were told.
func (v *invariants) compare(ctx context.Context, service *devwire.ServiceClient) error {
	places := make(chan place)
	var failed error
	var reading sync.WaitGroup
	for range readers {
		reading.Go(func() {
			for p := range places {
				err := v.compareOne(ctx, service, p)
				v.mu.Lock()
				if err != nil && failed == nil {
					failed = err
				}
				v.mu.Unlock()
			}
		})
	}
	for _, p := range v.assigned {
		if ctx.Err() != nil {
			break
		}
		places <- p
	}
	close(places)
	reading.Wait()
	return failed
}

func (v *invariants) compareOne(ctx context.Context, service *devwire.ServiceClient, p place) error {
	answer, err := service.GetRegistration(ctx, p.registration)
	if err != nil {
		return fmt.Errorf("the record of %s: %w", p.registration, err)
	}
	record, err := answer.JSON()
	if err != nil {
		return fmt.Errorf("the record of %s: %w", p.registration, err)
	}
	v.seen(p, answer.Status, record)
	return nil
}

// seen checks a record of the service, as it answered with that status.
func (v *invariants) seen(p place, status int, record map[string]any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.record.Checked++
	if status != http.StatusOK {
		v.record.Break(fmt.Sprintf("%s was assigned %s; asked for its record, the service answered %d", p.registration, p.hub, status))
		return
	}
	if record["status"] != "assigned" || record["assignedHub"] != p.hub || record["deviceId"] != p.device {
		v.record.Break(fmt.Sprintf("%s was assigned %s as %s; its record says %v, %v as %v",
			p.registration, p.hub, p.device, record["status"], record["assignedHub"], record["deviceId"]))
	}
}

func (v *invariants) all() []results.Invariant {
	v.mu.Lock()
	defer v.mu.Unlock()
	return []results.Invariant{v.oneHub, v.unique, v.candidate, v.own, v.record}
}
