package provisioning_test

import (
	"context"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/reference/provisioning"
	"github.com/dpslab/dpslab/reference/registration"
)

// polled is what a poll heard.
type polled struct {
	op  registration.Operation
	err error
}

// underWay is a device whose registration waits at its hub.
func underWay(t *testing.T, change ...func(*provisioning.Options)) (*lab, gate, provisioning.Attested, registration.Operation) {
	t.Helper()
	l, h := open(t, change...), newHub("hub-a")
	l.link(h)
	l.enroll(individual("dev-01"))
	g := h.gated()
	a := l.attest(l.claim("dev-01", primaryKey))
	op := l.register(a)
	within(t, "the write to the hub", g.entered)
	return l, g, a, op
}

func (l *lab) pollAside(ctx context.Context, a provisioning.Attested, id string) <-chan polled {
	heard := make(chan polled, 1)
	go func() {
		op, err := l.Operation(ctx, a, id)
		heard <- polled{op, err}
	}()
	return heard
}

func TestAnEarlyPollIsHeldUntilTheOperationSettles(t *testing.T) {
	l, g, a, op := underWay(t)
	heard := l.pollAside(t.Context(), a, op.ID)
	l.timers(besidePatience) // it waits
	close(g.open)
	if p := within(t, "the poll", heard); p.err != nil || p.op.Record.Status != dps.StatusAssigned {
		t.Errorf("heard %s, %v", p.op.Record.Status, p.err)
	}
}

func TestAnEarlyPollIsNotHeldForLong(t *testing.T) {
	l, g, a, op := underWay(t)
	heard := l.pollAside(t.Context(), a, op.ID)
	l.timers(besidePatience)
	l.clock.Advance(pollHold)
	if p := within(t, "the poll", heard); p.err != nil || p.op.Record.Status != dps.StatusAssigning || p.op.ID != op.ID {
		t.Errorf("heard %+v, %v", p.op, p.err)
	}
	close(g.open)
	l.settle(a, op)
}

func TestAPollEndsWithItsRequest(t *testing.T) {
	l, g, a, op := underWay(t)
	request, hangUp := context.WithCancel(t.Context())
	heard := l.pollAside(request, a, op.ID)
	l.timers(besidePatience)
	hangUp()
	if p := within(t, "the poll", heard); p.err != nil || p.op.Record.Status != dps.StatusAssigning {
		t.Errorf("heard %s, %v", p.op.Record.Status, p.err)
	}
	close(g.open)
	l.settle(a, op)
}

func TestWithoutHoldAPollIsAnsweredAtOnce(t *testing.T) {
	l, g, a, op := underWay(t, func(o *provisioning.Options) { o.PollHold = 0 })
	defer close(g.open)
	if got, err := l.Operation(t.Context(), a, op.ID); err != nil || got.Record.Status != dps.StatusAssigning {
		t.Errorf("heard %s, %v", got.Record.Status, err)
	}
}

func TestAnOperationIsItsDevicesOwn(t *testing.T) {
	l, g, a, op := underWay(t)
	l.enroll(individual("dev-02"))
	other := l.attest(l.claim("dev-02", primaryKey))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := l.Operation(ended, other, op.ID)
	refused(t, "another device's while it is under way", err, 404203)
	close(g.open)
	l.settle(a, op)
	_, err = l.Operation(t.Context(), other, op.ID)
	refused(t, "another device's when it is over", err, 404203)
	_, err = l.Operation(t.Context(), a, op.ID+"0")
	refused(t, "one that never was", err, 404203)
	l.settle(l.attest(l.claim("DEV-01", primaryKey)), op) // the same device, whatever the case
}

func TestAnOperationIsForgottenAfterItsLifetime(t *testing.T) {
	l := open(t)
	l.link(newHub("hub-a"))
	l.enroll(individual("dev-01"))
	a := l.attest(l.claim("dev-01", primaryKey))
	op := l.register(a)
	l.settle(a, op)
	l.clock.Advance(time.Hour - time.Nanosecond)
	l.settle(a, op)
	l.clock.Advance(time.Nanosecond)
	_, err := l.Operation(t.Context(), a, op.ID)
	refused(t, "after an hour", err, 404203)
	if _, err := l.Lookup(t.Context(), a); err != nil {
		t.Errorf("the registration went with it: %v", err)
	}
}
