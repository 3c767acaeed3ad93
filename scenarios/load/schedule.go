package load

import (
	"iter"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// Stage is a part of a schedule. It ends after Duration, after Count starts, or when its
// pacer has no more, whichever comes first; 0 does not end it.
type Stage struct {
	Pacer    vegeta.Pacer
	Duration time.Duration
	Count    int
}

// Schedule is stages in sequence: one that has a Duration makes the next wait for its end.
type Schedule []Stage

// Due is a start that is to come.
type Due struct {
	N  int           // which one, from 0
	At time.Duration // from the beginning
}

// lookahead is how far a pacer is believed: vegeta's extrapolate the rate that they have
// when they are asked.
const lookahead = 100 * time.Millisecond

// Starts are all starts of the schedule, in order. A schedule with a Poisson stage can be
// gone through once.
func (s Schedule) Starts() iter.Seq[Due] {
	return func(yield func(Due) bool) {
		n, begin := 0, time.Duration(0)
		for _, stage := range s {
			elapsed, hits := time.Duration(0), 0
			for stage.Count == 0 || hits < stage.Count {
				wait, over := stage.Pacer.Pace(elapsed, uint64(hits))
				if over {
					break
				}
				elapsed += min(wait, lookahead)
				if stage.Duration > 0 && elapsed >= stage.Duration {
					break
				}
				if wait > lookahead {
					continue
				}
				if !yield(Due{n, begin + elapsed}) {
					return
				}
				n, hits = n+1, hits+1
			}
			begin += max(elapsed, stage.Duration)
		}
	}
}

// Take are the first n starts.
func Take(starts iter.Seq[Due], n int) iter.Seq[Due] {
	return func(yield func(Due) bool) {
		for d := range starts {
			if d.N >= n || !yield(d) {
				return
			}
		}
	}
}

// Shard are the starts of one worker of many, from 1: every so manyth.
func Shard(starts iter.Seq[Due], index, of int) iter.Seq[Due] {
	return func(yield func(Due) bool) {
		for d := range starts {
			if d.N%of == index-1 && !yield(d) {
				return
			}
		}
	}
}
