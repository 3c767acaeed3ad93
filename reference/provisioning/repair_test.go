package provisioning_test

import (
	"errors"
	"testing"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/provisioning"
)

// Ways in which a registration ends on its way to a hub; each returns what mends it.
var ends = map[string]func(l *lab, from *hub) (mend func()){
	"before it is noted where": storingFails(dps.StatusAssigning),
	"after the hub write, unanswered": func(l *lab, _ *hub) func() {
		return l.once(provisioning.HubAnswered.Plan(func(_ point.Call, a *provisioning.HubAnswer) {
			a.Err, a.Again = provisioning.ErrHubUnavailable, false
		}))
	},
	"before the record": storingFails(dps.StatusAssigned),
	"before the old identity is gone": func(_ *lab, from *hub) func() {
		from.noRelease = true
		return func() { from.noRelease = false }
	},
}

func storingFails(with dps.Status) func(*lab, *hub) func() {
	return func(l *lab, _ *hub) func() {
		return l.once(provisioning.Storing.Plan(func(_ point.Call, w *provisioning.RecordWrite) {
			if w.Record.Status == with {
				w.Err = errors.New("the disk is full")
			}
		}))
	}
}

// once arms a plan and returns what disarms it.
func (l *lab) once(p point.Plan) func() {
	l.t.Helper()
	handle, err := l.points.Arm(point.Entry{ID: "test", Build: point.Always(p)}, point.Address{}, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	return func() { l.points.Disarm(handle) }
}

// aloneAt asserts that one hub has the device: the one that the record names.
func (l *lab) aloneAt(want *hub, all ...*hub) {
	l.t.Helper()
	r, err := l.registrations.Get(l.t.Context(), "dev-01")
	if err != nil || r.Hub != want.host || len(r.Leaving) != 0 {
		l.t.Errorf("the record is %+v, %v; want it at %s", r, err, want.host)
	}
	for _, h := range all {
		if _, there := h.identity("dev-01"); there != (h == want) {
			l.t.Errorf("%s has the identity: %v; want it at %s only", h.host, there, want.host)
		}
	}
}

func TestTheNextRegistrationRepairsAMoveThatEndedAnywhere(t *testing.T) {
	for where, end := range ends {
		for next, c := range map[string]struct {
			policy *enrollment.Reprovision
			hub    int // of a, b, c
		}{
			"to where it was going": {migrate, 1},
			"back":                  {migrate, 0},
			"elsewhere":             {reset, 2},
			"nowhere":               {never, -1},
		} {
			t.Run(where+", then "+next, func(t *testing.T) {
				l, a, b := settled(t, migrate)
				all := []*hub{a, b, newHub("hub-c")}
				l.link(all...)
				l.change(at(b, migrate))
				mend := end(l, a)
				first := l.provision(l.claim("dev-01", primaryKey))
				mend()
				stays, to := a, c.hub
				if first.Status == dps.StatusAssigned {
					stays = b
				}
				if id, ok := stays.identity("dev-01"); !ok || !same(id.Twin, grownTwin) {
					t.Errorf("after the end the device is not at %s with its twin", stays.host)
				}
				want := stays
				if to >= 0 {
					want = all[to]
				}
				l.change(at(all[max(to, 0)], c.policy))
				r := l.provision(l.claim("dev-01", primaryKey))
				if r.Status != dps.StatusAssigned || r.Hub != want.host {
					t.Errorf("the next registration is %+v", r)
				}
				l.aloneAt(want, all...)
			})
		}
	}
}

func TestTheNextRegistrationRepairsAFirstOneThatEndedAnywhere(t *testing.T) {
	for where, end := range ends {
		t.Run(where, func(t *testing.T) {
			l, a, b := open(t), newHub("hub-a"), newHub("hub-b")
			l.link(a, b)
			l.enroll(at(a, nil))
			mend := end(l, a)
			l.provision(l.claim("dev-01", primaryKey))
			mend()
			l.change(at(b, nil))
			r := l.provision(l.claim("dev-01", primaryKey))
			if r.Status != dps.StatusAssigned {
				t.Errorf("the next registration is %+v", r)
			}
			l.aloneAt(b, a, b)
		})
	}
}

// One old hub answers and another does not: what is still there is not forgotten.
func TestAnIdentityThatStaysIsRememberedBesideOneThatGoes(t *testing.T) {
	l, a, b := settled(t, reset)
	c := newHub("hub-c")
	l.link(a, b, c)
	a.noRelease = true
	for _, to := range []*hub{b, c} {
		l.change(at(to, reset))
		assignedTo(t, l.provision(l.claim("dev-01", primaryKey)), to, dps.SubstatusDeviceDataReset)
	}
	if _, ok := b.identity("dev-01"); ok {
		t.Error("an identity is left at the hub that answers")
	}
	a.noRelease = false
	assignedTo(t, l.provision(l.claim("dev-01", primaryKey)), c, dps.SubstatusInitialAssignment)
	l.aloneAt(c, a, b, c)
}

// The twin that an unfinished move left at the new hub is not what the device has by now.
func TestAMoveThatIsBegunAgainTakesTheTwinOfToday(t *testing.T) {
	l, a, b := settled(t, migrate)
	l.change(at(b, migrate))
	mend := ends["before the record"](l, a)
	l.provision(l.claim("dev-01", primaryKey))
	mend()
	today := provisioning.Twin{Tags: []byte(`{"room":"3"}`), Desired: []byte(`{"rate":6}`)}
	a.reports("dev-01", today)
	assignedTo(t, l.provision(l.claim("dev-01", primaryKey)), b, dps.SubstatusDeviceDataMigrated)
	if id, _ := b.identity("dev-01"); !same(id.Twin, today) {
		t.Errorf("twin %s %s", id.Twin.Tags, id.Twin.Desired)
	}
}

// An operation can be polled at another process as soon as its device knows it.
func TestAnOperationIsStoredWhenItIsOpened(t *testing.T) {
	l, h := open(t), newHub("hub-a")
	l.link(h)
	l.enroll(individual("dev-01"))
	g := h.gated()
	a := l.attest(l.claim("dev-01", primaryKey))
	op := l.register(a)
	within(t, "the hub write", g.entered)
	if kept, err := l.registrations.Operation(t.Context(), op.ID, l.clock.Now()); err != nil || kept.Record.Status != dps.StatusAssigning {
		t.Errorf("the store holds %+v, %v", kept, err)
	}
	close(g.open)
	assignedTo(t, l.settle(a, op), h, dps.SubstatusInitialAssignment)
	if kept, err := l.registrations.Operation(t.Context(), op.ID, l.clock.Now()); err != nil || kept.Record.Status != dps.StatusAssigned {
		t.Errorf("in the end the store holds %+v, %v", kept, err)
	}
}
