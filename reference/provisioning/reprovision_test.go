package provisioning_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/provisioning"
)

var (
	initialTwin = provisioning.Twin{Tags: []byte(`{"site":"north"}`), Desired: []byte(`{"rate":1}`)}
	grownTwin   = provisioning.Twin{Tags: []byte(`{"site":"north","room":"2"}`), Desired: []byte(`{"rate":5}`)}

	migrate = &enrollment.Reprovision{UpdateHubAssignment: true, MigrateDeviceData: true}
	reset   = &enrollment.Reprovision{UpdateHubAssignment: true}
	never   = &enrollment.Reprovision{}
)

// at is an enrollment that names its hub, with the initial twin.
func at(h *hub, p *enrollment.Reprovision) enrollment.Enrollment {
	e := individual("dev-01")
	e.Policy, e.Hubs, e.Reprovision = dps.PolicyStatic, []string{h.host}, p
	e.InitialTwin = &enrollment.Twin{Tags: initialTwin.Tags, Desired: initialTwin.Desired}
	return e
}

func same(a, b provisioning.Twin) bool {
	return bytes.Equal(a.Tags, b.Tags) && bytes.Equal(a.Desired, b.Desired)
}

// settled is a device at hub-a whose twin has grown, and a hub-b for it to move to.
func settled(t *testing.T, p *enrollment.Reprovision, change ...func(*provisioning.Options)) (l *lab, a, b *hub) {
	t.Helper()
	l, a, b = open(t, change...), newHub("hub-a"), newHub("hub-b")
	l.link(a, b)
	l.enroll(at(a, p))
	assignedTo(t, l.provision(l.claim("dev-01", primaryKey)), a, dps.SubstatusInitialAssignment)
	if id, _ := a.identity("dev-01"); !same(id.Twin, initialTwin) {
		t.Fatalf("the hub got the twin %s %s", id.Twin.Tags, id.Twin.Desired)
	}
	a.reports("dev-01", grownTwin)
	return l, a, b
}

func TestAtTheSameHubCredentialsAreRefreshedAndTheTwinStays(t *testing.T) {
	for what, p := range map[string]*enrollment.Reprovision{"migrate": migrate, "reset": reset, "never": never, "no policy": nil} {
		t.Run(what, func(t *testing.T) {
			l, a, _ := settled(t, p)
			first, err := l.registrations.Get(t.Context(), "dev-01")
			if err != nil {
				t.Fatal(err)
			}
			rolled := bytes.Repeat([]byte{9}, 32)
			e := at(a, p)
			e.Attestation = keys(rolled, secondaryKey)
			l.change(e)
			l.clock.Advance(time.Minute)
			r := l.provision(l.claim("dev-01", rolled))
			assignedTo(t, r, a, dps.SubstatusInitialAssignment)
			if !r.Created.Equal(noon) || !r.Updated.Equal(noon.Add(time.Minute)) || r.ETag == first.ETag {
				t.Errorf("the record is %+v", r)
			}
			if id, _ := a.identity("dev-01"); !bytes.Equal(id.PrimaryKey, rolled) || !same(id.Twin, grownTwin) {
				t.Errorf("the hub holds key %x, twin %s %s", id.PrimaryKey, id.Twin.Tags, id.Twin.Desired)
			}
		})
	}
}

func TestAMove(t *testing.T) {
	for _, c := range []struct {
		rule    string
		policy  *enrollment.Reprovision
		version string
		moves   bool
		how     dps.Substatus
		twin    provisioning.Twin
	}{
		{"migrate takes the twin along", migrate, newVersion, true, dps.SubstatusDeviceDataMigrated, grownTwin},
		{"reset begins with the initial twin", reset, newVersion, true, dps.SubstatusDeviceDataReset, initialTwin},
		{"never stays", never, newVersion, false, dps.SubstatusInitialAssignment, grownTwin},
		{"never stays, whatever about the data", &enrollment.Reprovision{MigrateDeviceData: true}, newVersion, false, dps.SubstatusInitialAssignment, grownTwin},
		{"no policy migrates", nil, newVersion, true, dps.SubstatusDeviceDataMigrated, grownTwin},
		{"no policy stays for an old api-version", nil, oldVersion, false, dps.SubstatusInitialAssignment, grownTwin},
		{"a policy counts before the api-version", reset, oldVersion, true, dps.SubstatusDeviceDataReset, initialTwin},
	} {
		t.Run(c.rule, func(t *testing.T) {
			l, a, b := settled(t, c.policy)
			l.change(at(b, c.policy))
			claim := l.claim("dev-01", primaryKey)
			claim.APIVersion = c.version
			r := l.provision(claim)
			at, left := a, b
			if c.moves {
				at, left = b, a
			}
			assignedTo(t, r, at, c.how)
			if id, ok := at.identity("dev-01"); !ok || !same(id.Twin, c.twin) {
				t.Errorf("at %s: %v, twin %s %s", at.host, ok, id.Twin.Tags, id.Twin.Desired)
			}
			if _, ok := left.identity("dev-01"); ok {
				t.Errorf("an identity is left at %s", left.host)
			}
			if !r.Created.Equal(noon) {
				t.Errorf("created %v", r.Created)
			}
		})
	}
}

