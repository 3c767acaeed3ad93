package run

import (
	"slices"
	"sync"
	"time"

	results "github.com/dpslab/dpslab/reports/load"
	"github.com/dpslab/dpslab/scenarios/load"
	"github.com/dpslab/dpslab/simulator/fleet"
)

// tally counts lives that have ended.
type tally struct {
	mu   sync.Mutex
	sum  results.Answer
	hubs map[string]int
}

func newTally() *tally {
	reach := func() results.Reach { return results.Reach{Times: results.Waits(), Waits: results.Waits()} }
	return &tally{sum: results.Answer{Assigned: reach(), Telemetry: reach()}, hubs: map[string]int{}}
}

func (t *tally) ended(s load.Start, l fleet.Life, end time.Time, tells bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sum.Started++
	t.sum.Attempts += l.Attempts
	if l.GaveUp {
		t.sum.GaveUp++
	}
	reached(&t.sum.Assigned, s.Intended, l.Assigned, end)
	if tells {
		reached(&t.sum.Telemetry, s.Intended, l.FirstTelemetry, end)
	}
	if !l.Assigned.IsZero() {
		t.hubs[l.Hub]++
	}
}

// reached counts a device that came to something at a time, zero for never.
func reached(r *results.Reach, planned, at, end time.Time) {
	if at.IsZero() {
		r.Waits.Record(end.Sub(planned).Milliseconds())
		return
	}
	r.Times.Record(at.Sub(planned).Milliseconds())
}

// answer is that of so many devices. Those that were not powered on have waited for no time
// yet, and are not assigned.
func (t *tally) answer(devices int) results.Answer {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sum.Devices = devices
	for range devices - t.sum.Started {
		t.sum.Assigned.Waits.Record(0)
	}
	return t.sum
}

func (t *tally) allocation(hosts []string, weights map[string]int) *results.Allocation {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := &results.Allocation{}
	for _, host := range slices.Sorted(slices.Values(hosts)) {
		a.Hubs = append(a.Hubs, results.HubShare{Host: host, Devices: t.hubs[host], Weight: weights[host]})
	}
	return a
}
