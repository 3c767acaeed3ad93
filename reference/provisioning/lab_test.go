package provisioning_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/internal/sas"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/problem"
	"github.com/dpslab/dpslab/reference/provisioning"
	"github.com/dpslab/dpslab/reference/registration"
)

const (
	scope      = "0ne00DEMO01"
	newVersion = "2019-03-31"
	oldVersion = "2018-04-01" // the last that keeps a device at its hub
	pollHold   = time.Second
)

var (
	noon         = time.Date(2030, 1, 2, 12, 0, 0, 0, time.UTC)
	primaryKey   = bytes.Repeat([]byte{1}, 32)
	secondaryKey = bytes.Repeat([]byte{2}, 32)
)

// lab is a service over stores in memory, on a clock that moves only when it is told.
type lab struct {
	*provisioning.Service
	t             *testing.T
	clock         *clock.Movable
	points        *point.Set
	enrollments   *enrollment.Memory
	registrations *registration.Memory
}

// open starts a service that is closed with the test. change may bend its options.
func open(t *testing.T, change ...func(*provisioning.Options)) *lab {
	t.Helper()
	l := &lab{t: t, clock: clock.NewMovable(clock.Frozen(noon)), enrollments: enrollment.NewMemory(), registrations: registration.NewMemory()}
	l.points = point.NewSet(l.clock)
	o := provisioning.Options{
		Name: "demo", Scope: scope, Enrollments: l.enrollments, Registrations: l.registrations,
		RetryAfter: 3 * time.Second, PollHold: pollHold, Clock: l.clock, Points: l.points, Logger: slog.New(slog.DiscardHandler),
	}
	for _, c := range change {
		c(&o)
	}
	l.Service = provisioning.New(o)
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // what a test left under way is not worth waiting for
		l.Close(ctx)
	})
	return l
}

// link links hubs, each with weight 1.
func (l *lab) link(hubs ...*hub) {
	var links []provisioning.Link
	for _, h := range hubs {
		links = append(links, provisioning.Link{Hub: h, Weight: 1, Applies: true})
	}
	l.Link(links)
}

// enroll stores an enrollment.
func (l *lab) enroll(e enrollment.Enrollment) {
	l.t.Helper()
	if err := l.enrollments.Create(l.t.Context(), e); err != nil {
		l.t.Fatal(err)
	}
}

// change stores an enrollment over what is there.
func (l *lab) change(e enrollment.Enrollment) {
	l.t.Helper()
	if err := l.enrollments.Replace(l.t.Context(), e, e.ETag); err != nil {
		l.t.Fatal(err)
	}
}

// individual is an enrollment by symmetric key.
func individual(id string) enrollment.Enrollment {
	return enrollment.Enrollment{Kind: enrollment.Individual, ID: id, ETag: "e", Attestation: keys(primaryKey, secondaryKey)}
}

// group is one whose devices derive their keys.
func group(id string) enrollment.Enrollment {
	e := individual(id)
	e.Kind = enrollment.Group
	return e
}

func keys(primary, secondary []byte) enrollment.Attestation {
	return enrollment.Attestation{
		Type: dps.AttestationSymmetricKey, SymmetricKey: enrollment.SymmetricKey{Primary: primary, Secondary: secondary},
	}
}

// derived is the key that a device derives from its group's.
func derived(groupKey []byte, id string) []byte { return sas.DeriveKey(groupKey, id) }

// claim is a device's, with a token that key signed.
func (l *lab) claim(id string, key []byte) provisioning.Claim {
	return provisioning.Claim{
		RegistrationID: id, APIVersion: newVersion, PresentedAt: l.clock.Now(), At: point.At{Registration: id},
		Token: sas.Sign(scope+"/registrations/"+id, key, l.clock.Now().Add(time.Hour), "registration"),
	}
}

// attest lets a device in, or ends the test.
func (l *lab) attest(c provisioning.Claim) provisioning.Attested {
	l.t.Helper()
	a, err := l.Attest(l.t.Context(), c)
	if err != nil {
		l.t.Fatalf("attest %q: %v", c.RegistrationID, err)
	}
	return a
}

// register begins a registration.
func (l *lab) register(a provisioning.Attested) registration.Operation {
	l.t.Helper()
	op, err := l.Register(l.t.Context(), a)
	if err != nil {
		l.t.Fatalf("register %q: %v", a.RegistrationID, err)
	}
	return op
}

// settle polls an operation that needs no further push to its end.
func (l *lab) settle(a provisioning.Attested, op registration.Operation) registration.Record {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), patience)
	defer cancel()
	op, err := l.Operation(ctx, a, op.ID)
	if err != nil {
		l.t.Fatalf("poll of %q: %v", a.RegistrationID, err)
	}
	if !op.Record.Status.Terminal() {
		l.t.Fatalf("poll of %q: still %s", a.RegistrationID, op.Record.Status)
	}
	return op.Record
}

// provision registers a device and returns what became of it.
func (l *lab) provision(c provisioning.Claim) registration.Record {
	l.t.Helper()
	a := l.attest(c)
	return l.settle(a, l.register(a))
}

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// timers waits until n timers of the service's clock are pending.
func (l *lab) timers(n int) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), patience)
	defer cancel()
	if err := l.clock.BlockUntil(ctx, n); err != nil {
		l.t.Fatalf("nothing waits on the service's clock: %v", err)
	}
}

// besidePatience are a timer that a test waits for and that of the patience with the hub.
const besidePatience = 2

// within takes what must come from ch.
func within[T any](t *testing.T, what string, ch <-chan T) T {
	t.Helper()
	timer := clock.System().NewTimer(patience)
	defer timer.Stop()
	select {
	case v := <-ch:
		return v
	case <-timer.C():
		t.Fatalf("%s takes too long", what)
		panic("unreachable")
	}
}

// arm arms a plan for the whole service.
func (l *lab) arm(p point.Plan) {
	l.t.Helper()
	if _, err := l.points.Arm(point.Entry{ID: "test", Build: point.Always(p)}, point.Address{}, nil); err != nil {
		l.t.Fatal(err)
	}
}

// refused asserts the code of a refusal.
func refused(t *testing.T, what string, err error, code int) {
	t.Helper()
	var p *problem.Error
	if !errors.As(err, &p) || p.Code != code {
		t.Errorf("%s: %v, want %d", what, err, code)
	}
}

// assignedTo asserts an assignment.
func assignedTo(t *testing.T, r registration.Record, h *hub, s dps.Substatus) {
	t.Helper()
	if r.Status != dps.StatusAssigned || r.Hub != h.host || r.Substatus != s {
		t.Errorf("%s: %s at %q, %s (%d %s); want assigned at %q, %s",
			r.RegistrationID, r.Status, r.Hub, r.Substatus, r.ErrorCode, r.ErrorMessage, h.host, s)
	}
}

// failedWith asserts a failure.
func failedWith(t *testing.T, r registration.Record, code int) {
	t.Helper()
	if r.Status != dps.StatusFailed || r.ErrorCode != code || r.ErrorMessage == "" || r.Substatus != dps.SubstatusNone {
		t.Errorf("%s: %s %d %q, want failed %d", r.RegistrationID, r.Status, r.ErrorCode, r.ErrorMessage, code)
	}
}
