package load

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// PerSecond is a rate above 0 as vegeta has it: one start in a time that is right to a
// nanosecond, or whole ones a second. To vegeta a rate of 0 is one without limit.
func PerSecond(rate float64) vegeta.Rate {
	if rate == math.Trunc(rate) {
		return vegeta.Rate{Freq: int(rate), Per: time.Second}
	}
	return vegeta.Rate{Freq: 1, Per: time.Duration(float64(time.Second) / rate)}
}

// Ramp goes from one rate to another in d, evenly. Where from is 0 the first start comes at
// once all the same.
func Ramp(from, to float64, d time.Duration) vegeta.Pacer {
	return vegeta.LinearPacer{StartAt: PerSecond(max(from, .001)), Slope: (to - from) / d.Seconds()}
}

// Step begins at a rate and adds to it every so often.
type Step struct {
	From, Add float64 // starts a second
	Every     time.Duration
}

// Pace finds the step in which one more start falls due.
func (p Step) Pace(elapsed time.Duration, hits uint64) (time.Duration, bool) {
	due := float64(hits + 1)
	for n := 0.0; ; n++ {
		rate := p.From + n*p.Add
		if rate <= 0 && p.Add <= 0 {
			return 0, true
		}
		inStep := max(rate, 0) * p.Every.Seconds()
		if due <= inStep {
			at := time.Duration(n)*p.Every + time.Duration(due/rate*float64(time.Second))
			return max(at-elapsed, 0), false
		}
		due -= inStep
	}
}

// Rate is that of the step at elapsed.
func (p Step) Rate(elapsed time.Duration) float64 {
	return max(p.From+float64(elapsed/p.Every)*p.Add, 0)
}

// Burst starts many at once, again and again, or once where Every is 0.
type Burst struct {
	Size  uint64
	Every time.Duration
}

func (p Burst) Pace(elapsed time.Duration, hits uint64) (time.Duration, bool) {
	if p.Size == 0 || p.Every == 0 && hits >= p.Size {
		return 0, true
	}
	return max(time.Duration(hits/p.Size)*p.Every-elapsed, 0), false
}

// Rate is the average.
func (p Burst) Rate(time.Duration) float64 {
	if p.Every == 0 {
		return 0
	}
	return float64(p.Size) / p.Every.Seconds()
}

// Poisson starts flows by chance, at a rate on average: the gaps are exponential. The same
// seed gives the same gaps.
type Poisson struct {
	perSecond float64
	chance    *rand.Rand
	hits      uint64
	at        time.Duration // of start number hits, from 0
}

// NewPoisson returns such a pacer, for one run through a schedule.
func NewPoisson(perSecond float64, seed uint64) *Poisson {
	p := &Poisson{perSecond: perSecond, chance: rand.New(rand.NewPCG(seed, 0))}
	p.at = p.gap()
	return p
}

func (p *Poisson) gap() time.Duration {
	return time.Duration(p.chance.ExpFloat64() / p.perSecond * float64(time.Second))
}

func (p *Poisson) Pace(elapsed time.Duration, hits uint64) (time.Duration, bool) {
	for ; p.hits < hits; p.hits++ {
		p.at += p.gap()
	}
	return max(p.at-elapsed, 0), false
}

// Rate is the average.
func (p *Poisson) Rate(time.Duration) float64 { return p.perSecond }

// Trace starts flows when others did, as a file tells.
type Trace []time.Duration // from the beginning, sorted

// NewTrace is a trace of such moments.
func NewTrace(at []time.Duration) (Trace, error) {
	if len(at) == 0 {
		return nil, fmt.Errorf("a trace of no starts")
	}
	if !slices.IsSorted(at) || at[0] < 0 {
		return nil, fmt.Errorf("a trace goes forward in time, from 0")
	}
	return at, nil
}

func (p Trace) Pace(elapsed time.Duration, hits uint64) (time.Duration, bool) {
	if hits >= uint64(len(p)) {
		return 0, true
	}
	return max(p[hits]-elapsed, 0), false
}

// Rate is how many start within the second after elapsed.
func (p Trace) Rate(elapsed time.Duration) float64 {
	from, _ := slices.BinarySearch(p, elapsed)
	to, _ := slices.BinarySearch(p, elapsed+time.Second)
	return float64(to - from)
}
