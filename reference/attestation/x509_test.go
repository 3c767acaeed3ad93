package attestation_test

import (
	"crypto/tls"
	"crypto/x509"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/reference/attestation"
	"github.com/dpslab/dpslab/reference/enrollment"
)

var options = pki.Options{Now: noon}

func self(t testing.TB, name string) tls.Certificate {
	t.Helper()
	c, err := pki.SelfSigned(name, options)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// authority is a root, or one below the authority above.
func authority(t testing.TB, name string, above *pki.Authority) *pki.Authority {
	t.Helper()
	a, err := pki.NewRoot(name, options)
	if above != nil {
		a, err = above.Intermediate(name, options)
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func leaf(t testing.TB, a *pki.Authority, name string) tls.Certificate {
	t.Helper()
	c, err := a.Device(name, options)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// chain is what a server sees of a client that presents c.
func chain(t testing.TB, c tls.Certificate) []*x509.Certificate {
	t.Helper()
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

func presenting(list ...*x509.Certificate) attestation.Proof {
	return attestation.Proof{RegistrationID: device, Chain: list, At: noon}
}

func at(now time.Time, p attestation.Proof) attestation.Proof {
	p.At = now
	return p
}

func as(registrationID string, p attestation.Proof) attestation.Proof {
	p.RegistrationID = registrationID
	return p
}

func TestClientCertificate(t *testing.T) {
	mine, second, stranger := chain(t, self(t, device))[0], chain(t, self(t, device))[0], chain(t, self(t, device))[0]
	issued := chain(t, leaf(t, authority(t, "ca", nil), device))[0]
	enrolled := []*enrollment.Certificate{enrollment.NewCertificate(mine), enrollment.NewCertificate(second), enrollment.NewCertificate(issued)}
	for _, c := range []struct {
		rule  string
		proof attestation.Proof
		want  attestation.Reason
	}{
		{"the primary one", presenting(mine), attestation.Accepted},
		{"the secondary one", presenting(second), attestation.Accepted},
		{"one whose issuer nobody knows", presenting(issued), attestation.Accepted},
		{"with others behind it", presenting(mine, stranger), attestation.Accepted},
		{"the id in another case", as("DEV-01", presenting(mine)), attestation.Accepted},
		{"none", presenting(), attestation.NoCredential},
		{"one that is not enrolled", presenting(stranger), attestation.NotEnrolled},
		{"an enrolled one behind another", presenting(stranger, mine), attestation.NotEnrolled},
		{"one of another name", as("dev-02", presenting(mine)), attestation.WrongName},
		{"to its last second", at(mine.NotAfter, presenting(mine)), attestation.Accepted},
		{"when it has expired", at(mine.NotAfter.Add(time.Second), presenting(mine)), attestation.Expired},
		{"before it is valid", at(mine.NotBefore.Add(-time.Second), presenting(mine)), attestation.Expired},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := (attestation.Judge{}).ClientCertificate(t.Context(), c.proof, enrolled); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

func TestIssuer(t *testing.T) {
	root := authority(t, "root", nil)
	plant := authority(t, "plant", root)
	line := authority(t, "line", plant)
	foreignLine := authority(t, "line", authority(t, "plant", authority(t, "root", nil)))

	direct, deep := chain(t, leaf(t, root, device)), chain(t, leaf(t, line, device))
	foreign := chain(t, leaf(t, foreignLine, device))
	if len(deep) != 3 {
		t.Fatalf("a chain of %d below two intermediates", len(deep))
	}
	for _, c := range []struct {
		rule    string
		proof   attestation.Proof
		signing *pki.Authority
		want    attestation.Reason
	}{
		{"issued by it", presenting(direct...), root, attestation.Accepted},
		{"through the intermediates that came along", presenting(deep...), root, attestation.Accepted},
		{"through them in another order", presenting(deep[0], deep[2], deep[1]), root, attestation.Accepted},
		{"an intermediate that is enrolled itself", presenting(deep...), plant, attestation.Accepted},
		{"the nearest one, with nothing behind the leaf", presenting(deep[0]), line, attestation.Accepted},
		{"the nearest intermediate left out", presenting(deep[0], deep[2]), root, attestation.Untrusted},
		{"the upper intermediate left out", presenting(deep[0], deep[1]), root, attestation.Untrusted},
		{"all intermediates left out", presenting(deep[0]), root, attestation.Untrusted},
		{"a foreign authority of the same names", presenting(foreign...), root, attestation.Untrusted},
		{"a foreign chain with a true intermediate behind it", presenting(append(foreign, deep[1:]...)...), line, attestation.Untrusted},
		{"an authority beside it", presenting(deep...), authority(t, "root", nil), attestation.Untrusted},
		{"self-signed", presenting(chain(t, self(t, device))...), root, attestation.Untrusted},
		{"none", presenting(), root, attestation.NoCredential},
		{"a leaf of another name", as("dev-02", presenting(deep...)), root, attestation.WrongName},
		{"an intermediate of the device's name", as("line", presenting(deep...)), root, attestation.WrongName},
		{"when the leaf has expired", at(direct[0].NotAfter.Add(time.Second), presenting(direct...)), root, attestation.Expired},
		{"when the signing certificate has expired", at(root.Certificate.NotAfter.Add(time.Second), presenting(eternal(t, root)...)), root, attestation.Untrusted},
	} {
		t.Run(c.rule, func(t *testing.T) {
			signing := enrollment.NewCertificate(c.signing.Certificate)
			if got := (attestation.Judge{}).Issuer(t.Context(), c.proof, signing); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// eternal is a leaf that outlives its issuer.
func eternal(t testing.TB, a *pki.Authority) []*x509.Certificate {
	t.Helper()
	c, err := a.Device(device, pki.Options{Now: noon, Lifetime: 100 * 365 * 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return chain(t, c)
}

func TestTheNameMayBeADNSName(t *testing.T) {
	c, err := authority(t, "ca", nil).Server([]string{"another", "dev-01.example"}, nil, options)
	if err != nil {
		t.Fatal(err)
	}
	leaf := chain(t, c)[0]
	enrolled := []*enrollment.Certificate{enrollment.NewCertificate(leaf)}
	for id, want := range map[string]attestation.Reason{
		"another": attestation.Accepted, "Dev-01.example": attestation.Accepted, "dev-01": attestation.WrongName,
	} {
		if got := (attestation.Judge{}).ClientCertificate(t.Context(), as(id, presenting(leaf)), enrolled); got != want {
			t.Errorf("as %q: %s, want %s", id, got, want)
		}
	}
}
