package run

import (
	"context"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	results "github.com/dpslab/dpslab/reports/load"
)

// Action is something that is done to the target while the load is on.
type Action struct {
	At   time.Duration // from the beginning
	What string        // in words
	Do   func(context.Context) error
}

// play does the actions, which are sorted, when it is their time. The function that it
// returns ends that, and tells what was done.
func play(ctx context.Context, c clock.Clock, began time.Time, actions []Action) (end func() []results.Event) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan []results.Event, 1)
	go func() {
		var events []results.Event
		defer func() { done <- events }()
		for _, a := range actions {
			if clock.Wait(ctx, c, began.Add(a.At).Sub(c.Now())) != nil {
				return
			}
			e := results.Event{At: c.Now().Sub(began), What: a.What}
			if err := a.Do(ctx); err != nil {
				e.Error = err.Error()
			}
			events = append(events, e)
		}
	}()
	return func() []results.Event {
		cancel()
		return <-done
	}
}
