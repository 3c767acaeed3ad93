package storetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/reference/enrollment"
)

func symmetricKeyGroups(t *testing.T, s enrollment.Store) {
	keys := record("", "").Attestation
	disabled := group("disabled", "1", keys)
	disabled.Disabled = true
	create(t, s, disabled, group("keys", "2", keys), record("individual", "3"),
		group("certificates", "4", x509Attestation(enrollment.SigningCertificates, certificate(t, "ca"), nil)))
	found := func() []string {
		list, err := s.SymmetricKeyGroups(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := ids(list)
		slices.Sort(got)
		return got
	}
	if got := found(); !slices.Equal(got, []string{"disabled", "keys"}) {
		t.Errorf("groups with keys, disabled ones too: %q", got)
	}
	fails(t, "replace", s.Replace(t.Context(), group("keys", "5", x509Attestation(enrollment.SigningCertificates, certificate(t, "ca"), nil)), "2"), nil)
	if got := found(); !slices.Equal(got, []string{"disabled"}) {
		t.Errorf("after one took certificates instead: %q", got)
	}
}

func signingGroups(t *testing.T, s enrollment.Store) {
	one, two, twin := certificate(t, "ca-1"), certificate(t, "ca-2"), certificate(t, "ca-1")
	create(t, s,
		group("primary", "1", x509Attestation(enrollment.SigningCertificates, one, nil)),
		group("secondary", "2", x509Attestation(enrollment.SigningCertificates, two, one)),
		group("same-name", "3", x509Attestation(enrollment.SigningCertificates, twin, nil)),
		group("other", "4", x509Attestation(enrollment.SigningCertificates, two, nil)),
		group("keys", "5", record("", "").Attestation))
	leaf := record("leaf", "6")
	leaf.Attestation = x509Attestation(enrollment.ClientCertificates, one, nil)
	create(t, s, leaf)
	found := func(subject []byte) []string {
		list, err := s.SigningGroups(t.Context(), subject)
		if err != nil {
			t.Fatal(err)
		}
		got := ids(list)
		slices.Sort(got)
		return got
	}
	// Which of them signed is for attestation to find out: a name proves nothing.
	if got := found(one.RawSubject); !slices.Equal(got, []string{"primary", "same-name", "secondary"}) {
		t.Errorf("groups by the subject in either slot: %q", got)
	}
	if got := found(certificate(t, "ca-3").RawSubject); len(got) != 0 {
		t.Errorf("groups of an unknown subject: %q", got)
	}
	fails(t, "delete", s.Delete(t.Context(), enrollment.Group, "primary", ""), nil)
	fails(t, "replace", s.Replace(t.Context(), group("secondary", "7", x509Attestation(enrollment.SigningCertificates, two, nil)), "2"), nil)
	if got := found(one.RawSubject); !slices.Equal(got, []string{"same-name"}) {
		t.Errorf("after a delete and a replace: %q", got)
	}
}

func x509Attestation(f enrollment.X509Form, primary, secondary *enrollment.Certificate) enrollment.Attestation {
	return enrollment.Attestation{Type: dps.AttestationX509, X509: enrollment.X509{Form: f, Primary: primary, Secondary: secondary}}
}

// certificate is self-signed and new each time, with this common name.
func certificate(t *testing.T, name string) *enrollment.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: day, NotAfter: day.Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return enrollment.NewCertificate(c)
}
