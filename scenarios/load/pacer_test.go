package load_test

import (
	"math"
	"slices"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/dpslab/dpslab/scenarios/load"
)

// starts are the moments of a schedule, the first few hundred thousand.
func starts(s load.Schedule) []time.Duration {
	var at []time.Duration
	for due := range load.Take(s.Starts(), 300_000) {
		at = append(at, due.At)
	}
	return at
}

// within counts the starts of a span.
func within(at []time.Duration, from, to time.Duration) int {
	n := 0
	for _, a := range at {
		if a >= from && a < to {
			n++
		}
	}
	return n
}

func stage(p vegeta.Pacer, d time.Duration) load.Schedule {
	return load.Schedule{{Pacer: p, Duration: d}}
}

func near(got, want int, part float64) bool {
	return math.Abs(float64(got-want)) <= part*float64(want)+1
}

func TestPacersStartAsOftenAsTheySay(t *testing.T) {
	for _, c := range []struct {
		rule     string
		schedule load.Schedule
		from, to time.Duration
		want     int
	}{
		{"constant", stage(load.PerSecond(200), 20*time.Second), 0, 20 * time.Second, 4000},
		{"constant, below one a second", stage(load.PerSecond(.5), time.Minute), 0, time.Minute, 30},
		{"constant, one an hour", stage(load.PerSecond(1./3600), 10*time.Hour), 0, 10 * time.Hour, 9},
		{"ramp, whole", stage(load.Ramp(10, 200, time.Minute), time.Minute), 0, time.Minute, 6300},
		{"ramp, its last second", stage(load.Ramp(10, 200, time.Minute), time.Minute), 59 * time.Second, time.Minute, 198},
		{"ramp from nothing", stage(load.Ramp(0, 100, 10*time.Second), 10*time.Second), 0, 10 * time.Second, 500},
		{"ramp to nothing", stage(load.Ramp(100, 0, 10*time.Second), 10*time.Second), 0, 10 * time.Second, 500},
		{"sine", stage(vegeta.SinePacer{Period: 10 * time.Second, Mean: load.PerSecond(100), Amp: load.PerSecond(50)}, 10*time.Second), 0, 5 * time.Second, 659},
		{"step, its first", stage(load.Step{From: 10, Add: 20, Every: 5 * time.Second}, 20*time.Second), 0, 5 * time.Second, 50},
		{"step, its third", stage(load.Step{From: 10, Add: 20, Every: 5 * time.Second}, 20*time.Second), 10 * time.Second, 15 * time.Second, 250},
		{"step down to nothing", stage(load.Step{From: 20, Add: -10, Every: time.Second}, time.Minute), 0, time.Minute, 30},
		{"step up from nothing", stage(load.Step{From: 0, Add: 10, Every: time.Second}, 3*time.Second), 0, 3 * time.Second, 30},
		{"burst", stage(load.Burst{Size: 500}, 0), 0, 1, 500},
		{"burst, again", stage(load.Burst{Size: 500, Every: time.Second}, 3*time.Second), 0, 10 * time.Second, 1500},
		{"poisson", stage(load.NewPoisson(100, 7), 100*time.Second), 0, 100 * time.Second, 10_000},
		{"trace", stage(load.Trace{0, time.Second, time.Second, time.Minute}, 0), 0, time.Hour, 4},
		{"stages in sequence, the second", load.Schedule{{Pacer: load.PerSecond(10), Duration: 10 * time.Second}, {Pacer: load.PerSecond(100), Duration: time.Second}},
			10 * time.Second, 11 * time.Second, 100},
		{"a stage of so many", load.Schedule{{Pacer: load.PerSecond(10), Count: 7}, {Pacer: load.Burst{Size: 3}}}, 0, time.Hour, 10},
		{"a stage of so many that lasts", load.Schedule{{Pacer: load.PerSecond(10), Count: 7, Duration: time.Minute}, {Pacer: load.Burst{Size: 3}}}, time.Minute, time.Hour, 3},
	} {
		at := starts(c.schedule)
		if got := within(at, c.from, c.to); !near(got, c.want, .03) {
			t.Errorf("%s: %d starts, want %d", c.rule, got, c.want)
		}
		if !slices.IsSorted(at) {
			t.Errorf("%s: it goes back in time", c.rule)
		}
	}
}

func TestPoissonGapsAreExponentialAndTheSameForTheSameSeed(t *testing.T) {
	at := starts(stage(load.NewPoisson(100, 7), 100*time.Second))
	if !slices.Equal(at, starts(stage(load.NewPoisson(100, 7), 100*time.Second))) {
		t.Error("the same seed gave other starts")
	}
	if slices.Equal(at[:10], starts(stage(load.NewPoisson(100, 8), 100*time.Second))[:10]) {
		t.Error("another seed gave the same starts")
	}
	long := 0
	for i := range at[1:] {
		if at[i+1]-at[i] > 10*time.Millisecond { // the mean
			long++
		}
	}
	if share := float64(long) / float64(len(at)-1); math.Abs(share-1/math.E) > .02 {
		t.Errorf("%.3f of the gaps are longer than the mean, want 1/e", share)
	}
}

func TestRatesAreThoseOfThePlan(t *testing.T) {
	for _, c := range []struct {
		pacer vegeta.Pacer
		at    time.Duration
		want  float64
	}{
		{load.PerSecond(.25), 0, .25},
		{load.Ramp(10, 20, 10*time.Second), 5 * time.Second, 15},
		{load.Step{From: 10, Add: 5, Every: time.Second}, 2500 * time.Millisecond, 20},
		{load.Burst{Size: 10, Every: 2 * time.Second}, 0, 5},
		{load.Burst{Size: 10}, 0, 0},
		{load.NewPoisson(3, 1), 0, 3},
		{load.Trace{0, 100 * time.Millisecond, 2 * time.Second}, 0, 2},
	} {
		if got := c.pacer.Rate(c.at); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%v: %g a second, want %g", c.pacer, got, c.want)
		}
	}
}

func TestATraceThatIsNoneIsRefused(t *testing.T) {
	for _, at := range [][]time.Duration{nil, {time.Second, 0}, {-1}} {
		if _, err := load.NewTrace(at); err == nil {
			t.Errorf("%v is a trace", at)
		}
	}
}

func TestShardsShareTheStarts(t *testing.T) {
	s := load.Schedule{{Pacer: load.PerSecond(100), Duration: time.Second}}
	var all []load.Due
	for i := range 3 {
		for due := range load.Shard(s.Starts(), i+1, 3) {
			if due.N%3 != i {
				t.Fatalf("start %d is shard %d's", due.N, i+1)
			}
			all = append(all, due)
		}
	}
	slices.SortFunc(all, func(a, b load.Due) int { return a.N - b.N })
	if !slices.Equal(all, slices.Collect(s.Starts())) {
		t.Error("the shards' starts are not those of the whole")
	}
}
