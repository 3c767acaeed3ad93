package provisioning_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/internal/sas"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/provisioning"
)

var groupKey = bytes.Repeat([]byte{3}, 32)

// keyGroup is a group whose devices derive their key from groupKey.
func keyGroup(id string) enrollment.Enrollment {
	e := group(id)
	e.Attestation = keys(groupKey, secondaryKey)
	return e
}

func TestAnIndividualEnrollmentDecidesBeforeAnyGroup(t *testing.T) {
	l := open(t)
	l.enroll(keyGroup("line-a"))
	l.enroll(individual("dev-01"))
	if a := l.attest(l.claim("DEV-01", primaryKey)); a.Enrollment.Kind != enrollment.Individual || a.Enrollment.ID != "dev-01" {
		t.Errorf("decided by %s %q", a.Enrollment.Kind, a.Enrollment.ID)
	}
	_, err := l.Attest(t.Context(), l.claim("dev-01", derived(groupKey, "dev-01")))
	refused(t, "the key of the group", err, 401002)

	if err := l.enrollments.Delete(t.Context(), enrollment.Individual, "dev-01", ""); err != nil {
		t.Fatal(err)
	}
	if a := l.attest(l.claim("dev-01", derived(groupKey, "dev-01"))); a.Enrollment.ID != "line-a" {
		t.Errorf("without it decided by %q", a.Enrollment.ID)
	}
}

func TestADisabledIndividualEnrollmentStopsItsDevice(t *testing.T) {
	for _, c := range []struct {
		rule        string
		attestation enrollment.Attestation
		key         []byte
		disabled    bool // else refused
	}{
		{"which proves itself by it", keys(primaryKey, secondaryKey), primaryKey, true},
		{"which does not", keys(primaryKey, secondaryKey), derived(groupKey, "dev-01"), false},
		{"though it names certificates and the device has a key of a group", leaves(), derived(groupKey, "dev-01"), true},
		{"but lets nobody be called disabled who proves nothing", leaves(), primaryKey, false},
	} {
		t.Run(c.rule, func(t *testing.T) {
			l := open(t)
			l.enroll(keyGroup("line-a"))
			e := individual("dev-01")
			e.Attestation, e.Disabled = c.attestation, true
			l.enroll(e)
			a, err := l.Attest(t.Context(), l.claim("dev-01", c.key))
			if !c.disabled {
				refused(t, "the device", err, 401002)
				return
			}
			if err != nil || !a.Disabled || a.Enrollment.Kind != enrollment.Individual {
				t.Errorf("%+v, %v", a, err)
			}
		})
	}
}

// leaves is an attestation by a certificate that nobody has.
func leaves() enrollment.Attestation {
	return enrollment.Attestation{Type: dps.AttestationX509, X509: enrollment.X509{Form: enrollment.CAReferences, PrimaryReference: "x"}}
}

