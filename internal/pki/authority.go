package pki

import (
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
)

// Authority signs certificates.
type Authority struct {
	Certificate *x509.Certificate
	Key         crypto.Signer
	// Chain is what a certificate of this authority carries behind itself: the
	// authority's own certificate and its issuers upward, without the root. It is empty
	// for a root.
	Chain []*x509.Certificate
}

// NewRoot makes a self-signed authority.
func NewRoot(name string, o Options) (*Authority, error) {
	t, err := authorityTemplate(name, o, RootLifetime)
	if err != nil {
		return nil, err
	}
	cert, key, err := issue(t, nil, o)
	if err != nil {
		return nil, err
	}
	return &Authority{Certificate: cert, Key: key}, nil
}

// Intermediate makes an authority below a.
func (a *Authority) Intermediate(name string, o Options) (*Authority, error) {
	t, err := authorityTemplate(name, o, IntermediateLifetime)
	if err != nil {
		return nil, err
	}
	cert, key, err := issue(t, a, o)
	if err != nil {
		return nil, err
	}
	return &Authority{Certificate: cert, Key: key, Chain: append([]*x509.Certificate{cert}, a.Chain...)}, nil
}

// Server makes a server's certificate for names and addresses, with its chain. The
// first name, where there is one, is also the subject.
func (a *Authority) Server(names []string, ips []net.IP, o Options) (tls.Certificate, error) {
	if len(names)+len(ips) == 0 {
		return tls.Certificate{}, fmt.Errorf("pki: a server certificate needs a name or an address")
	}
	subject := "dpslab server"
	if len(names) > 0 && len(names[0]) <= 64 {
		subject = names[0]
	}
	t, err := template(subject, o, LeafLifetime)
	if err != nil {
		return tls.Certificate{}, err
	}
	t.DNSNames, t.IPAddresses = names, ips
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	t.KeyUsage = x509.KeyUsageDigitalSignature
	if o.RSA {
		t.KeyUsage |= x509.KeyUsageKeyEncipherment
	}
	return a.leaf(t, o)
}

// Device makes a device's certificate with its chain up to but without the root.
func (a *Authority) Device(commonName string, o Options) (tls.Certificate, error) {
	t, err := deviceTemplate(commonName, o)
	if err != nil {
		return tls.Certificate{}, err
	}
	return a.leaf(t, o)
}

// SelfSigned makes a device's certificate that no authority signed.
func SelfSigned(commonName string, o Options) (tls.Certificate, error) {
	t, err := deviceTemplate(commonName, o)
	if err != nil {
		return tls.Certificate{}, err
	}
	cert, key, err := issue(t, nil, o)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tlsCertificate(cert, key, nil), nil
}

func (a *Authority) leaf(t *x509.Certificate, o Options) (tls.Certificate, error) {
	cert, key, err := issue(t, a, o)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tlsCertificate(cert, key, a.Chain), nil
}

// issue gives t a key, a serial and a signature: its own when issuer is nil.
func issue(t *x509.Certificate, issuer *Authority, o Options) (*x509.Certificate, crypto.Signer, error) {
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	key, err := NewKey(o)
	if err != nil {
		return nil, nil, err
	}
	if t.SerialNumber, err = newSerial(o.Rand); err != nil {
		return nil, nil, err
	}
	if t.SubjectKeyId, err = keyID(key.Public()); err != nil {
		return nil, nil, err
	}
	parent, signer := t, key
	if issuer != nil {
		parent, signer = issuer.Certificate, issuer.Key
	}
	der, err := x509.CreateCertificate(rand.Reader, t, parent, key.Public(), deterministic{signer})
	if err != nil {
		return nil, nil, fmt.Errorf("pki: sign %q: %w", t.Subject.CommonName, err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, fmt.Errorf("pki: %q does not parse back: %w", t.Subject.CommonName, err)
	}
	return cert, key, nil
}

// deterministic signs without randomness: RFC 6979 for ECDSA, PKCS #1 v1.5 for RSA.
type deterministic struct{ crypto.Signer }

func (d deterministic) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return d.Signer.Sign(nil, digest, opts)
}
