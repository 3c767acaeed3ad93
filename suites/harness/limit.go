package harness

import (
	"context"
	"sync"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/devwire"
)

// limit is the time that a check has. It stands still while the run waits for a quota:
// such a wait is no fault of the target and no sign that a check hangs.
type limit struct {
	clock  clock.Clock
	cancel context.CancelCauseFunc

	mu      sync.Mutex
	left    time.Duration
	since   time.Time // when it last began to run
	timer   clock.Timer
	waiting int
	over    bool
}

// newLimit bounds ctx. When d is over its cause is context.DeadlineExceeded.
func newLimit(ctx context.Context, c clock.Clock, d time.Duration) (context.Context, *limit) {
	ctx, cancel := context.WithCancelCause(ctx)
	l := &limit{clock: c, cancel: cancel, left: d}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.run()
	return ctx, l
}

func (l *limit) run() {
	l.since = l.clock.Now()
	l.timer = l.clock.AfterFunc(l.left, func() { l.cancel(context.DeadlineExceeded) })
}

// pause stops the time until as many resumes; nothing is undone once it is over.
func (l *limit) pause() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting++; l.waiting > 1 || l.over {
		return
	}
	l.timer.Stop()
	l.left = max(0, l.left-l.clock.Now().Sub(l.since))
}

func (l *limit) resume() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting--; l.waiting == 0 && !l.over {
		l.run()
	}
}

// stop ends the time for good.
func (l *limit) stop() {
	l.mu.Lock()
	l.over = true
	l.timer.Stop()
	l.mu.Unlock()
	l.cancel(context.Canceled)
}

// standStill stops the run's time while it waits for what other runs hold; the function
// that it returns lets time go on.
func (t *T) standStill() (goOn func()) {
	t.mu.Lock()
	running := t.limit
	t.mu.Unlock()
	if running == nil {
		return func() {}
	}
	running.pause()
	return running.resume
}

// meter is the wire's meter of one run: it paces by the traffic that all runs share, and
// stops the run's time meanwhile.
type meter struct {
	t       *T
	traffic *Traffic
}

func (m meter) Before(ctx context.Context, o devwire.Operation) error {
	if !m.traffic.Paced() {
		return m.traffic.Before(ctx, o)
	}
	defer m.t.standStill()()
	// A wait must not outlive the run, whose context not every caller has at hand.
	m.t.mu.Lock()
	during := m.t.during
	m.t.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if during != nil {
		defer context.AfterFunc(during, cancel)()
	}
	return m.traffic.Before(ctx, o)
}

func (m meter) After(o devwire.Operation, code int) {
	m.t.registered(o, code)
	m.traffic.After(o, code)
}
