package quota_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/problem"
	"github.com/dpslab/dpslab/reference/quota"
)

var noon = time.Date(2030, 1, 2, 12, 0, 0, 0, time.UTC)

func open(l quota.Limits) (*quota.Quota, *clock.Movable) {
	c := clock.NewMovable(clock.Frozen(noon))
	return quota.New(l, c, point.NewSet(c)), c
}

// throttled asserts a refusal that asks for wait, or none when wait is 0.
func throttled(t *testing.T, what string, err error, wait time.Duration) {
	t.Helper()
	if wait == 0 && err == nil {
		return
	}
	var p *problem.Error
	if !errors.As(err, &p) || p.Code != 429001 || p.RetryAfter != wait {
		t.Errorf("%s: %v, want to wait for %v", what, err, wait)
	}
}

func TestNoMoreThanTheLimitInAnyStretchOfTime(t *testing.T) {
	q, c := open(quota.Limits{Registrations: quota.Rate{Count: 3, Per: time.Minute}})
	register := func(what string, wait time.Duration) {
		t.Helper()
		throttled(t, what, q.Register(t.Context(), point.At{}), wait)
	}
	register("the first", 0)
	c.Advance(20 * time.Second)
	register("the second", 0)
	register("the third", 0)
	register("one too many", 40*time.Second)
	c.Advance(500 * time.Millisecond)
	register("it asks for whole seconds, rounded up", 40*time.Second)
	c.Advance(39500 * time.Millisecond)
	register("when the first is a minute old", 0)
	register("again one too many", 20*time.Second)
	c.Advance(20 * time.Second)
	register("when the second is", 0)
	register("and the third", 0)
	register("the fourth is a minute away", 40*time.Second)
}

func TestEachKindAndEachDeviceIsCountedAlone(t *testing.T) {
	one := quota.Rate{Count: 1, Per: time.Second}
	q, _ := open(quota.Limits{Registrations: one, Operations: one, Polls: one})
	ctx, at := t.Context(), point.At{}
	for _, wait := range []time.Duration{0, time.Second} {
		throttled(t, "register", q.Register(ctx, at), wait)
		throttled(t, "operate", q.Operate(ctx, at), wait)
		throttled(t, "poll of one", q.Poll(ctx, at, "dev-01"), wait)
		throttled(t, "poll of another", q.Poll(ctx, at, "dev-02"), wait)
	}
	q.Set(quota.Limits{})
	for range 5 {
		throttled(t, "without limits", errors.Join(q.Register(ctx, at), q.Operate(ctx, at), q.Poll(ctx, at, "dev-01")), 0)
	}
}

func TestDevicesThatPollNoMoreAreForgotten(t *testing.T) {
	q, c := open(quota.Documented())
	for i := range 5000 {
		throttled(t, "a poll", q.Poll(t.Context(), point.At{}, fmt.Sprint("dev-", i)), 0)
		c.Advance(20 * time.Millisecond) // 500 devices poll within the time that counts
	}
	if n := q.Devices(); n > 2100 {
		t.Errorf("%d devices are remembered", n)
	}
	for range 4 {
		throttled(t, "further polls", q.Poll(t.Context(), point.At{}, "dev-4999"), 0)
	}
	throttled(t, "the sixth", q.Poll(t.Context(), point.At{}, "dev-4999"), 10*time.Second)
}

func TestAPlanMayJudgeOtherwise(t *testing.T) {
	c := clock.NewMovable(clock.Frozen(noon))
	points := point.NewSet(c)
	q := quota.New(quota.Limits{}, c, points)
	plan := quota.Judged.Plan(func(_ point.Call, j *quota.Judgement) { j.Within, j.RetryAfter = false, 7*time.Second })
	if _, err := points.Arm(point.Entry{ID: "throttle", Build: point.Always(plan)}, point.Address{}, nil); err != nil {
		t.Fatal(err)
	}
	throttled(t, "armed", q.Poll(t.Context(), point.At{}, "dev-01"), 7*time.Second)
}
