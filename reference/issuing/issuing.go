// Package issuing is the authority of a service that signs certificates for its devices
// (device-api.md 7). It is a lab's: its keys live as long as the process.
package issuing

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"sync"
	"time"

	"github.com/dpslab/dpslab/internal/pki"
)

// lifetime of an issued certificate: policies allow 1 to 90 days (device-api.md 7).
const lifetime = 30 * 24 * time.Hour

// backdate covers devices whose clock is behind.
const backdate = 5 * time.Minute

// Authority issues below an intermediate, which it makes at its first use.
type Authority struct {
	name string
	once sync.Once
	root *pki.Authority
	ca   *pki.Authority
	err  error
}

// New returns the authority of the service with that name.
func New(service string) *Authority { return &Authority{name: service} }

func (a *Authority) open(now time.Time) error {
	a.once.Do(func() {
		if a.root, a.err = pki.NewRoot(a.name+" credentials root", pki.Options{Now: now}); a.err != nil {
			return
		}
		a.ca, a.err = a.root.Intermediate(a.name+" credentials", pki.Options{Now: now})
	})
	return a.err
}

// Issue signs the request's key for a device's name. It returns the leaf, the issuing
// authority and the root. Whose request it is, is for the caller to judge.
func (a *Authority) Issue(csr *x509.CertificateRequest, commonName string, now time.Time) ([]*x509.Certificate, error) {
	return a.sign(csr, now, &x509.Certificate{
		Subject: pkix.Name{CommonName: commonName}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
}

// IssueServer signs the request's key for the subject and the names in it.
func (a *Authority) IssueServer(csr *x509.CertificateRequest, now time.Time) ([]*x509.Certificate, error) {
	return a.sign(csr, now, &x509.Certificate{
		Subject: csr.Subject, DNSNames: csr.DNSNames, IPAddresses: csr.IPAddresses,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
}

func (a *Authority) sign(csr *x509.CertificateRequest, now time.Time, t *x509.Certificate) ([]*x509.Certificate, error) {
	if err := a.open(now); err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	t.SerialNumber, t.NotBefore, t.NotAfter = serial, now.Add(-backdate), now.Add(lifetime)
	t.BasicConstraintsValid, t.KeyUsage = true, x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, t, a.ca.Certificate, csr.PublicKey, a.ca.Key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return []*x509.Certificate{leaf, a.ca.Certificate, a.root.Certificate}, nil
}
