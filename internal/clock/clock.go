// Package clock is the one source of time. Every timer, deadline and token check takes
// a Clock, so that a test, a service or a scenario can move time instead of waiting.
package clock

import "time"

// Clock tells the time and fires timers by it.
type Clock interface {
	Now() time.Time
	// NewTimer returns a timer that fires once, d from now.
	NewTimer(d time.Duration) Timer
	// AfterFunc runs f in its own goroutine, d from now, unless the timer is stopped.
	AfterFunc(d time.Duration, f func()) Timer
}

// Timer is a pending alarm. C is nil for timers made by AfterFunc.
type Timer interface {
	C() <-chan time.Time
	// Stop reports whether it kept the timer from firing.
	Stop() bool
}

// System is the machine's clock.
func System() Clock { return system{} }

type system struct{}

func (system) Now() time.Time                            { return time.Now() }
func (system) NewTimer(d time.Duration) Timer            { return systemTimer{time.NewTimer(d)} }
func (system) AfterFunc(d time.Duration, f func()) Timer { return systemTimer{time.AfterFunc(d, f)} }

type systemTimer struct{ *time.Timer }

func (t systemTimer) C() <-chan time.Time { return t.Timer.C }

// SocketDeadline is the moment d from now on the machine's clock. Sockets know no other
// clock; everything that is not a socket's deadline takes a Clock.
func SocketDeadline(d time.Duration) time.Time { return time.Now().Add(d) }

// Stopwatch measures elapsed machine time, for reports of how long real work took.
func Stopwatch() (elapsed func() time.Duration) {
	start := time.Now()
	return func() time.Duration { return time.Since(start) }
}
