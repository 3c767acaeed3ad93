package provisioning_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/provisioning"
	"github.com/dpslab/dpslab/reference/registration"
)

// answering makes a hub end every write with err.
func (h *hub) answering(err error) *hub {
	h.before = func(context.Context, provisioning.Identity) error { return err }
	return h
}

func TestHubsThatDoNotTakeADevice(t *testing.T) {
	for _, c := range []struct {
		rule string
		hubs []*hub
		want int
	}{
		{"no hub is linked", nil, 400208},
		{"the hub refuses the service", []*hub{newHub("a").answering(fmt.Errorf("%w: 401", provisioning.ErrHubUnauthorized))}, 400209},
		{"the hub refuses the device", []*hub{newHub("a").answering(errors.New("the hub answered 400"))}, 500208},
	} {
		t.Run(c.rule, func(t *testing.T) {
			l := open(t)
			l.link(c.hubs...)
			l.enroll(individual("dev-01"))
			r := l.provision(l.claim("dev-01", primaryKey))
			failedWith(t, r, c.want)
			if kept, err := l.registrations.Get(t.Context(), "dev-01"); err != nil || kept.Status != dps.StatusFailed || kept.ErrorCode != c.want {
				t.Errorf("the store holds %+v, %v", kept, err)
			}
			for _, h := range c.hubs {
				if h.written() != 1 {
					t.Errorf("the hub was asked %d times", h.written())
				}
			}
		})
	}
}

// unavailable makes a hub not answer the first so many writes.
func (h *hub) unavailable(times int64) {
	var left atomic.Int64
	left.Store(times)
	h.before = func(context.Context, provisioning.Identity) error {
		if left.Add(-1) >= 0 {
			return fmt.Errorf("%w: 503", provisioning.ErrHubUnavailable)
		}
		return nil
	}
}

// unanswered is a device whose hub does not answer the first so many writes.
func unanswered(t *testing.T, times int64) (*lab, *hub, provisioning.Attested, registration.Operation) {
	t.Helper()
	l, h := open(t), newHub("hub-a")
	l.link(h)
	l.enroll(individual("dev-01"))
	h.unavailable(times)
	a := l.attest(l.claim("dev-01", primaryKey))
	return l, h, a, l.register(a)
}

func TestAHubThatDoesNotAnswerIsAskedAgain(t *testing.T) {
	l, h, a, op := unanswered(t, 2)
	for i, pause := range []time.Duration{time.Second, 2 * time.Second} {
		l.timers(besidePatience)
		l.clock.Advance(pause - time.Nanosecond)
		l.timers(besidePatience) // it still waits
		if h.written() != i+1 {
			t.Errorf("asked %d times before the pause of %v was over", h.written(), pause)
		}
		l.clock.Advance(time.Nanosecond)
	}
	assignedTo(t, l.settle(a, op), h, dps.SubstatusInitialAssignment)
	if h.written() != 3 {
		t.Errorf("asked %d times", h.written())
	}
}

func TestAHubThatNeverAnswersFailsTheRegistration(t *testing.T) {
	l, h, a, op := unanswered(t, 100)
	for _, pause := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
		l.timers(besidePatience)
		l.clock.Advance(pause)
	}
	failedWith(t, l.settle(a, op), 500208)
	if h.written() != 4 {
		t.Errorf("asked %d times", h.written())
	}
}

// speechless makes a hub take every write and answer none.
func (h *hub) speechless() *hub {
	h.before = func(ctx context.Context, _ provisioning.Identity) error {
		<-ctx.Done()
		return fmt.Errorf("%w: %w", provisioning.ErrHubUnavailable, ctx.Err())
	}
	return h
}

// Devices give up after a minute (device-api.md 3.5), so they are told before.
func TestAHubThatSaysNothingIsNotWaitedForLongerThanADeviceWaits(t *testing.T) {
	l := open(t)
	l.link(newHub("hub-a").speechless())
	l.enroll(individual("dev-01"))
	a := l.attest(l.claim("dev-01", primaryKey))
	op := l.register(a)
	l.timers(1) // that of the patience with the hub
	l.clock.Advance(30 * time.Second)
	failedWith(t, l.settle(a, op), 500208)
}

// What a device leaves behind at a hub that is gone does not keep it from the new one.
func TestAnOldHubThatSaysNothingDelaysADeviceForSecondsOnly(t *testing.T) {
	l, old, next := settled(t, migrate)
	old.silent = make(chan struct{})
	l.change(at(next, migrate))
	a := l.attest(l.claim("dev-01", primaryKey))
	op := l.register(a)
	for _, what := range []string{"the twin", "the removal"} {
		within(t, "the request for "+what, old.silent)
		l.clock.Advance(10 * time.Second)
	}
	assignedTo(t, l.settle(a, op), next, dps.SubstatusDeviceDataReset)
}

func TestADisabledEnrollmentDisablesTheRegistration(t *testing.T) {
	for what, e := range map[string]func() (provisioning.Claim, *lab){
		"individual": func() (provisioning.Claim, *lab) {
			l, e := open(t), individual("dev-01")
			e.Disabled = true
			l.enroll(e)
			return l.claim("dev-01", primaryKey), l
		},
		"group": func() (provisioning.Claim, *lab) {
			l, e := open(t), group("line-a")
			e.Disabled = true
			l.enroll(e)
			return l.claim("dev-01", derived(primaryKey, "dev-01")), l
		},
	} {
		t.Run(what, func(t *testing.T) {
			claim, l := e()
			h := newHub("hub-a")
			l.link(h)
			r := l.provision(claim)
			if r.Status != dps.StatusDisabled || r.ErrorCode != 0 || r.Substatus != dps.SubstatusNone {
				t.Errorf("ended as %+v", r)
			}
			if kept, err := l.registrations.Get(t.Context(), "dev-01"); err != nil || kept.Status != dps.StatusDisabled {
				t.Errorf("the store holds %+v, %v", kept, err)
			}
			if h.written() != 0 {
				t.Error("the hub was written")
			}
		})
	}
}

// Links may be replaced at any moment; a registration goes on with those it began with.
func TestARegistrationKeepsTheHubsItBeganWith(t *testing.T) {
	l, h := open(t), newHub("hub-a")
	l.link(h)
	l.enroll(individual("dev-01"))
	l.arm(provisioning.Chosen.Plan(func(_ point.Call, _ *provisioning.Choice) { l.link() }))
	assignedTo(t, l.provision(l.claim("dev-01", primaryKey)), h, dps.SubstatusInitialAssignment)
}
