package tpm

import (
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
)

// Emulated is what a TPM computes, without a TPM. It satisfies devwire.TPM. Its keys are
// made when they are first asked for, which takes a tenth of a second each.
type Emulated struct {
	ek  func() (*rsa.PrivateKey, error)
	srk *StorageRoot

	mu       sync.Mutex
	identity []byte // the HMAC key; nil before Import
}

// New is the TPM that belongs to a seed, the same wherever it is made.
func New(seed []byte) *Emulated { return NewUnder(NewStorageRoot(seed), seed) }

// NewUnder is a TPM with an endorsement key of its own and a storage root key that it may
// share: the service does not look at that one, and a fleet has half as much to compute.
func NewUnder(root *StorageRoot, seed []byte) *Emulated {
	return &Emulated{ek: lazily(seed, "endorsement"), srk: root}
}

// StorageRoot is a storage root key.
type StorageRoot struct {
	key func() (*rsa.PrivateKey, error)
}

// NewStorageRoot is the storage root key that belongs to a seed.
func NewStorageRoot(seed []byte) *StorageRoot { return &StorageRoot{lazily(seed, "storage root")} }

func lazily(seed []byte, purpose string) func() (*rsa.PrivateKey, error) {
	return sync.OnceValues(func() (*rsa.PrivateKey, error) { return newKey(seed, purpose) })
}

// Attributes of the endorsement key and of the storage root key.
const (
	ekAttributes  = fixedTPM | fixedParent | sensitiveDataOrigin | adminWithPolicy | restricted | decrypt
	srkAttributes = fixedTPM | fixedParent | sensitiveDataOrigin | userWithAuth | noDA | restricted | decrypt
)

// ekPolicy is the standard endorsement key's: PolicySecret of the endorsement hierarchy.
var ekPolicy = unhex("837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa")

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// EndorsementKey is the EK as TPM2B_PUBLIC, 316 bytes.
func (t *Emulated) EndorsementKey() ([]byte, error) {
	key, err := t.ek()
	if err != nil {
		return nil, err
	}
	return publicArea(&key.PublicKey, ekAttributes, ekPolicy), nil
}

// StorageRootKey is the SRK as TPM2B_PUBLIC, 284 bytes.
func (t *Emulated) StorageRootKey() ([]byte, error) {
	key, err := t.srk.key()
	if err != nil {
		return nil, err
	}
	return publicArea(&key.PublicKey, srkAttributes, nil), nil
}

// Import opens a blob of the service's and makes the key in it the identity key.
func (t *Emulated) Import(blob []byte) error {
	parts, err := SplitBlob(blob)
	if err != nil {
		return err
	}
	ek, err := t.ek()
	if err != nil {
		return err
	}
	srk, err := t.srk.key()
	if err != nil {
		return err
	}
	inner, err := activateCredential(ek, nameOf(publicArea(&srk.PublicKey, srkAttributes, nil)[2:]), parts)
	if err != nil {
		return fmt.Errorf("activate the credential: %w", err)
	}
	if len(inner) != 16 { // C and C# know no other
		return fmt.Errorf("the inner key has %d bytes, AES-128 takes 16", len(inner))
	}
	key, err := importKey(srk, inner, parts)
	if err != nil {
		return fmt.Errorf("import the identity key: %w", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.identity = key
	return nil
}

// maxSigned is how much a TPM takes in one command.
const maxSigned = 1024

// Sign is the HMAC-SHA256 of data under the identity key.
func (t *Emulated) Sign(data []byte) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.identity == nil:
		return nil, errNoIdentity
	case len(data) > maxSigned:
		return nil, fmt.Errorf("%d bytes are more than the %d that a tpm signs at once", len(data), maxSigned)
	}
	mac := hmac.New(sha256.New, t.identity)
	mac.Write(data)
	return mac.Sum(nil), nil
}

var errNoIdentity = errors.New("the tpm has no identity key; import one first")

func (t *Emulated) String() string { return "emulated tpm, keys (hidden)" }

// Format hides the keys from every verb, GomegaString and MarshalText from others.
func (t *Emulated) Format(s fmt.State, _ rune)   { io.WriteString(s, t.String()) }
func (t *Emulated) GomegaString() string         { return t.String() }
func (t *Emulated) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// RegistrationID is the registration id that the SDKs give a device with that endorsement
// key when it has none of its own (device-api.md 4.1).
func RegistrationID(endorsementKey []byte) string {
	sum := sha256.Sum256(endorsementKey)
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:]))
}
