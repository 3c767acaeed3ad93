// Package enrollment holds what an operator promised about devices: individual
// enrollments and enrollment groups, their validation, and the stores that keep them
// (service-api.md 2). It knows no wire format.
package enrollment

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/dps"
)

// Kind tells an individual enrollment from an enrollment group.
type Kind uint8

const (
	Individual Kind = iota
	Group
)

func (k Kind) String() string { return [...]string{"individual enrollment", "enrollment group"}[k] }

// Enrollment is one record of either kind. Its id is the registration id of an
// individual enrollment or the name of a group; ids compare without regard to case.
type Enrollment struct {
	Kind        Kind
	ID          string
	DeviceID    string // individual only; empty: the registration id
	Attestation Attestation
	IoTEdge     bool
	Disabled    bool

	// Policy and Hubs say where its devices go. HubHostName is the older single-hub form.
	Policy      dps.Policy
	Hubs        []string
	HubHostName string
	Webhook     *Webhook

	// Reprovision is nil when the operator said nothing, which is not the same as
	// saying the defaults (service-api.md 4.8).
	Reprovision *Reprovision

	InitialTwin *Twin
	// DeviceInformation is the operator's own note about the device, one JSON object; it
	// is kept and returned, and goes nowhere.
	DeviceInformation []byte
	CredentialPolicy  string

	ETag             string // without quotes
	Created, Updated time.Time
}

// Reprovision says what a repeated registration may do.
type Reprovision struct{ UpdateHubAssignment, MigrateDeviceData bool }

// Webhook is a custom allocation definition.
type Webhook struct{ URL, APIVersion string }

// Twin is the initial twin; each member is one JSON object, or nil when absent.
type Twin struct{ Tags, Desired []byte }

// Attestation is how the enrollment's devices prove themselves: the member that Type names.
type Attestation struct {
	Type         dps.Attestation
	SymmetricKey SymmetricKey
	X509         X509
	TPM          TPM
}

// SymmetricKey holds two keys of 16 to 64 bytes, either of which a token may be signed
// with. A group's keys are never used directly: devices derive theirs from them.
type SymmetricKey struct{ Primary, Secondary []byte }

// TPM holds the endorsement key and the optional storage root key, as sent.
type TPM struct{ EndorsementKey, StorageRootKey string }

// X509Form tells what the certificates of an X.509 attestation are.
type X509Form uint8

const (
	ClientCertificates  X509Form = iota // leaves of one device
	SigningCertificates                 // issuers of a group's devices
	CAReferences                        // names of uploaded CA certificates
)

// X509 holds up to two certificates or names. Either slot may be empty, not both.
type X509 struct {
	Form                                 X509Form
	Primary, Secondary                   *Certificate
	PrimaryReference, SecondaryReference string
}

// Certificate is a stored certificate with its thumbprints.
type Certificate struct {
	*x509.Certificate
	SHA1, SHA256 string // upper-case hexadecimal
}

// NewCertificate wraps a parsed certificate.
func NewCertificate(c *x509.Certificate) *Certificate {
	one, two := sha1.Sum(c.Raw), sha256.Sum256(c.Raw)
	return &Certificate{c, strings.ToUpper(hex.EncodeToString(one[:])), strings.ToUpper(hex.EncodeToString(two[:]))}
}

// Certificates lists the filled slots, primary first.
func (x X509) Certificates() []*Certificate {
	return slices.DeleteFunc([]*Certificate{x.Primary, x.Secondary}, func(c *Certificate) bool { return c == nil })
}

// Keys lists the symmetric keys that are set, primary first.
func (k SymmetricKey) Keys() [][]byte {
	return slices.DeleteFunc([][]byte{k.Primary, k.Secondary}, func(key []byte) bool { return len(key) == 0 })
}

// HubDeviceID is the id that a device of this enrollment gets at its hub: what the
// individual enrollment says, else the registration id (service-api.md 4.7).
func (e Enrollment) HubDeviceID(registrationID string) string {
	if e.Kind == Individual && e.DeviceID != "" {
		return e.DeviceID
	}
	return registrationID
}

// Fold is the form in which ids compare.
func Fold(id string) string { return strings.ToLower(id) }
