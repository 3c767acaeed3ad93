package load

import (
	"fmt"
	"time"
)

// Health is how the generator did.
type Health struct {
	Starts    int           `json:"starts"`
	Late      int           `json:"late"`                 // of these, later than LateAfter after their time
	LateAfter time.Duration `json:"lateAfterNanoseconds"` // LateAfter of the run's p99 expectation
	Lag       Histogram     `json:"lag"`                  // actual less intended start; µs
	Pauses    Histogram     `json:"gcPauses"`             // of the garbage collector; µs
	// The most at any time.
	Goroutines  int   `json:"goroutines"`
	Descriptors int   `json:"descriptors"`
	Memory      int64 `json:"memoryBytes"` // resident
	// CPUs' time, user and system.
	GeneratorCPU float64 `json:"generatorCPUSeconds"`
	LabCPU       float64 `json:"labCPUSeconds"` // 0 for a target that is no child of the generator
}

// LateAfter is how late a start may be in a run that expects a p99 latency: 20 ms, or a
// twentieth of that when it is more.
func LateAfter(p99 time.Duration) time.Duration { return max(20*time.Millisecond, p99/20) }

// Void reports whether the generator fell behind: more than 1 % of its starts were late.
func (h Health) Void() bool { return 100*h.Late > h.Starts }

func (h Health) reason() string {
	return fmt.Sprintf("the generator fell behind: %.1f %% of %s starts came more than %s late, and more than 1 %% is too many",
		100*float64(h.Late)/float64(h.Starts), thousands(h.Starts), h.LateAfter)
}

func (h Health) plus(g Health) Health {
	return Health{
		Starts: h.Starts + g.Starts, Late: h.Late + g.Late, LateAfter: max(h.LateAfter, g.LateAfter),
		Lag: h.Lag.plus(g.Lag), Pauses: h.Pauses.plus(g.Pauses),
		Goroutines: h.Goroutines + g.Goroutines, Descriptors: h.Descriptors + g.Descriptors, Memory: h.Memory + g.Memory,
		GeneratorCPU: h.GeneratorCPU + g.GeneratorCPU, LabCPU: h.LabCPU + g.LabCPU,
	}
}