func TestRefusals(t *testing.T) {
	tpm := individual("tpm")
	tpm.Attestation = enrollment.Attestation{Type: dps.AttestationTPM, TPM: enrollment.TPM{EndorsementKey: "EK"}}
	for _, c := range []struct {
		rule   string
		stored []enrollment.Enrollment
		claim  func(l *lab) provisioning.Claim
		code   int
	}{
		{"an id that is none", nil, func(l *lab) provisioning.Claim { return l.claim("a b", primaryKey) }, 400004},
		{"an empty id", nil, func(l *lab) provisioning.Claim { return l.claim("", primaryKey) }, 400004},
		{"nobody enrolled it", nil, func(l *lab) provisioning.Claim { return l.claim("dev-01", primaryKey) }, 401002},
		{"nobody enrolled it, and it proves nothing", nil, func(*lab) provisioning.Claim { return provisioning.Claim{RegistrationID: "dev-01"} }, 401002},
		{"no proof", []enrollment.Enrollment{individual("dev-01"), keyGroup("line-a")}, func(*lab) provisioning.Claim {
			return provisioning.Claim{RegistrationID: "dev-01"}
		}, 401002},
		{"another device's key", []enrollment.Enrollment{keyGroup("line-a")}, func(l *lab) provisioning.Claim {
			return l.claim("dev-01", derived(groupKey, "dev-02"))
		}, 401002},
		{"the group's own key", []enrollment.Enrollment{keyGroup("line-a")}, func(l *lab) provisioning.Claim {
			return l.claim("dev-01", groupKey)
		}, 401002},
		{"a TPM, whose proof cannot be given here", []enrollment.Enrollment{tpm}, func(l *lab) provisioning.Claim {
			return l.claim("tpm", primaryKey)
		}, 401002},
		{"a token that had expired when it was presented", []enrollment.Enrollment{individual("dev-01")}, func(l *lab) provisioning.Claim {
			c := l.claim("dev-01", primaryKey)
			c.PresentedAt = c.PresentedAt.Add(2 * time.Hour)
			return c
		}, 401002},
		{"a token for another scope", []enrollment.Enrollment{individual("dev-01")}, func(l *lab) provisioning.Claim {
			c := l.claim("dev-01", primaryKey)
			c.Token = sas.Sign("0ne00OTHER1/registrations/dev-01", primaryKey, l.clock.Now().Add(time.Hour), "")
			return c
		}, 401002},
	} {
		t.Run(c.rule, func(t *testing.T) {
			l := open(t)
			for _, e := range c.stored {
				l.enroll(e)
			}
			_, err := l.Attest(t.Context(), c.claim(l))
			refused(t, "the device", err, c.code)
		})
	}
}

// A token that was good when its connection began stays good on it.
func TestATokenIsJudgedByWhenItWasPresented(t *testing.T) {
	l := open(t)
	l.enroll(individual("dev-01"))
	claim := l.claim("dev-01", primaryKey)
	l.clock.Advance(48 * time.Hour)
	l.attest(claim)
}

func TestOfSeveralGroupsTheOneWhoseKeySignedDecides(t *testing.T) {
	l := open(t)
	for i, id := range []string{"line-a", "line-b", "line-c"} {
		e := group(id)
		e.Attestation = keys(bytes.Repeat([]byte{byte(10 + i)}, 32), bytes.Repeat([]byte{byte(20 + i)}, 32))
		l.enroll(e)
	}
	for id, key := range map[string]byte{"line-a": 10, "line-b": 21, "line-c": 12} {
		if a := l.attest(l.claim("dev-01", derived(bytes.Repeat([]byte{key}, 32), "dev-01"))); a.Enrollment.ID != id {
			t.Errorf("decided by %q, not %q", a.Enrollment.ID, id)
		}
	}
}

func TestAPlanMayPassOverAnEnrollment(t *testing.T) {
	l := open(t)
	l.enroll(individual("dev-01"))
	l.enroll(keyGroup("line-a"))
	l.arm(provisioning.Deciding.Plan(func(_ point.Call, c *provisioning.Candidate) {
		c.PassOver = c.Enrollment.Kind == enrollment.Individual
	}))
	if a := l.attest(l.claim("dev-01", derived(groupKey, "dev-01"))); a.Enrollment.ID != "line-a" {
		t.Errorf("decided by %q", a.Enrollment.ID)
	}
}

// lost is a store of enrollments that does not answer.
type lost struct{ enrollment.Store }

func (lost) Get(context.Context, enrollment.Kind, string) (enrollment.Enrollment, error) {
	return enrollment.Enrollment{}, errBroken
}

// A store that fails must not look like an unknown device, which would not come back.
func TestAStoreThatFailsRefusesNobody(t *testing.T) {
	l := open(t, func(o *provisioning.Options) { o.Enrollments = lost{o.Enrollments} })
	if _, err := l.Attest(t.Context(), l.claim("dev-01", primaryKey)); !errors.Is(err, errBroken) {
		t.Errorf("%v", err)
	}
}