// The old identity goes last: a device is never without any.
func TestAMoveReleasesTheOldIdentityAfterTheNewOneStands(t *testing.T) {
	l, a, b := settled(t, migrate)
	b.before = func(context.Context, provisioning.Identity) error {
		if _, ok := a.identity("dev-01"); !ok {
			t.Error("the old identity was gone before the new one was written")
		}
		return nil
	}
	l.change(at(b, migrate))
	assignedTo(t, l.provision(l.claim("dev-01", primaryKey)), b, dps.SubstatusDeviceDataMigrated)
}

func TestAMoveThatFailsReleasesNothing(t *testing.T) {
	l, a, b := settled(t, migrate)
	b.answering(errors.New("no"))
	l.change(at(b, migrate))
	failedWith(t, l.provision(l.claim("dev-01", primaryKey)), 500208)
	if id, ok := a.identity("dev-01"); !ok || !same(id.Twin, grownTwin) {
		t.Errorf("the old hub holds %+v, %v", id, ok)
	}
}

func TestAMoveWhoseTwinCannotBeRead(t *testing.T) {
	for what, lose := range map[string]func(l *lab, a, b *hub){
		"because the old hub does not answer": func(_ *lab, a, _ *hub) { a.noTwin = true },
		"because it is not linked any more":   func(l *lab, _, b *hub) { l.link(b) },
	} {
		t.Run(what, func(t *testing.T) {
			l, a, b := settled(t, migrate)
			l.change(at(b, migrate))
			lose(l, a, b)
			assignedTo(t, l.provision(l.claim("dev-01", primaryKey)), b, dps.SubstatusDeviceDataReset)
			if id, _ := b.identity("dev-01"); !same(id.Twin, initialTwin) {
				t.Errorf("twin %s %s", id.Twin.Tags, id.Twin.Desired)
			}
		})
	}
}

func TestAnotherDeviceIDIsAMoveWithinTheHub(t *testing.T) {
	l, a, _ := settled(t, migrate)
	e := at(a, migrate)
	e.DeviceID = "pump-1"
	l.change(e)
	assignedTo(t, l.provision(l.claim("dev-01", primaryKey)), a, dps.SubstatusDeviceDataMigrated)
	if id, ok := a.identity("pump-1"); !ok || !same(id.Twin, grownTwin) {
		t.Errorf("the new identity: %v, twin %s", ok, id.Twin.Tags)
	}
	if _, ok := a.identity("dev-01"); ok {
		t.Error("the old identity is still there")
	}
}

// A registration that leads nowhere leaves the device where it is, and the service does
// not forget where that is.
func TestAFailureInBetweenDoesNotForgetTheHub(t *testing.T) {
	for what, interrupt := range map[string]func(l *lab, a *hub){
		"a hub that refuses": func(l *lab, a *hub) {
			a.answering(provisioning.ErrHubUnauthorized)
			failedWith(l.t, l.provision(l.claim("dev-01", primaryKey)), 400209)
			a.before = nil
		},
		"an enrollment that was disabled": func(l *lab, a *hub) {
			e := at(a, migrate)
			e.Disabled = true
			l.change(e)
			if r := l.provision(l.claim("dev-01", primaryKey)); r.Status != dps.StatusDisabled {
				l.t.Fatalf("ended as %s", r.Status)
			}
		},
	} {
		t.Run(what+", then a move", func(t *testing.T) {
			l, a, b := settled(t, migrate)
			interrupt(l, a)
			l.change(at(b, migrate))
			assignedTo(t, l.provision(l.claim("dev-01", primaryKey)), b, dps.SubstatusDeviceDataMigrated)
			if id, _ := b.identity("dev-01"); !same(id.Twin, grownTwin) {
				t.Errorf("the twin did not come along: %s", id.Twin.Tags)
			}
			if _, ok := a.identity("dev-01"); ok {
				t.Error("the old identity is still there")
			}
		})
		t.Run(what+", then a policy that never moves", func(t *testing.T) {
			l, a, b := settled(t, migrate)
			interrupt(l, a)
			l.change(at(b, never))
			assignedTo(t, l.provision(l.claim("dev-01", primaryKey)), a, dps.SubstatusInitialAssignment)
		})
	}
}

// Registration ids compare without regard to case, so one that comes back in another case
// is no other device. Device ids at a hub do not.
func TestAnotherSpellingOfTheIDIsTheSameDevice(t *testing.T) {
	l, a, _ := settled(t, migrate)
	r := l.provision(l.claim("DEV-01", primaryKey))
	assignedTo(t, r, a, dps.SubstatusInitialAssignment)
	if r.DeviceID != "dev-01" {
		t.Errorf("it was told the device id %q", r.DeviceID)
	}
	if id, ok := a.identity("dev-01"); !ok || !same(id.Twin, grownTwin) {
		t.Errorf("the hub holds %+v, %v", id, ok)
	}
	if _, ok := a.identity("DEV-01"); ok {
		t.Error("a second identity was made")
	}
}
