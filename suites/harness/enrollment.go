package harness

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"maps"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/simulator/tpm"
)

// Members are members of a JSON record, as in {"provisioningStatus": "disabled"}.
type Members = map[string]any

// merged is a record of several sets of members; the later ones win.
func merged(sets ...Members) Members {
	record := Members{}
	for _, m := range sets {
		maps.Copy(record, m)
	}
	return record
}

// SymmetricKeys is the attestation of an individual enrollment or a group by keys.
func SymmetricKeys(primary, secondary []byte) Members {
	return Members{"attestation": Members{"type": "symmetricKey", "symmetricKey": Members{
		"primaryKey": base64Of(primary), "secondaryKey": base64Of(secondary),
	}}}
}

// ClientCertificates is the attestation of an individual enrollment by the primary and,
// where there is one, the secondary leaf.
func ClientCertificates(leaves ...*x509.Certificate) Members {
	return Members{"attestation": Members{"type": "x509", "x509": Members{"clientCertificates": certificates(leaves)}}}
}

// SigningCertificates is the attestation of a group by the certificates that sign its
// devices', primary and secondary.
func SigningCertificates(authorities ...*x509.Certificate) Members {
	return Members{"attestation": Members{"type": "x509", "x509": Members{"signingCertificates": certificates(authorities)}}}
}

// EndorsementKey is the attestation of an individual enrollment by a TPM, whose endorsement
// key is a TPM2B_PUBLIC.
func EndorsementKey(public []byte) Members {
	return Members{"attestation": Members{"type": "tpm", "tpm": Members{"endorsementKey": base64Of(public)}}}
}

func certificates(list []*x509.Certificate) Members {
	slots := Members{}
	for i, name := range []string{"primary", "secondary"} {
		if i < len(list) {
			slots[name] = Members{"certificate": string(pki.PEM(list[i]))}
		}
	}
	return slots
}

// Key returns a new symmetric key of 64 bytes, the service's own length.
func Key() []byte {
	key := make([]byte, 64)
	rand.Read(key)
	return key
}

// Leaf is the certificate of a device's identity.
func Leaf(c tls.Certificate) *x509.Certificate {
	if c.Leaf != nil {
		return c.Leaf
	}
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		panic("a certificate that does not parse: " + err.Error())
	}
	return leaf
}

// Thumbprint is the SHA-256 of a leaf in the upper-case hex of hubs.
func Thumbprint(c tls.Certificate) string {
	return fmt.Sprintf("%X", sha256.Sum256(c.Certificate[0]))
}

// Enroll makes an individual enrollment and returns its record as the PUT answered it.
// Members without registrationId get a new one.
func (s *Service) Enroll(ctx context.Context, t *T, members ...Members) Members {
	extra := merged(members...)
	return s.enroll(ctx, t, wanted{kind: Individual, extra: extra, full: merged(Members{"registrationId": t.Name()}, extra)}).record
}

// EnrollGroup makes an enrollment group and returns its record as the PUT answered it.
// Members without enrollmentGroupId get a new one.
func (s *Service) EnrollGroup(ctx context.Context, t *T, members ...Members) Members {
	extra := merged(members...)
	return s.enroll(ctx, t, wanted{kind: OfGroup, extra: extra, full: merged(Members{"enrollmentGroupId": t.Name()}, extra)}).record
}

// SymmetricKeyDevice is a device with an individual enrollment by symmetric keys.
func (s *Service) SymmetricKeyDevice(ctx context.Context, t *T, members ...Members) *Device {
	primary, secondary, extra := Key(), Key(), merged(members...)
	e := s.enroll(ctx, t, wanted{
		kind: Individual, auth: "symmetric-key", extra: extra,
		full: merged(Members{"registrationId": t.Name()}, SymmetricKeys(primary, secondary), extra),
	})
	d := s.device(t, e.record["registrationId"])
	d.Record, d.Primary, d.Secondary = e.record, or(e.primary, primary), or(e.secondary, secondary)
	d.Key = d.Primary
	return d
}

// X509Device is a device with an individual enrollment by its self-signed certificate.
func (s *Service) X509Device(ctx context.Context, t *T, members ...Members) *Device {
	id, extra := t.Name(), merged(members...)
	leaf := t.SelfSigned(s.env, id)
	e := s.enroll(ctx, t, wanted{
		kind: Individual, auth: "x509", extra: extra,
		full: merged(Members{"registrationId": id}, ClientCertificates(Leaf(leaf)), extra),
	})
	d := s.device(t, e.record["registrationId"])
	if d.Record, d.Certificate = e.record, e.certificate; d.Certificate == nil {
		d.Certificate = &leaf
	}
	return d
}

