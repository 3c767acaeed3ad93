package main

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	results "github.com/dpslab/dpslab/reports/load"
	"github.com/dpslab/dpslab/scenarios/load"
)

// A generator that cannot keep up says so, and one that can does not. It takes a machine to
// itself: `make loads` asks for 20 runs of each.
func TestARunIsVoidAtThreeTimesTheCapacityAndNotAtTwoFifths(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("DPSLAB_LOADS"))
	if err != nil {
		t.Skip("DPSLAB_LOADS says how many runs there are to be")
	}
	lab := up(t).open(t)
	p := firstBoot()
	p.Fleet.Mix, p.Expectations, p.Most = p.Fleet.Mix[:2], nil, 5000
	p.Fleet.Identities.Prefix, p.Fleet.Size, p.Closed = "capacity", 2000, workers
	closed, _, _ := runPlan(t, t.Context(), p, lab)
	capacity := float64(closed.Answer.Assigned.Done) / closed.Elapsed.Seconds()
	t.Logf("capacity: %.0f devices a second", capacity)
	for _, c := range []struct {
		part float64
		want results.Verdict
	}{{3, results.Void}, {.4, results.Passed}} {
		for i := range n {
			p.Closed, p.Fleet.Identities.Prefix = 0, fmt.Sprintf("at-%d-%d", int(10*c.part), i)
			p.Schedule = load.Schedule{{Pacer: load.PerSecond(c.part * capacity), Duration: 3 * time.Second}}
			p.Fleet.Size = int(3 * c.part * capacity)
			if r, _, _ := runPlan(t, t.Context(), p, lab); r.Verdict != c.want {
				t.Errorf("run %d at %g of the capacity: %s, %d of %d late, %q", i+1, c.part, r.Verdict, r.Health.Late, r.Health.Starts, r.Reasons)
			}
		}
	}
}
