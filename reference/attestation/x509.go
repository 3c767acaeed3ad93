package attestation

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"slices"
	"strings"

	"github.com/dpslab/dpslab/reference/enrollment"
)

// ClientCertificate judges a certificate that must be one of the enrolled leaves. It may
// be self-signed: its issuer does not matter.
func (j Judge) ClientCertificate(ctx context.Context, p Proof, enrolled []*enrollment.Certificate) Reason {
	v := Verdict{Proof: p, Reason: judgeLeaf(p)}
	if v.Reason == Accepted && !slices.ContainsFunc(enrolled, func(c *enrollment.Certificate) bool { return same(c.Raw, p.Chain[0].Raw) }) {
		v.Reason = NotEnrolled
	}
	return j.give(ctx, v)
}

// Issuer judges a chain that must lead to the signing certificate. Only the certificates
// that the device presented are used on the way.
func (j Judge) Issuer(ctx context.Context, p Proof, signing *enrollment.Certificate) Reason {
	v := Verdict{Proof: p, Reason: judgeLeaf(p)}
	if v.Reason == Accepted && !leadsTo(p, signing) {
		v.Reason = Untrusted
	}
	return j.give(ctx, v)
}

// Foreign gives the verdict on a chain that no enrollment speaks of.
func (j Judge) Foreign(ctx context.Context, p Proof) Reason {
	return j.give(ctx, Verdict{Proof: p, Reason: Untrusted})
}

func judgeLeaf(p Proof) Reason {
	if len(p.Chain) == 0 {
		return NoCredential
	}
	leaf := p.Chain[0]
	switch {
	case p.At.Before(leaf.NotBefore) || p.At.After(leaf.NotAfter):
		return Expired
	case !named(leaf, p.RegistrationID):
		return WrongName
	}
	return Accepted
}

// named reports whether the registration id is the leaf's common name, or a DNS name of
// it, which is what the C# SDK takes first (device-api.md 6).
func named(leaf *x509.Certificate, registrationID string) bool {
	return strings.EqualFold(leaf.Subject.CommonName, registrationID) ||
		slices.ContainsFunc(leaf.DNSNames, func(n string) bool { return strings.EqualFold(n, registrationID) })
}

func leadsTo(p Proof, signing *enrollment.Certificate) bool {
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(signing.Certificate)
	for _, c := range p.Chain[1:] {
		between.AddCert(c)
	}
	_, err := p.Chain[0].Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: p.At,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	return err == nil
}

func same(a, b []byte) bool {
	x, y := sha256.Sum256(a), sha256.Sum256(b)
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
