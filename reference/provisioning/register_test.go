package provisioning_test

import (
	"context"
	"errors"
	"regexp"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/reference/problem"
	"github.com/dpslab/dpslab/reference/provisioning"
	"github.com/dpslab/dpslab/reference/registration"
)

func TestARegistrationGoesFromAssigningToAssigned(t *testing.T) {
	l, h := open(t), newHub("hub-a")
	l.link(h)
	e := individual("dev-01")
	e.DeviceID, e.IoTEdge = "pump-1", true
	l.enroll(e)
	g := h.gated()

	a := l.attest(l.claim("dev-01", primaryKey))
	op := l.register(a)
	if !regexp.MustCompile(`^5\.[0-9a-f]{16}\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString(op.ID) {
		t.Errorf("operation id %q", op.ID)
	}
	if op.Record.Status != dps.StatusAssigning || op.RegistrationID != "dev-01" || op.Record.Hub != "" {
		t.Errorf("register answers %+v", op)
	}
	within(t, "the write to the hub", g.entered)
	l.clock.Advance(time.Minute)
	close(g.open)

	r := l.settle(a, op)
	assignedTo(t, r, h, dps.SubstatusInitialAssignment)
	if r.DeviceID != "pump-1" || r.GroupID != "" || r.Attestation != dps.AttestationSymmetricKey || r.ETag == "" ||
		!r.Created.Equal(noon) || !r.Updated.Equal(noon.Add(time.Minute)) {
		t.Errorf("the record is %+v", r)
	}
	kept, err := l.registrations.Get(t.Context(), "dev-01")
	if err != nil || kept.ETag != r.ETag || kept.Status != dps.StatusAssigned {
		t.Errorf("the store holds %+v, %v", kept, err)
	}
	if id, ok := h.identity("pump-1"); !ok || !id.IoTEdge || string(id.PrimaryKey) != string(primaryKey) || string(id.SecondaryKey) != string(secondaryKey) {
		t.Errorf("the hub holds %+v, %v", id, ok)
	}
}

// A device that hears assigned may go to its hub at once, so the hub comes first, then
// the record that says so, then the answer.
func TestTheHubIsWrittenBeforeAnybodyHearsAssigned(t *testing.T) {
	l, h := open(t), newHub("hub-a")
	l.link(h)
	l.enroll(individual("dev-01"))
	a := l.attest(l.claim("dev-01", primaryKey))
	var op registration.Operation
	opened := make(chan struct{})
	h.before = func(ctx context.Context, _ provisioning.Identity) error {
		<-opened
		if r, err := l.registrations.Get(ctx, "dev-01"); err != nil || r.Status != dps.StatusAssigning || r.Hub != "" {
			t.Errorf("before the hub the store holds %+v, %v", r, err)
		}
		ended, cancel := context.WithCancel(ctx)
		cancel() // a poll that does not wait
		if seen, err := l.Operation(ended, a, op.ID); err != nil || seen.Record.Status != dps.StatusAssigning {
			t.Errorf("a poll meanwhile hears %s, %v", seen.Record.Status, err)
		}
		return nil
	}
	op = l.register(a)
	close(opened)
	assignedTo(t, l.settle(a, op), h, dps.SubstatusInitialAssignment)
}

func TestOneRegistrationOfADeviceAtATime(t *testing.T) {
	l, h := open(t), newHub("hub-a")
	l.link(h)
	l.enroll(individual("dev-01"))
	l.enroll(individual("dev-02"))
	g := h.gated()
	a := l.attest(l.claim("dev-01", primaryKey))
	op := l.register(a)
	within(t, "the write to the hub", g.entered)
	for _, id := range []string{"dev-01", "DEV-01"} {
		_, err := l.Register(t.Context(), l.attest(l.claim(id, primaryKey)))
		refused(t, "register of "+id+" meanwhile", err, 409203)
	}
	other := l.attest(l.claim("dev-02", primaryKey))
	op2 := l.register(other)
	close(g.open)
	assignedTo(t, l.settle(a, op), h, dps.SubstatusInitialAssignment)
	assignedTo(t, l.settle(other, op2), h, dps.SubstatusInitialAssignment)
	l.settle(a, l.register(a)) // and again, now that it is over
}

func TestARegistrationOutlivesItsRequest(t *testing.T) {
	l, h := open(t), newHub("hub-a")
	l.link(h)
	l.enroll(individual("dev-01"))
	g := h.gated()
	a := l.attest(l.claim("dev-01", primaryKey))
	request, hangUp := context.WithCancel(t.Context())
	op, err := l.Register(request, a)
	if err != nil {
		t.Fatal(err)
	}
	within(t, "the write to the hub", g.entered)
	hangUp()
	close(g.open)
	assignedTo(t, l.settle(a, op), h, dps.SubstatusInitialAssignment)
}

func TestOperationIDsDiffer(t *testing.T) {
	l, seen := open(t), map[string]bool{}
	l.enroll(individual("dev-01"))
	a := l.attest(l.claim("dev-01", primaryKey))
	for range 100 {
		op := l.register(a)
		if seen[op.ID] {
			t.Fatalf("%s came twice", op.ID)
		}
		seen[op.ID] = true
		l.settle(a, op)
	}
}

func TestLookup(t *testing.T) {
	l, h := open(t), newHub("hub-a")
	l.link(h)
	l.enroll(individual("dev-01"))
	a := l.attest(l.claim("dev-01", primaryKey))
	_, err := l.Lookup(t.Context(), a)
	refused(t, "before the first registration", err, 404202)
	want := l.settle(a, l.register(a))
	got, err := l.Lookup(t.Context(), l.attest(l.claim("DEV-01", primaryKey)))
	if err != nil || got.ETag != want.ETag {
		t.Errorf("after it: %+v, %v", got, err)
	}
}

// broken is a store of registrations that does not answer.
type broken struct{ registration.Store }

var errBroken = errors.New("disk on fire")

func (broken) Get(context.Context, string) (registration.Record, error) {
	return registration.Record{}, errBroken
}

// unwritable reads, but does not write.
type unwritable struct{ registration.Store }

func (unwritable) Put(context.Context, registration.Record, string) error { return errBroken }

func TestAStoreThatFailsFailsTheRegistration(t *testing.T) {
	for what, store := range map[string]func(registration.Store) registration.Store{
		"reading": func(s registration.Store) registration.Store { return broken{s} },
		"writing": func(s registration.Store) registration.Store { return unwritable{s} },
	} {
		t.Run(what, func(t *testing.T) {
			l := open(t, func(o *provisioning.Options) { o.Registrations = store(o.Registrations) })
			l.link(newHub("hub-a"))
			l.enroll(individual("dev-01"))
			failedWith(t, l.provision(l.claim("dev-01", primaryKey)), problem.Internal().Code)
		})
	}
}

// An operator may delete the record while its device registers again.
func TestARecordThatVanishesMeanwhileIsWrittenAnew(t *testing.T) {
	l, h := open(t), newHub("hub-a")
	l.link(h)
	l.enroll(individual("dev-01"))
	first := l.provision(l.claim("dev-01", primaryKey))
	h.before = func(ctx context.Context, _ provisioning.Identity) error {
		return l.registrations.Delete(ctx, "dev-01", first.ETag)
	}
	second := l.provision(l.claim("dev-01", primaryKey))
	assignedTo(t, second, h, dps.SubstatusInitialAssignment)
	if kept, err := l.registrations.Get(t.Context(), "dev-01"); err != nil || kept.ETag != second.ETag {
		t.Errorf("the store holds %+v, %v", kept, err)
	}
}
