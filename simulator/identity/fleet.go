// Package identity says who the devices of a simulated fleet are.
//
// Everything about device i follows from the fleet's seed and i: its registration id, the
// key of an individual enrollment, the key that its group's derives for it, and a
// certificate under a tree of authorities. Nothing is kept in files and nothing is made
// before it is asked for, so any worker can stand in for any device, and the party that
// enrols them needs no list from the party that runs them. Certificates are the same to
// the last byte wherever they are made, signatures included: a hub knows a device by its
// certificate's thumbprint.
package identity

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"regexp"
	"sync"
	"time"

	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/simulator/tpm"
)

// Fleet is the source of its devices' identities. Its fields are set before first use;
// the methods may be called from any goroutine.
type Fleet struct {
	Seed   string // whoever knows it can be any of the devices
	Scope  string // id scope of the service that they register with
	Prefix string // of registration ids, which go on with -000000; default "dev"

	// Between the root and a device stand Depth intermediate authorities, by default
	// one. The lowest level has Branches of them, by default one, over which the devices
	// are spread in turn.
	Depth, Branches int

	// NotBefore and NotAfter are the validity of all certificates; default 2020 to 2049.
	NotBefore, NotAfter time.Time

	mu          sync.Mutex
	authorities map[string]*pki.Authority
	root        *tpm.StorageRoot
}

// prefixes keeps registration ids within what the service takes (service-api.md 2.8) and
// common names within the 64 characters of X.509.
var prefixes = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,39}$`)

// Validate reports what no fleet can be made of.
func (f *Fleet) Validate() error {
	notBefore, notAfter := f.validity()
	switch {
	case f.Seed == "":
		return fmt.Errorf("fleet without a seed; any text will do")
	case !prefixes.MatchString(f.prefix()):
		return fmt.Errorf("prefix %q is not the beginning of a registration id; use up to 40 letters, digits and . _ : -", f.Prefix)
	case f.Depth < 0 || f.Branches < 0:
		return fmt.Errorf("depth %d and branches %d cannot be negative", f.Depth, f.Branches)
	case !notBefore.Before(notAfter):
		return fmt.Errorf("certificates valid from %s to %s are never valid", notBefore, notAfter)
	}
	return nil
}

// Device is the fleet's device with that index, counted from 0.
func (f *Fleet) Device(index int) Device {
	return Device{Index: index, RegistrationID: fmt.Sprintf("%s-%06d", f.prefix(), index), fleet: f}
}

// GroupKey is the key of the fleet's symmetric-key enrollment group, 64 bytes.
func (f *Fleet) GroupKey() []byte { return f.derive("group key", groupKeyBytes) }

// SecondaryGroupKey is the group's other key, 64 bytes.
func (f *Fleet) SecondaryGroupKey() []byte { return f.derive("secondary group key", groupKeyBytes) }

const groupKeyBytes, deviceKeyBytes = 64, 64

// derive is n bytes that belong to a purpose, the same for the same seed and prefix.
func (f *Fleet) derive(purpose string, n int) []byte {
	b, err := hkdf.Key(sha256.New, []byte(f.Seed), []byte("dpslab fleet"), f.prefix()+"\x00"+purpose, n)
	if err != nil {
		panic(err) // only for more than 8160 bytes
	}
	return b
}

// storageRoot is the storage root key of every TPM of the fleet.
func (f *Fleet) storageRoot() *tpm.StorageRoot {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.root == nil {
		f.root = tpm.NewStorageRoot(f.derive("storage root", tpmSeedBytes))
	}
	return f.root
}

// Name begins the registration ids, and the names of what the fleet needs.
func (f *Fleet) Name() string { return f.prefix() }

func (f *Fleet) prefix() string {
	if f.Prefix == "" {
		return "dev"
	}
	return f.Prefix
}

func (f *Fleet) depth() int    { return max(f.Depth, 1) }
func (f *Fleet) branches() int { return max(f.Branches, 1) }

func (f *Fleet) validity() (notBefore, notAfter time.Time) {
	notBefore, notAfter = f.NotBefore, f.NotAfter
	if notBefore.IsZero() {
		notBefore = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if notAfter.IsZero() {
		notAfter = time.Date(2049, 12, 31, 0, 0, 0, 0, time.UTC)
	}
	return notBefore, notAfter
}

// tag tells fleets of the same prefix apart in the names of their authorities.
func (f *Fleet) tag() string { return hex.EncodeToString(f.derive("tag", 3)) }

func (f *Fleet) String() string {
	return fmt.Sprintf("fleet %s in scope %s, seed (hidden)", f.prefix(), f.Scope)
}

// Format hides the seed from every verb, as GomegaString and MarshalText do from others.
func (f *Fleet) Format(s fmt.State, _ rune)   { io.WriteString(s, f.String()) }
func (f *Fleet) GomegaString() string         { return f.String() }
func (f *Fleet) MarshalText() ([]byte, error) { return []byte(f.String()), nil }
