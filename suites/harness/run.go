package harness

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/transcript"
	"github.com/dpslab/dpslab/reports"
)

// Run runs the case once and cleans up after it. It always returns a result: panics, time
// outs and leftovers become errors in it.
func (c Case) Run(ctx context.Context, env *Env) reports.Result {
	elapsed := clock.Stopwatch()
	own := env.forRun()
	t := newT(c, own)
	own.Wire.Meter = meter{t, own.traffic}
	if lack := own.lacks(c); lack != "" {
		t.raise(reports.Skipped, lack)
	} else {
		t.run(ctx, own)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	r := reports.Result{
		Requirement: c.Requirement, Title: c.Title, Transport: c.Transport.String(), Outcome: t.outcome,
		Reason: t.reason, Assertions: t.assertions, Duration: elapsed(),
	}
	if r.Outcome.Red() {
		r.Reason, r.Failure, r.At, r.Steps = "", t.failure, t.at, t.steps
		r.Exchange = t.exchange
	}
	return r
}

func (t *T) run(ctx context.Context, env *Env) {
	checking, checkTime := t.limited(ctx, env, env.Timeouts.Check)
	defer checkTime.stop()
	finished := t.guard(func() { t.c.Check.Run(checking, env, t) })
	select {
	case <-finished:
	case <-checking.Done():
		t.awaitEnd(finished, env)
	}
	t.judge(ctx, checking, env)
	checkTime.stop()

	// What was said is read before the services that recorded it are gone.
	after, cleanupTime := t.limited(context.WithoutCancel(ctx), env, env.Timeouts.Cleanup)
	defer cleanupTime.stop()
	if t.red() {
		t.collect(after, env)
	}
	t.cleanUp(after)
}

// limited bounds what the run does next.
func (t *T) limited(ctx context.Context, env *Env, d time.Duration) (context.Context, *limit) {
	ctx, l := newLimit(ctx, env.Wire.Clock, d)
	t.mu.Lock()
	t.limit, t.during = l, ctx
	t.mu.Unlock()
	return ctx, l
}

// awaitEnd gives a check whose time is over the time to notice.
func (t *T) awaitEnd(finished <-chan struct{}, env *Env) {
	grace, cancel := context.WithTimeout(context.Background(), env.Timeouts.Cleanup)
	defer cancel()
	select {
	case <-finished:
	case <-grace.Done():
		t.raise(reports.Error, "the check ignores that its time is over; it was left behind")
	}
}

// judge decides on a check that ended by itself.
func (t *T) judge(ctx, checking context.Context, env *Env) {
	t.mu.Lock()
	ended, assertions := t.ended, t.assertions
	t.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		t.raise(reports.Error, "the run was interrupted: "+context.Cause(ctx).Error())
	case ended:
	case errors.Is(context.Cause(checking), context.DeadlineExceeded):
		t.raise(reports.Error, fmt.Sprintf("the check took longer than %v", env.Timeouts.Check))
	case assertions == 0:
		t.raise(reports.Failed, "the check ended without an assertion: nothing was verified")
	default:
		t.raise(reports.Passed, "")
	}
}

// guard runs f in a goroutine of its own, which assertions can end, and tells when it is
// over. A panic is an error with its stack.
func (t *T) guard(f func()) <-chan struct{} {
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		defer func() {
			if v := recover(); v != nil {
				t.raise(reports.Error, fmt.Sprintf("panic: %v\n%s", v, debug.Stack()))
			}
		}()
		f()
	}()
	return finished
}

// cleanUp runs what Cleanup kept, also what is added meanwhile. A cleanup that ignores
// its context is left behind with everything that would come after it.
func (t *T) cleanUp(ctx context.Context) {
	t.mu.Lock()
	t.given = "the run is cleaned up" // a failure here says nothing about the requirement
	t.mu.Unlock()
	for {
		t.mu.Lock()
		n := len(t.cleanups)
		if n == 0 {
			t.mu.Unlock()
			return
		}
		f := t.cleanups[n-1]
		t.cleanups = t.cleanups[:n-1]
		t.mu.Unlock()
		select {
		case <-t.guard(func() { f(ctx) }):
		case <-ctx.Done():
			t.raise(reports.Error, "the run could not be cleaned up in time; what it made may still be there")
			return
		}
	}
}

func (t *T) red() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.outcome.Red()
}

// logBytes bounds what is recorded of one run on the client's side.
const logBytes = 8 << 20

// forRun is the environment of one run: its wire records into a log of its own.
func (e *Env) forRun() *Env {
	own := *e
	if own.Timeouts == (Timeouts{}) {
		own.Timeouts = ConformantTimeouts()
	}
	shared := e.Wire
	if shared == nil {
		shared = &devwire.Wire{}
	}
	c := shared.Clock
	if c == nil {
		c = clock.System()
	}
	if own.traffic == nil {
		own.traffic = NewTraffic(c, own.Target.Quotas)
	}
	own.Wire = &devwire.Wire{
		Roots: shared.Roots, Clock: c, Foreign: shared.Foreign, Timeouts: own.Timeouts.wire(),
		Log: transcript.NewLog(transcript.Client, c, logBytes),
	}
	return &own
}
