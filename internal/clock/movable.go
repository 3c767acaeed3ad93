package clock

import (
	"context"
	"sync"
	"time"
)

// Movable is a clock that follows a base clock and can be moved ahead of it. Over
// System it is a service's clock, which control advances past a token's expiry; over
// Frozen it is a test's clock, which moves only when told.
type Movable struct {
	base   Clock
	mu     sync.Mutex
	offset time.Duration
	timers map[*movableTimer]struct{}
	// changed is closed and replaced whenever a timer is added, for BlockUntil.
	changed chan struct{}
}

// NewMovable returns a clock that reads as base until it is advanced.
func NewMovable(base Clock) *Movable {
	return &Movable{base: base, timers: map[*movableTimer]struct{}{}, changed: make(chan struct{})}
}

func (m *Movable) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.base.Now().Add(m.offset)
}

func (m *Movable) NewTimer(d time.Duration) Timer {
	return m.start(d, nil)
}

func (m *Movable) AfterFunc(d time.Duration, f func()) Timer {
	return m.start(d, f)
}

func (m *Movable) start(d time.Duration, f func()) Timer {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := &movableTimer{clock: m, due: m.base.Now().Add(m.offset).Add(d), f: f}
	if f == nil {
		t.c = make(chan time.Time, 1)
	}
	m.timers[t] = struct{}{}
	t.alarm = m.base.AfterFunc(d, t.fire)
	close(m.changed)
	m.changed = make(chan struct{})
	return t
}

// Advance moves the clock forward by d and fires every timer that falls due.
func (m *Movable) Advance(d time.Duration) {
	m.mu.Lock()
	m.offset += d
	now := m.base.Now().Add(m.offset)
	var due []*movableTimer
	for t := range m.timers {
		t.alarm.Stop()
		if left := t.due.Sub(now); left > 0 {
			t.alarm = m.base.AfterFunc(left, t.fire)
		} else {
			due = append(due, t)
		}
	}
	m.mu.Unlock()
	for _, t := range due {
		t.fire()
	}
}

// BlockUntil waits until at least n timers are pending: the event a test waits for
// before it advances a frozen clock.
func (m *Movable) BlockUntil(ctx context.Context, n int) error {
	for {
		m.mu.Lock()
		enough, changed := len(m.timers) >= n, m.changed
		m.mu.Unlock()
		if enough {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

type movableTimer struct {
	clock *Movable
	due   time.Time
	f     func()
	c     chan time.Time
	alarm Timer
}

func (t *movableTimer) C() <-chan time.Time { return t.c }

func (t *movableTimer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	_, pending := t.clock.timers[t]
	delete(t.clock.timers, t)
	t.alarm.Stop()
	return pending
}

func (t *movableTimer) fire() {
	t.clock.mu.Lock()
	_, pending := t.clock.timers[t]
	delete(t.clock.timers, t)
	t.clock.mu.Unlock()
	switch {
	case !pending:
	case t.f != nil:
		go t.f()
	default:
		t.c <- t.due
	}
}

// Frozen is a clock that stands at t and whose timers never fire.
func Frozen(t time.Time) Clock { return frozen(t) }

type frozen time.Time

func (f frozen) Now() time.Time                        { return time.Time(f) }
func (f frozen) NewTimer(time.Duration) Timer          { return frozenTimer{} }
func (f frozen) AfterFunc(time.Duration, func()) Timer { return frozenTimer{} }

type frozenTimer struct{}

func (frozenTimer) C() <-chan time.Time { return nil }
func (frozenTimer) Stop() bool          { return true }
