// Package pki makes the certificates of a lab: roots, intermediates, server chains and
// device leafs. It belongs to neither half: servers take chains from it, the simulator
// takes identities, and neither takes a verdict.
//
// Everything is a function of its arguments. Time comes from Options.Now, keys and
// serials from Options.Rand, and ECDSA signatures are the deterministic ones of RFC 6979,
// so that two processes which derive the same device from the same seed hold the same
// certificate with the same thumbprint.
package pki

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"time"
)

// Lifetimes that an Options without one gives.
const (
	RootLifetime         = 10 * 365 * 24 * time.Hour
	IntermediateLifetime = 5 * 365 * 24 * time.Hour
	LeafLifetime         = 365 * 24 * time.Hour
)

// Backdate is how long before Options.Now a certificate is already valid, so that a
// board whose clock runs late still accepts it.
const Backdate = time.Hour

// Options say what a certificate is made of. Now is required.
type Options struct {
	Now      time.Time     // the certificate is valid from Backdate before Now …
	Lifetime time.Duration // … until Now + Lifetime; zero is the default of its kind
	RSA      bool          // an RSA 2048 key instead of ECDSA P-256
	Key      crypto.Signer // use this key instead of a new one; RSA must tell its kind
	// Rand gives key and serial; nil is crypto/rand. A P-256 key takes its scalar from
	// the first bytes of Rand, so a fixed stream gives a fixed key. An RSA key does not.
	Rand io.Reader
	// Permitted are name constraints for a root or an intermediate, nil for none.
	Permitted *NameConstraints
}

// NameConstraints are the only names and addresses that certificates under an authority
// may carry. They are marked critical.
type NameConstraints struct {
	DNS []string // a name permits itself and everything below it
	IP  []*net.IPNet
}

// LabConstraints keep a lab's authority, once a machine trusts it, from vouching for
// anything but the names and addresses of a lab: the service's and hubs' domains,
// localhost, loopback, and the ranges that containers are numbered from.
func LabConstraints() *NameConstraints {
	c := &NameConstraints{DNS: []string{
		"azure-devices-provisioning.net", "azure-devices.net", "servicebus.windows.net", "localhost",
	}}
	for _, cidr := range []string{"127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"} {
		_, n, err := net.ParseCIDR(cidr)
		if err != nil {
			panic(err) // the literals above
		}
		c.IP = append(c.IP, n)
	}
	return c
}

// validity returns the first and last moment of a certificate made with o.
func (o Options) validity(byDefault time.Duration) (notBefore, notAfter time.Time, err error) {
	if o.Now.IsZero() {
		return notBefore, notAfter, fmt.Errorf("pki: options without Now; pass the clock's time")
	}
	lifetime := o.Lifetime
	if lifetime == 0 {
		lifetime = byDefault
	}
	now := o.Now.UTC().Truncate(time.Second)
	return now.Add(-Backdate), now.Add(lifetime), nil
}

// authorityTemplate is a certificate that may sign others.
func authorityTemplate(name string, o Options, byDefault time.Duration) (*x509.Certificate, error) {
	t, err := template(name, o, byDefault)
	if err != nil {
		return nil, err
	}
	t.IsCA = true
	t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature
	if p := o.Permitted; p != nil {
		t.PermittedDNSDomainsCritical = true
		t.PermittedDNSDomains, t.PermittedIPRanges = p.DNS, p.IP
	}
	return t, nil
}

// deviceTemplate is the leaf of a device. Its subject's common name is the registration
// id (device-api.md 6). It carries no alternative name: the C# client would take a DNS
// name there for the registration id.
func deviceTemplate(commonName string, o Options) (*x509.Certificate, error) {
	t, err := template(commonName, o, LeafLifetime)
	if err != nil {
		return nil, err
	}
	t.KeyUsage = x509.KeyUsageDigitalSignature
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return t, nil
}

func template(commonName string, o Options, byDefault time.Duration) (*x509.Certificate, error) {
	notBefore, notAfter, err := o.validity(byDefault)
	if err != nil {
		return nil, err
	}
	if len(commonName) > 64 {
		return nil, fmt.Errorf("pki: common name %q has %d characters; X.509 allows 64", commonName, len(commonName))
	}
	return &x509.Certificate{
		Subject:               pkix.Name{CommonName: commonName},
		NotBefore:             notBefore,
		NotAfter:              notAfter,
		BasicConstraintsValid: true,
	}, nil
}

// newSerial draws a positive serial of at most 127 bits.
func newSerial(r io.Reader) (*big.Int, error) {
	b := make([]byte, 16)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, fmt.Errorf("pki: serial: %w", err)
	}
	b[0] &= 0x7f
	b[15] |= 1 // never zero
	return new(big.Int).SetBytes(b), nil
}

// tlsCertificate joins a leaf, its key and what stands between it and the root.
func tlsCertificate(leaf *x509.Certificate, key any, chain []*x509.Certificate) tls.Certificate {
	c := tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
	for _, issuer := range chain {
		c.Certificate = append(c.Certificate, issuer.Raw)
	}
	return c
}
