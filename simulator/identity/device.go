package identity

import (
	"crypto/tls"
	"fmt"
	"io"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/simulator/tpm"
)

// Device is one device of a fleet. It holds no secret itself: each is derived when asked
// for.
type Device struct {
	Index          int
	RegistrationID string
	fleet          *Fleet
	rolled         bool
}

// Rolled is the same device with its second key or certificate.
func (d Device) Rolled() Device {
	d.rolled = true
	return d
}

// purpose is what a secret of the device is derived for.
func (d Device) purpose(what string) string {
	if d.rolled {
		what = "secondary " + what
	}
	return what + " " + d.RegistrationID
}

// Key is the device's key in an individual enrollment, 64 bytes.
func (d Device) Key() []byte { return d.fleet.derive(d.purpose("device key"), deviceKeyBytes) }

// DerivedKey is the device's key in the fleet's symmetric-key enrollment group.
func (d Device) DerivedKey() []byte {
	if d.rolled {
		return devwire.DeriveKey(d.fleet.SecondaryGroupKey(), d.RegistrationID)
	}
	return devwire.DeriveKey(d.fleet.GroupKey(), d.RegistrationID)
}

// Certificate is the device's ECDSA P-256 certificate, with its key and with the chain up
// to but without the root. Making it takes well under a millisecond, and it is not kept.
func (d Device) Certificate() (tls.Certificate, error) {
	f := d.fleet
	issuer, err := f.Intermediate(f.depth(), d.Index%f.branches())
	if err != nil {
		return tls.Certificate{}, err
	}
	return issuer.Device(d.RegistrationID, f.options(d.purpose("certificate")))
}

// TPM is the device's TPM, which is emulated. The whole fleet shares one storage root key.
// Making the endorsement key takes a tenth of a second, and it is not kept.
func (d Device) TPM() *tpm.Emulated {
	return tpm.NewUnder(d.fleet.storageRoot(), d.fleet.derive("tpm "+d.RegistrationID, tpmSeedBytes))
}

const tpmSeedBytes = 32

// ByTPM is the device as it presents itself under a TPM enrollment.
func (d Device) ByTPM() devwire.Identity {
	id := d.identity(nil)
	id.TPM = d.TPM()
	return id
}

// ByKey is the device as it presents itself under an individual symmetric-key enrollment.
func (d Device) ByKey() devwire.Identity { return d.identity(d.Key()) }

// ByGroupKey is the device as it presents itself under the symmetric-key group.
func (d Device) ByGroupKey() devwire.Identity { return d.identity(d.DerivedKey()) }

// ByCertificate is the device as it presents itself under an X.509 enrollment.
func (d Device) ByCertificate() (devwire.Identity, error) {
	certificate, err := d.Certificate()
	id := d.identity(nil)
	id.Certificate = &certificate
	return id, err
}

func (d Device) identity(key []byte) devwire.Identity {
	return devwire.Identity{Scope: d.fleet.Scope, RegistrationID: d.RegistrationID, Key: key}
}

func (d Device) String() string { return d.RegistrationID }

// Format keeps the fleet's seed from every verb, GomegaString from gomega.
func (d Device) Format(s fmt.State, _ rune) { io.WriteString(s, d.String()) }
func (d Device) GomegaString() string       { return d.String() }
