package pki_test

import (
	"bytes"
	"crypto"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/pki"
)

func TestSavedAuthorityLoadsBack(t *testing.T) {
	root, intermediate := lab(t, false)
	for _, a := range []*pki.Authority{root, intermediate} {
		certs, key, err := a.Save()
		if err != nil {
			t.Fatal(err)
		}
		back, err := pki.Load(certs, key)
		if err != nil {
			t.Fatal(err)
		}
		if !back.Certificate.Equal(a.Certificate) || len(back.Chain) != len(a.Chain) {
			t.Errorf("%s came back as %s with a chain of %d", a.Certificate.Subject, back.Certificate.Subject, len(back.Chain))
		}
		if _, err := back.Device("dev-01", pki.Options{Now: now}); err != nil {
			t.Errorf("%s cannot sign after loading: %v", a.Certificate.Subject, err)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	root, intermediate := lab(t, false)
	rootCert, _, _ := root.Save()
	_, otherKey, _ := intermediate.Save()
	leaf, err := root.Device("dev-01", pki.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	leafKey, err := pki.MarshalKey(leaf.PrivateKey.(crypto.Signer))
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ certs, key []byte }{
		"another authority's key": {rootCert, otherKey},
		"a leaf":                  {pki.PEM(leaf.Leaf), leafKey},
		"no certificate":          {[]byte("hello"), otherKey},
		"no key":                  {rootCert, []byte("hello")},
		"a certificate for a key": {rootCert, rootCert},
	} {
		if _, err := pki.Load(tc.certs, tc.key); err == nil {
			t.Errorf("%s was loaded", name)
		}
	}
}

func TestKeyErrorsDoNotQuoteTheKey(t *testing.T) {
	const secret = "c2VjcmV0c2VjcmV0"
	_, err := pki.ParseKey([]byte("-----BEGIN PRIVATE KEY-----\n" + secret + "\n-----END PRIVATE KEY-----\n"))
	if err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), secret) {
		t.Fatalf("got %v", err)
	}
}

func FuzzParseCertificates(f *testing.F) {
	root, err := pki.NewRoot("root", pki.Options{Now: now, Rand: stream(1)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(pki.PEM(root.Certificate))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		certs, err := pki.ParseCertificates(text)
		if err != nil {
			return
		}
		again, err := pki.ParseCertificates(pki.PEM(certs...))
		if err != nil || len(again) != len(certs) || !bytes.Equal(again[0].Raw, certs[0].Raw) {
			t.Fatalf("written and read again: %v", err)
		}
	})
}

func FuzzParseKey(f *testing.F) {
	root, err := pki.NewRoot("root", pki.Options{Now: now, Rand: stream(1)})
	if err != nil {
		f.Fatal(err)
	}
	key, err := pki.MarshalKey(root.Key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(key)
	f.Add([]byte("-----BEGIN EC PRIVATE KEY-----\nMAA=\n-----END EC PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if key, err := pki.ParseKey(text); err == nil {
			if _, err := pki.MarshalKey(key); err != nil {
				t.Fatal(err)
			}
		}
	})
}
