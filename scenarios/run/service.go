package run

import (
	"context"
	"errors"
	"fmt"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/devwire"
	results "github.com/dpslab/dpslab/reports/load"
	"github.com/dpslab/dpslab/scenarios/load"
)

// RunService runs a load on the service API of a target, as a Plan without a fleet paces
// it. Errors and interruptions are those of Run.
func RunService(ctx context.Context, p Plan, o Operations, t Target, c clock.Clock, files Files) (results.Run, error) {
	if err := errors.Join(p.validate(), o.validate(), allowed(t.Target)); err != nil {
		return results.Run{}, err
	}
	roots, err := t.Roots()
	if err != nil {
		return results.Run{}, err
	}
	worker := &operator{Operations: o, wire: &devwire.Wire{Roots: roots, Clock: c}, target: t, clock: c}
	defer worker.close()
	if err := worker.prepare(ctx); err != nil {
		return results.Run{}, fmt.Errorf("enrollments before the load: %w", err)
	}
	run := p.begin(t, o.Prefix)
	watched := load.Watch(c, t.Lab)
	began := c.Now()
	worker.recorder = load.NewRecorder(began, p.P99, files.Flows, files.Requests)
	played := play(ctx, c, began, p.Timeline)
	p.start(ctx, c, began, worker.recorder, worker.operate)
	run.Began, run.Elapsed, run.Timeline, run.Health = began.UTC(), c.Now().Sub(began), played(), watched()
	run.Interrupted = undone(ctx, run.Timeline)
	err = worker.recorder.Result(&run)
	run.Judge()
	return run, err
}
