package load

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
)

// Executor starts flows.
type Executor struct {
	Clock clock.Clock
	// Most is how many flows may be under way at once. A start that has to wait for the end
	// of another is late by so much.
	Most     int
	Recorder *Recorder
}

// Start is a flow that has been started.
type Start struct {
	N                int // which one of the schedule
	Intended, Actual time.Time
}

// Paced starts each flow when it is due, counted from began, and returns when all have
// ended. When ctx ends it starts no more; do is to end soon then.
func (e Executor) Paced(ctx context.Context, began time.Time, starts iter.Seq[Due], do func(context.Context, Start)) {
	room := make(chan struct{}, e.Most)
	var flows sync.WaitGroup
	defer flows.Wait()
	for due := range starts {
		intended := began.Add(due.At)
		if clock.Wait(ctx, e.Clock, intended.Sub(e.Clock.Now())) != nil {
			return
		}
		e.Recorder.asked(intended)
		select {
		case room <- struct{}{}:
		case <-ctx.Done():
			return
		}
		flows.Go(func() {
			defer func() { <-room }()
			s := Start{N: due.N, Intended: intended, Actual: e.Clock.Now()}
			e.Recorder.started(s)
			do(ctx, s)
		})
	}
}

// Closed has workers that start one flow after the other, until there are no more or ctx
// ends. Its flows are intended when they start.
func (e Executor) Closed(ctx context.Context, workers int, starts iter.Seq[Due], do func(context.Context, Start)) {
	next, stop := iter.Pull(starts)
	defer stop()
	var taking sync.Mutex
	take := func() (Due, bool) {
		taking.Lock()
		defer taking.Unlock()
		return next()
	}
	var flows sync.WaitGroup
	for range workers {
		flows.Go(func() {
			for ctx.Err() == nil {
				due, ok := take()
				if !ok {
					return
				}
				now := e.Clock.Now()
				s := Start{N: due.N, Intended: now, Actual: now}
				e.Recorder.asked(now)
				e.Recorder.started(s)
				do(ctx, s)
			}
		})
	}
	flows.Wait()
}