// storageRoot is the storage root key of every emulated TPM: the service does not look at
// it, and each key takes a tenth of a second.
var storageRoot = tpm.NewStorageRoot(Key())

// TPM is a new emulated TPM, with an endorsement key of its own.
func TPM() devwire.TPM { return tpm.NewUnder(storageRoot, Key()) }

// ReownedTPM is one emulated TPM twice: the endorsement key is the same, and the storage
// root key another, as after its owner was cleared.
func ReownedTPM() (before, after devwire.TPM) {
	seed := Key()
	return tpm.NewUnder(storageRoot, seed), tpm.NewUnder(tpm.NewStorageRoot(seed), seed)
}

// TPMDevice is a device with an individual enrollment by the endorsement key of an emulated
// TPM.
func (s *Service) TPMDevice(ctx context.Context, t *T, members ...Members) *Device {
	module, extra := TPM(), merged(members...)
	key, err := module.EndorsementKey()
	t.Must(err, "make a tpm")
	e := s.enroll(ctx, t, wanted{
		kind: Individual, auth: "tpm", extra: extra,
		full: merged(Members{"registrationId": t.Name()}, EndorsementKey(key), extra),
	})
	d := s.device(t, e.record["registrationId"])
	d.Record, d.TPM = e.record, module
	return d
}

// Group is an enrollment group that this check made.
type Group struct {
	ID                 string
	Record             Members        // as the PUT answered it
	Primary, Secondary []byte         // symmetric keys
	Authority          *pki.Authority // signs the devices of an X.509 group

	service *Service
}

// SymmetricKeyGroup is a group whose devices derive their keys.
func (s *Service) SymmetricKeyGroup(ctx context.Context, t *T, members ...Members) *Group {
	g, extra := &Group{Primary: Key(), Secondary: Key(), service: s}, merged(members...)
	e := s.enroll(ctx, t, wanted{
		kind: OfGroup, auth: "symmetric-key", extra: extra,
		full: merged(Members{"enrollmentGroupId": t.Name()}, SymmetricKeys(g.Primary, g.Secondary), extra),
	})
	g.Record, g.Primary, g.Secondary = e.record, or(e.primary, g.Primary), or(e.secondary, g.Secondary)
	g.ID, _ = g.Record["enrollmentGroupId"].(string)
	return g
}

// X509Group is a group whose devices' certificates are signed by a root of its own.
func (s *Service) X509Group(ctx context.Context, t *T, members ...Members) *Group {
	g, extra := &Group{Authority: t.Authority(s.env), service: s}, merged(members...)
	e := s.enroll(ctx, t, wanted{
		kind: OfGroup, auth: "x509", extra: extra,
		full: merged(Members{"enrollmentGroupId": t.Name()}, SigningCertificates(g.Authority.Certificate), extra),
	})
	if g.Record = e.record; e.authority != nil {
		g.Authority = e.authority
	}
	g.ID, _ = g.Record["enrollmentGroupId"].(string)
	return g
}

// Device is a new device of the group, with its derived key or a leaf of its authority.
func (g *Group) Device(t *T) *Device {
	d := g.service.device(t, t.Name())
	d.Record = g.Record
	if g.Authority != nil {
		leaf, err := g.Authority.Device(d.RegistrationID, pki.Options{Now: g.service.env.Wire.Clock.Now()})
		t.Must(err, "make a device certificate")
		d.Certificate = &leaf
		return d
	}
	d.Primary = devwire.DeriveKey(g.Primary, d.RegistrationID)
	d.Secondary = devwire.DeriveKey(g.Secondary, d.RegistrationID)
	d.Key = d.Primary
	return d
}

// SelfSigned makes a device certificate that no authority signed.
func (t *T) SelfSigned(env *Env, commonName string) tls.Certificate {
	leaf, err := pki.SelfSigned(commonName, pki.Options{Now: env.Wire.Clock.Now()})
	t.Must(err, "make a device certificate")
	return leaf
}

// Authority makes an authority that signs device certificates: a root, or at a target that
// names a verified CA one that this CA has issued. Devices present the verified CA as well
// (service-api.md 4.1 item 4).
func (t *T) Authority(env *Env) *pki.Authority {
	if ca := env.verifiedCA; ca != nil {
		a, err := ca.Intermediate(t.Name(), pki.Options{Now: env.Wire.Clock.Now()})
		t.Must(err, "make a certificate authority below the verified one")
		if len(ca.Chain) == 0 {
			a.Chain = append(a.Chain, ca.Certificate) // which a root leaves out
		}
		return a
	}
	root, err := pki.NewRoot(t.Name(), pki.Options{Now: env.Wire.Clock.Now()})
	t.Must(err, "make a certificate authority")
	return root
}
