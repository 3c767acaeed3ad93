package fairness

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"

	"gonum.org/v1/gonum/stat/distuv"
)

const (
	// FalseAlarm is how often at most a fair spread is found unfair.
	FalseAlarm = 1e-6
	// Sure is how often the smallest bias of a Verdict is found.
	Sure = 0.99
	// FewestExpected is how many devices each hub must expect for the statistic to be
	// trusted so far out in its tail.
	FewestExpected = 50

	tail = FalseAlarm / 8
)

// Verdict is what the counts of one run say.
type Verdict struct {
	Devices          int
	Statistic, Limit float64
	Bias             float64  // share of all devices, 0 to 1: the smallest that is found
	Strangers        []string // hosts that have devices and no weight, sorted
}

// Fair reports whether the spread may be a fair one.
func (v Verdict) Fair() bool { return v.Statistic <= v.Limit && len(v.Strangers) == 0 }

// String tells the verdict on one line.
func (v Verdict) String() string {
	text := fmt.Sprintf("%d devices: chi-squared %.1f, which a fair spread has above %.1f less than once in a million; "+
		"a hub whose share is %.1f points off is found 99 times in 100", v.Devices, v.Statistic, v.Limit, 100*v.Bias)
	if len(v.Strangers) > 0 {
		text += "; devices went to " + strings.Join(v.Strangers, ", ") + " also"
	}
	return text
}

// Count tells how often each host occurs.
func Count(hosts []string) map[string]int {
	counts := map[string]int{}
	for _, host := range hosts {
		counts[host]++
	}
	return counts
}

// Judge compares the devices that each host got with the hosts' weights. A host without
// devices may be missing in counts. The error says why nothing can be judged: fewer than
// two weights, one below 1, or too few devices (FewestExpected).
func Judge(counts, weights map[string]int) (Verdict, error) {
	shares, err := sharesOf(weights)
	if err != nil {
		return Verdict{}, err
	}
	bounds := boundsOf(len(shares))
	v := Verdict{Limit: bounds.limit}
	for _, host := range slices.Sorted(maps.Keys(counts)) {
		if shares[host] == 0 && counts[host] > 0 {
			v.Strangers = append(v.Strangers, host)
		}
		v.Devices += counts[host]
	}
	for _, host := range slices.Sorted(maps.Keys(shares)) {
		expected := shares[host] * float64(v.Devices)
		if expected < FewestExpected {
			return Verdict{}, fmt.Errorf("%d devices are too few: %s expects %.0f of them, and %d are needed", v.Devices, host, expected, FewestExpected)
		}
		off := float64(counts[host]) - expected
		v.Statistic += off * off / expected
	}
	v.Bias = bounds.smallestBias(v.Devices, shares)
	return v, nil
}

func sharesOf(weights map[string]int) (map[string]float64, error) {
	if len(weights) < 2 {
		return nil, errors.New("a spread is over two hubs or more")
	}
	total := 0
	for host, w := range weights {
		if w < 1 {
			return nil, fmt.Errorf("weight %d of %s is less than 1", w, host)
		}
		total += w
	}
	shares := map[string]float64{}
	for host, w := range weights {
		shares[host] = float64(w) / float64(total)
	}
	return shares, nil
}

// bounds are what follows from the number of hubs alone.
type bounds struct {
	limit  float64 // that the statistic must not exceed
	centre float64 // noncentrality at which it does with Sure
}

// known are bounds by the number of hubs: to work them out takes milliseconds.
var known sync.Map

func boundsOf(hubs int) bounds {
	if b, ok := known.Load(hubs); ok {
		return b.(bounds)
	}
	freedom := float64(hubs - 1)
	b := bounds{limit: distuv.ChiSquared{K: freedom}.Quantile(1 - tail)}
	b.centre = noncentrality(freedom, b.limit)
	known.Store(hubs, b)
	return b
}

// smallestBias is the share by which a hub must be off to be found, the hub being the one
// where that is largest. Under a bias the statistic is noncentral: a hub of share p that
// gets p+b moves its centre by n·b²/(p·(1-p)).
func (b bounds) smallestBias(devices int, shares map[string]float64) float64 {
	bias := 0.0
	for _, p := range shares {
		bias = max(bias, math.Sqrt(b.centre*p*(1-p)/float64(devices)))
	}
	return bias
}

// noncentrality is the one at which the statistic exceeds the limit with Sure, found by
// halving: the power grows with it.
func noncentrality(freedom, limit float64) float64 {
	low, high := 0.0, limit
	for power(freedom, high, limit) < Sure {
		high *= 2
	}
	for high-low > 1e-6*high {
		if middle := (low + high) / 2; power(freedom, middle, limit) < Sure {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}

// power is how often a noncentral chi-squared variable exceeds the limit: a mixture of
// central ones, whose freedom grows by 2 with each step of a Poisson variable.
func power(freedom, centre, limit float64) float64 {
	if centre == 0 {
		return distuv.ChiSquared{K: freedom}.Survival(limit)
	}
	steps := distuv.Poisson{Lambda: centre / 2}
	last := centre/2 + 12*math.Sqrt(centre/2) + 12 // beyond lies less than 1e-9
	sum := 0.0
	for j := 0.0; j <= last; j++ {
		sum += steps.Prob(j) * distuv.ChiSquared{K: freedom + 2*j}.Survival(limit)
	}
	return sum
}
