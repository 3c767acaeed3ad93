package device

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
)

// Device is one device on its way through a Plan. Its methods are called from one
// goroutine at a time.
type Device struct {
	transport Transport
	clock     clock.Clock
	plan      Plan

	observing sync.Mutex // methods are answered beside the steps
	observer  func(Step)

	next     stage // nil when the plan has ended
	started  bool
	begun    time.Time // of the first step
	deadline time.Time // by which the present half of the plan is to be done

	waiting string // why it waits, "" for what is not worth a step
	since   time.Time

	service   Service
	operation string // id of the registration's operation, once known
	outcome   Outcome

	tries int // in a row that failed

	hub        Hub
	hubTries   int  // at the hub in a row that failed
	toHub      bool // the second half of the plan has begun
	subscribed bool // to methods, on this connection
	twinRead   bool
	reported   bool
	first      time.Time // when the first message was due
	due        time.Time // when the next one is
	trying     int       // which message the deadline is for
	leaving    time.Time // when it has stayed long enough; zero until all else is done
}

// stage does one step, sets the next, and returns how long to wait before that.
type stage func(d *Device, ctx context.Context) (wait time.Duration)

// New returns a device that has done nothing yet. observe, which may be nil, hears every
// step as it ends, one at a time; it must not block.
func New(t Transport, c clock.Clock, p Plan, observe func(Step)) *Device {
	if observe == nil {
		observe = func(Step) {}
	}
	return &Device{transport: t, clock: c, plan: p.withDefaults(), observer: observe, next: connect}
}

// Run takes every step to the end of the plan, or of ctx, waiting on the device's clock.
func (d *Device) Run(ctx context.Context) Outcome {
	for {
		wait, more := d.Step(ctx)
		if !more {
			return d.Outcome()
		}
		if d.Wait(ctx, wait) != nil {
			d.Stop(ctx.Err())
			return d.Outcome()
		}
	}
}

// Wait returns when it is time for the next step: after d on the device's clock, or as
// soon as the connection to the hub is lost. Its error is the context's.
func (d *Device) Wait(ctx context.Context, wait time.Duration) error {
	if wait <= 0 {
		return ctx.Err()
	}
	timer := d.clock.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C():
	case <-d.lost():
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// lost is closed when the connection to the hub has ended; nil, which blocks, when the
// device is not at a hub.
func (d *Device) lost() <-chan struct{} {
	if d.hub == nil {
		return nil
	}
	return d.hub.Lost()
}

// Step takes one step and returns how long to wait before the next. more is false when
// there is none: the plan is done, or the device gave up.
func (d *Device) Step(ctx context.Context) (wait time.Duration, more bool) {
	if d.next == nil {
		return 0, false
	}
	now := d.clock.Now()
	if !d.started {
		d.started, d.begun, d.deadline = true, now, now.Add(d.plan.Patience)
	}
	if d.waiting != "" {
		d.observe(Step{Name: StepWait, Detail: d.waiting, At: d.since, Elapsed: now.Sub(d.since)})
		d.waiting = ""
	}
	select {
	case <-d.lost():
		d.next = hubLost
	default:
	}
	wait = d.next(d, ctx)
	d.since = d.clock.Now()
	return wait, d.next != nil
}

// Stop ends the plan before its end, with the reason as the outcome's error, and
// disconnects.
func (d *Device) Stop(why error) {
	if d.next != nil {
		d.fail(why)
	}
}

// Outcome is how far the device has come.
func (d *Device) Outcome() Outcome { return d.outcome }

// timed does one step and reports it.
func (d *Device) timed(name StepName, do func() (detail string, err error)) error {
	at := d.clock.Now()
	detail, err := do()
	d.observe(Step{Name: name, Detail: detail, At: at, Elapsed: d.clock.Now().Sub(at), Err: err})
	return err
}

// pause is how long to wait after one more try that failed, when the peer asked for a wait
// of asked, or, below zero, for none.
func (d *Device) pause(asked time.Duration) time.Duration {
	d.tries++
	if d.plan.IgnoreRetryAfter {
		asked = -1
	}
	switch {
	case d.plan.Backoff != nil:
		return max(d.plan.Backoff(d.tries), asked)
	case asked >= 0:
		return asked
	}
	return d.plan.Pause
}

// unasked is for pause, where the peer named no time.
const unasked time.Duration = -1

func (d *Device) observe(s Step) {
	d.observing.Lock()
	defer d.observing.Unlock()
	d.observer(s)
}

// again tries next after a pause, unless trying is no use, or patience or ctx has ended.
func (d *Device) again(ctx context.Context, why error, pause time.Duration, next stage) time.Duration {
	if ctx.Err() != nil || !passing(why) || !d.clock.Now().Add(pause).Before(d.deadline) {
		return d.fail(why)
	}
	d.waiting, d.next = "to try again in "+pause.String(), next
	return pause
}

// fail ends the plan with an error.
func (d *Device) fail(why error) time.Duration {
	d.outcome.Err = why
	return d.end()
}

// end disconnects from whatever is connected. There is no step after it.
func (d *Device) end() time.Duration {
	d.leaveService()
	d.leaveHub()
	d.next = nil
	return 0
}

func (d *Device) leaveService() {
	if d.service != nil {
		d.timed(StepDisconnect, func() (string, error) { return "", d.service.Close() })
		d.service = nil
	}
}

func (d *Device) leaveHub() {
	if d.hub != nil {
		d.timed(StepHubDisconnect, func() (string, error) { return "", d.hub.Close() })
		d.hub = nil
	}
}

// String tells where the device is; its transport may hold its key.
func (d *Device) String() string {
	return fmt.Sprintf("device on its way, %s, hub %q", d.outcome.Status, d.outcome.Hub)
}

// Format keeps the device's parts from every verb, GomegaString from gomega.
func (d *Device) Format(s fmt.State, _ rune) { io.WriteString(s, d.String()) }
func (d *Device) GomegaString() string       { return d.String() }
