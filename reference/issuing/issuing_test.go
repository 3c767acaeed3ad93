package issuing_test

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/reference/issuing"
)

func TestAnIssuedChainVerifiesForTheRequestsKey(t *testing.T) {
	now := time.Date(2030, 1, 2, 12, 0, 0, 0, time.UTC)
	key, err := pki.NewP256(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "whoever"}}, key)
	if err != nil {
		t.Fatal(err)
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		t.Fatal(err)
	}
	a := issuing.New("demo")
	chain, err := a.Issue(csr, "dev-01", now)
	if err != nil || len(chain) != 3 {
		t.Fatalf("%d certificates, %v", len(chain), err)
	}
	leaf := chain[0]
	if leaf.Subject.CommonName != "dev-01" || !key.PublicKey.Equal(leaf.PublicKey) || leaf.IsCA {
		t.Errorf("the leaf is for %q, an authority: %v", leaf.Subject.CommonName, leaf.IsCA)
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	between.AddCert(chain[1])
	roots.AddCert(chain[2])
	for days, good := range map[int]bool{0: true, 29: true, 31: false} {
		_, err := leaf.Verify(x509.VerifyOptions{
			Roots: roots, Intermediates: between, CurrentTime: now.AddDate(0, 0, days), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		})
		if (err == nil) != good {
			t.Errorf("after %d days: %v", days, err)
		}
	}
	again, err := a.Issue(csr, "dev-01", now)
	if err != nil || again[0].SerialNumber.Cmp(leaf.SerialNumber) == 0 || !again[2].Equal(chain[2]) {
		t.Errorf("issued again: %v, under the same root: %v", err, again[2].Equal(chain[2]))
	}
}

// A certificate for a server has the names of its request, which the one for a hub has not.
func TestAServersCertificateHasTheRequestsNames(t *testing.T) {
	now := time.Date(2030, 1, 2, 12, 0, 0, 0, time.UTC)
	key, err := pki.NewP256(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: "gateway"}, DNSNames: []string{"gateway.plant.example"},
	}, key)
	if err != nil {
		t.Fatal(err)
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		t.Fatal(err)
	}
	chain, err := issuing.New("demo").IssueServer(csr, now)
	if err != nil || len(chain) != 3 {
		t.Fatalf("%d certificates, %v", len(chain), err)
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	between.AddCert(chain[1])
	roots.AddCert(chain[2])
	for usage, good := range map[x509.ExtKeyUsage]bool{x509.ExtKeyUsageServerAuth: true, x509.ExtKeyUsageClientAuth: false} {
		_, err := chain[0].Verify(x509.VerifyOptions{
			Roots: roots, Intermediates: between, CurrentTime: now, DNSName: "gateway.plant.example", KeyUsages: []x509.ExtKeyUsage{usage},
		})
		if (err == nil) != good {
			t.Errorf("usage %v: %v", usage, err)
		}
	}
}
