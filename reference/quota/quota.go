// Package quota holds a service's clients to its limits: registrations and operations a
// minute, and polls of each device (device-api.md 8). Registrations and polls have limits
// of their own; whoever is over one is told when to come again.
package quota

import (
	"context"
	"sync"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/problem"
)

// Rate is the most that may happen in any stretch of time. The zero Rate is no limit.
type Rate struct {
	Count int
	Per   time.Duration
}

// Limits are those of one service.
type Limits struct {
	Registrations Rate
	Operations    Rate // of the service API
	Polls         Rate // of each device
}

// Documented are the limits that the documents give (device-api.md 8).
func Documented() Limits {
	return Limits{Registrations: Rate{1000, time.Minute}, Operations: Rate{1000, time.Minute}, Polls: Rate{5, 10 * time.Second}}
}

// Judged is passed when a limit was looked at, before the judgement counts.
var Judged = point.Define[Judgement]("quota.judged")

// Judgement says whether something is within its limit, and when to come again if not.
type Judgement struct {
	Kind       Kind
	Within     bool
	RetryAfter time.Duration // whole seconds, at least 1; zero when within
}

// Kind is what is counted.
type Kind uint8

const (
	Registration Kind = iota
	Operation
	Poll
)

// Quota counts for one service.
type Quota struct {
	clock  clock.Clock
	points *point.Set

	mu            sync.Mutex
	limits        Limits
	registrations window
	operations    window
	polls         map[string]*window // by folded registration id
	sweepAt       int                // size of polls at which idle devices are forgotten
}

// New returns a quota that has counted nothing yet.
func New(l Limits, c clock.Clock, points *point.Set) *Quota {
	q := &Quota{clock: c, points: points}
	q.Set(l)
	return q
}

// Set replaces the limits, and begins to count anew.
func (q *Quota) Set(l Limits) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.limits, q.polls, q.sweepAt = l, map[string]*window{}, firstSweep
	q.registrations, q.operations = window{}, window{}
}

// Limits are the limits in force.
func (q *Quota) Limits() Limits {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.limits
}

// Register counts a registration, or answers that there are too many.
func (q *Quota) Register(ctx context.Context, at point.At) error {
	q.mu.Lock()
	wait := q.registrations.count(q.limits.Registrations, q.clock.Now())
	q.mu.Unlock()
	return q.judge(ctx, at, Registration, wait)
}

// Operate counts an operation of the service API, or answers that there are too many.
func (q *Quota) Operate(ctx context.Context, at point.At) error {
	q.mu.Lock()
	wait := q.operations.count(q.limits.Operations, q.clock.Now())
	q.mu.Unlock()
	return q.judge(ctx, at, Operation, wait)
}

// Poll counts a poll of one device, or answers that it polls too often.
func (q *Quota) Poll(ctx context.Context, at point.At, device string) error {
	q.mu.Lock()
	wait := q.poll(device)
	q.mu.Unlock()
	return q.judge(ctx, at, Poll, wait)
}

const firstSweep = 1024

func (q *Quota) poll(device string) time.Duration {
	limit, now := q.limits.Polls, q.clock.Now()
	if limit.Count == 0 {
		return 0
	}
	if len(q.polls) >= q.sweepAt {
		for id, w := range q.polls {
			if now.Sub(w.last()) >= limit.Per {
				delete(q.polls, id)
			}
		}
		q.sweepAt = max(firstSweep, 2*len(q.polls))
	}
	w := q.polls[device]
	if w == nil {
		w = &window{}
		q.polls[device] = w
	}
	return w.count(limit, now)
}

// judge turns a wait into an answer.
func (q *Quota) judge(ctx context.Context, at point.At, k Kind, wait time.Duration) error {
	j := Judgement{Kind: k, Within: wait == 0, RetryAfter: (wait + time.Second - 1).Truncate(time.Second)}
	Judged.Hit(ctx, q.points, at, &j)
	if j.Within {
		return nil
	}
	return problem.Throttled(j.RetryAfter)
}
