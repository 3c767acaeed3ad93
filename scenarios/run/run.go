package run

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"runtime"
	"strings"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/devwire"
	results "github.com/dpslab/dpslab/reports/load"
	"github.com/dpslab/dpslab/scenarios/load"
	"github.com/dpslab/dpslab/simulator/fleet"
	"github.com/dpslab/dpslab/suites/sut"
)

// Target is where a plan is run.
type Target struct {
	sut.Target
	Kind string      // embedded, containers, or the target file's name
	Lab  *os.Process // the lab, when it is a child of this process; may be nil
}

// Run runs a plan at a target that has a service API. Its error is what kept it from
// beginning, or from writing the files; the result of a run that ctx ended is marked as
// interrupted.
func Run(ctx context.Context, p Plan, t Target, c clock.Clock, files Files) (results.Run, error) {
	if err := errors.Join(p.Validate(), allowed(t.Target)); err != nil {
		return results.Run{}, err
	}
	roots, err := t.Roots()
	if err != nil {
		return results.Run{}, err
	}
	wire := &devwire.Wire{Roots: roots, Clock: c}
	service, err := wire.Service(t.Service(), t.DPS.ServiceConnectionString.Reveal())
	if err != nil {
		return results.Run{}, fmt.Errorf("who enrolls the devices? %w", err)
	}
	defer service.Close()
	p.Fleet.Identities.Scope = t.DPS.IDScope
	f, err := fleet.New(p.Fleet)
	if err != nil {
		return results.Run{}, err
	}
	if err := enroll(ctx, service, f, p); err != nil {
		return results.Run{}, fmt.Errorf("enrolling the fleet: %w", err)
	}

	run := p.begin(t, p.Fleet.Identities.Seed)
	hosts := run.Target.Hubs
	watched := load.Watch(c, t.Lab)
	began := c.Now()
	d := &driver{
		fleet: f, identities: p.Fleet.Identities, recorder: load.NewRecorder(began, p.P99, files.Flows, files.Requests), invariants: newInvariants(hosts),
		site:  fleet.Site{Wire: wire, DPS: t.Device(), Hub: t.hub, Clock: c},
		tally: newTally(),
	}
	played := play(ctx, c, began, p.Timeline)
	p.start(ctx, c, began, d.recorder, d.live)
	run.Began, run.Elapsed, run.Timeline, run.Health = began.UTC(), c.Now().Sub(began), played(), watched()
	run.Interrupted = undone(ctx, run.Timeline)
	if ctx.Err() == nil {
		if err := d.invariants.compare(ctx, service); err != nil {
			run.Interrupted = append(run.Interrupted, "its end could not be compared with the service's records: "+err.Error())
		}
	}
	run.Answer, run.Allocation = d.tally.answer(p.devices()), d.tally.allocation(hosts, p.Weights)
	run.Invariants = d.invariants.all()
	err = d.recorder.Result(&run)
	run.Judge()
	return run, err
}

// hub is where an assigned hub answers.
func (t Target) hub(host string) (devwire.Endpoint, error) {
	for _, h := range t.Hubs {
		if strings.EqualFold(h.Host, host) {
			return t.Endpoint(h), nil
		}
	}
	return devwire.Endpoint{}, fmt.Errorf("the target has no hub %s", host)
}

// begin is what is known of a run before it begins.
func (p Plan) begin(t Target, seed string) results.Run {
	var hosts []string
	for _, h := range t.Hubs {
		hosts = append(hosts, h.Host)
	}
	return results.Run{
		Schema: results.Schema, Tool: p.Tool, Scenario: p.Scenario,
		Target:      results.Target{Identity: t.DPS.Host, Kind: t.Kind, Hubs: hosts},
		Environment: results.Environment{CPUs: runtime.NumCPU()}, Shard: results.Shard{Indexes: []int{p.Shard}, Of: p.Of, Workers: 1},
		Seed: fingerprint(seed), Mode: p.mode(), Expectations: p.Expectations,
	}
}

// start starts the shard's flows and returns when all have ended.
func (p Plan) start(ctx context.Context, c clock.Clock, began time.Time, r *load.Recorder, do func(context.Context, load.Start)) {
	if p.Deadline > 0 {
		var over context.CancelFunc
		ctx, over = context.WithCancel(ctx)
		defer over()
		defer c.AfterFunc(p.Deadline, over).Stop()
	}
	e := load.Executor{Clock: c, Most: p.Most, Recorder: r}
	if p.Closed > 0 {
		e.Closed(ctx, p.Closed, p.mine(load.Schedule{{Pacer: atOnce}}.Starts()), do)
		return
	}
	e.Paced(ctx, began, p.mine(p.Schedule.Starts()), do)
}

// undone is what kept the run from being what was planned.
func undone(ctx context.Context, timeline []results.Event) (why []string) {
	for _, e := range timeline {
		if e.Error != "" {
			why = append(why, e.What+": it could not be done: "+e.Error)
		}
	}
	if ctx.Err() != nil {
		why = append(why, "it was interrupted")
	}
	return why
}

// mine are the starts of the shard: of a fleet as many as it has devices.
func (p Plan) mine(starts iter.Seq[load.Due]) iter.Seq[load.Due] {
	if p.Fleet.Size > 0 {
		starts = load.Take(starts, p.Fleet.Size)
	}
	return load.Shard(starts, p.Shard, p.Of)
}

// atOnce has every start due at once: in closed mode workers decide.
var atOnce vegeta.Pacer = vegeta.Rate{}
