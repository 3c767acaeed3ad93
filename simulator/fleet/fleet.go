package fleet

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"time"
)

// Fleet is a fleet of devices. Its methods may be called from any goroutine.
type Fleet struct {
	spec Spec
	turn []uint16 // the shares of one round of the mix, each as often as its weight says
	seed uint64
}

// New returns the fleet that a valid Spec describes.
func New(s Spec) (*Fleet, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	h := fnv.New64a()
	h.Write(s.Identities.GroupKey()) // never fails; whoever has the fleet's seed has the same chances
	return &Fleet{spec: s, turn: turns(s.Mix), seed: h.Sum64()}, nil
}

// Size is how many devices there are, numbered from 0.
func (f *Fleet) Size() int { return f.spec.Size }

// Mix are the shares.
func (f *Fleet) Mix() []Share { return f.spec.Mix }

// Share is the index of the share that a device belongs to. Any stretch of devices has the
// shares in nearly the proportion of their weights.
func (f *Fleet) Share(i int) int { return int(f.turn[i%len(f.turn)]) }

// turns deals one round of the mix evenly: whoever is furthest behind is next.
func turns(mix []Share) []uint16 {
	total, common := 0, 0
	for _, s := range mix {
		total, common = total+s.Weight, gcd(common, s.Weight)
	}
	credit := make([]int, len(mix))
	round := make([]uint16, total/common)
	for i := range round {
		next := 0
		for j, s := range mix {
			if credit[j] += s.Weight; credit[j] > credit[next] {
				next = j
			}
		}
		credit[next] -= total
		round[i] = uint16(next)
	}
	return round
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// chance is what a device leaves to chance, the same in every run of the same seed.
func (f *Fleet) chance(i int) *rand.Rand { return rand.New(rand.NewPCG(f.seed, uint64(i))) }

// Pause is how long to wait after the nth try in a row that failed, counted from 1. random
// is from 0 to 1.
func (r Retry) Pause(n int, random float64) time.Duration {
	pause := float64(r.Initial) * math.Pow(max(r.Factor, 1), float64(n-1))
	if r.Cap > 0 {
		pause = min(pause, float64(r.Cap))
	}
	pause *= 1 - r.Jitter*random
	return time.Duration(min(pause, math.MaxInt64/2))
}
