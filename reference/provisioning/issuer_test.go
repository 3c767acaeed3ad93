package provisioning_test

import (
	"crypto/x509"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/provisioning"
)

func authority(t *testing.T, name string, above *pki.Authority) *pki.Authority {
	t.Helper()
	o := pki.Options{Now: noon}
	a, err := pki.NewRoot(name, o)
	if above != nil {
		a, err = above.Intermediate(name, o)
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// chain is what a server sees of a device that the authority issued a certificate to.
func chain(t *testing.T, a *pki.Authority, name string) []*x509.Certificate {
	t.Helper()
	c, err := a.Device(name, pki.Options{Now: noon})
	if err != nil {
		t.Fatal(err)
	}
	var list []*x509.Certificate
	for _, der := range c.Certificate {
		one, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, one)
	}
	return list
}

func (l *lab) presenting(id string, list ...*x509.Certificate) provisioning.Claim {
	return provisioning.Claim{RegistrationID: id, APIVersion: newVersion, Chain: list, PresentedAt: l.clock.Now()}
}

func certificates(f enrollment.X509Form, list ...*x509.Certificate) enrollment.Attestation {
	slots := make([]*enrollment.Certificate, 2)
	for i, c := range list {
		slots[i] = enrollment.NewCertificate(c)
	}
	return enrollment.Attestation{Type: dps.AttestationX509, X509: enrollment.X509{Form: f, Primary: slots[0], Secondary: slots[1]}}
}

func signedBy(id string, list ...*pki.Authority) enrollment.Enrollment {
	e := group(id)
	var signing []*x509.Certificate
	for _, a := range list {
		signing = append(signing, a.Certificate)
	}
	e.Attestation = certificates(enrollment.SigningCertificates, signing...)
	return e
}

func TestTheGroupOfTheNearestIssuerDecides(t *testing.T) {
	root := authority(t, "root", nil)
	plant := authority(t, "plant", root)
	line := authority(t, "line", plant)
	device := chain(t, line, "dev-01")
	byRoot, byPlant, byLine := signedBy("by-root", root), signedBy("by-plant", plant), signedBy("by-line", line)
	secondary := signedBy("by-line-later", authority(t, "new-line", nil), line)
	for _, c := range []struct {
		rule   string
		stored []enrollment.Enrollment
		want   string
	}{
		{"the root's, when it is the only one", []enrollment.Enrollment{byRoot}, "by-root"},
		{"an intermediate's before the root's", []enrollment.Enrollment{byRoot, byPlant}, "by-plant"},
		{"the leaf's own issuer's before all", []enrollment.Enrollment{byRoot, byPlant, byLine}, "by-line"},
		{"by its secondary certificate too", []enrollment.Enrollment{byRoot, secondary}, "by-line-later"},
		{"none of a foreign authority of the same name", []enrollment.Enrollment{
			byRoot, signedBy("imposter", authority(t, "line", nil)),
		}, "by-root"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			l := open(t)
			for _, e := range c.stored {
				l.enroll(e)
			}
			if a := l.attest(l.presenting("dev-01", device...)); a.Enrollment.ID != c.want || a.Disabled {
				t.Errorf("decided by %q", a.Enrollment.ID)
			}
		})
	}
}

func TestADisabledNearerGroupIsNotPassedOver(t *testing.T) {
	l := open(t)
	root := authority(t, "root", nil)
	line := authority(t, "line", root)
	l.enroll(signedBy("by-root", root))
	near := signedBy("by-line", line)
	near.Disabled = true
	l.enroll(near)
	if a := l.attest(l.presenting("dev-01", chain(t, line, "dev-01")...)); a.Enrollment.ID != "by-line" || !a.Disabled {
		t.Errorf("decided by %q, disabled %v", a.Enrollment.ID, a.Disabled)
	}
}

func TestChainsThatAreRefused(t *testing.T) {
	root := authority(t, "root", nil)
	line := authority(t, "line", root)
	device := chain(t, line, "dev-01")
	for _, c := range []struct {
		rule  string
		claim func(*lab) provisioning.Claim
	}{
		{"the intermediate is missing", func(l *lab) provisioning.Claim { return l.presenting("dev-01", device[0]) }},
		{"a foreign authority of the same names", func(l *lab) provisioning.Claim {
			return l.presenting("dev-01", chain(t, authority(t, "line", authority(t, "root", nil)), "dev-01")...)
		}},
		{"the leaf of another device", func(l *lab) provisioning.Claim { return l.presenting("dev-02", device...) }},
		{"the leaf has expired", func(l *lab) provisioning.Claim {
			c := l.presenting("dev-01", device...)
			c.PresentedAt = device[0].NotAfter.Add(time.Second)
			return c
		}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			l := open(t)
			l.enroll(signedBy("by-root", root))
			_, err := l.Attest(t.Context(), c.claim(l))
			refused(t, "the device", err, 401002)
		})
	}
}

func TestACertificateDoesNotPassForAKeyNorAKeyForACertificate(t *testing.T) {
	l := open(t)
	mine := chain(t, authority(t, "ca", nil), "by-cert")
	byCertificate := individual("by-cert")
	byCertificate.Attestation = certificates(enrollment.ClientCertificates, mine[0])
	l.enroll(byCertificate)
	l.enroll(individual("by-key"))
	_, err := l.Attest(t.Context(), l.claim("by-cert", primaryKey))
	refused(t, "a token for a certificate", err, 401002)
	_, err = l.Attest(t.Context(), l.presenting("by-key", chain(t, authority(t, "ca", nil), "by-key")...))
	refused(t, "a certificate for a key", err, 401002)
	l.attest(l.presenting("by-cert", mine...))
}
