package registry

import (
	"encoding/base64"
	"encoding/hex"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/dpslab/dpslab/fakehub/huberror"
	"github.com/dpslab/dpslab/internal/etag"
)

// Status says whether a device may connect.
type Status string

const (
	Enabled  Status = "enabled"
	Disabled Status = "disabled"
)

// AuthType is the way a device proves to the hub who it is.
type AuthType string

const (
	SAS                  AuthType = "sas"
	SelfSigned           AuthType = "selfSigned"           // certificate thumbprints
	CertificateAuthority AuthType = "certificateAuthority" // a CA verified at the hub
	None                 AuthType = "none"
)

// Keys are the two symmetric keys of an identity, standard base64. They print as nothing.
type Keys struct{ Primary, Secondary string }

func (Keys) String() string   { return "(keys)" }
func (Keys) GoString() string { return "(keys)" }

// Thumbprints are SHA-1 or SHA-256 hashes of a DER certificate, in hex, either may be "".
type Thumbprints struct{ Primary, Secondary string }

// Authentication is how an identity authenticates. Keys belong to SAS, Thumbprints to SelfSigned.
type Authentication struct {
	Type        AuthType
	Keys        Keys
	Thumbprints Thumbprints
}

// Identity is one device in the registry (iot-hub.md 4.2).
type Identity struct {
	DeviceID     string
	GenerationID string // tells apart identities that had the same id one after the other
	ETag         etag.ETag

	Status            Status // "" in a write: enabled, or as it was
	StatusReason      string
	StatusUpdated     time.Time
	Connected         bool
	ConnectionUpdated time.Time
	LastActivity      time.Time
	Authentication    Authentication // Type "" in a write: by what is given, or as it was
	Edge              bool           // capabilities.iotEdge
	DeviceScope       string
	ParentScopes      []string
}

// idPunctuation is what a device id may hold beside letters and digits.
const idPunctuation = "-:.+%_#*?!(),=@;$'"

const (
	maxID     = 128
	maxReason = 128
)

func checkID(id string) error {
	if id == "" {
		return huberror.New(huberror.ArgumentNull, "the device id is empty")
	}
	if len(id) > maxID {
		return huberror.New(huberror.ArgumentInvalid, "the device id %.20q… is longer than %d characters", id, maxID)
	}
	for _, c := range id {
		if c > 127 || !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune(idPunctuation, c)) {
			return huberror.New(huberror.ArgumentInvalid, "the device id %q holds %q, which a device id cannot", id, c)
		}
	}
	return nil
}

// normalise checks what a client wrote and returns it as the registry keeps it. old is
// the identity that is updated, nil for a new one: what an update leaves out stays.
func normalise(in Identity, old *Identity, random io.Reader) (Identity, error) {
	if err := checkID(in.DeviceID); err != nil {
		return Identity{}, err
	}
	if len(in.StatusReason) > maxReason {
		return Identity{}, huberror.New(huberror.ArgumentInvalid, "statusReason is longer than %d characters", maxReason)
	}
	switch in.Status {
	case Enabled, Disabled:
	case "":
		in.Status = Enabled
		if old != nil {
			in.Status = old.Status
		}
	default:
		return Identity{}, huberror.New(huberror.ArgumentInvalid, "status is %q; it is enabled or disabled", string(in.Status))
	}
	var err error
	in.Authentication, err = in.Authentication.normalise(old, random)
	in.ParentScopes = slices.Clone(in.ParentScopes)
	return in, err
}

func (a Authentication) normalise(old *Identity, random io.Reader) (Authentication, error) {
	if a.Type == "" {
		switch {
		case a.Keys == (Keys{}) && a.Thumbprints == (Thumbprints{}) && old != nil:
			return old.Authentication, nil
		case a.Keys == (Keys{}) && a.Thumbprints != (Thumbprints{}):
			a.Type = SelfSigned
		default:
			a.Type = SAS
		}
	}
	switch a.Type {
	case SAS:
		if a.Keys == (Keys{}) && old != nil && old.Authentication.Type == SAS {
			a.Keys = old.Authentication.Keys
		}
		keys, err := a.Keys.complete(random)
		return Authentication{Type: SAS, Keys: keys}, err
	case SelfSigned:
		prints, err := a.Thumbprints.check()
		return Authentication{Type: SelfSigned, Thumbprints: prints}, err
	case CertificateAuthority, None:
		return Authentication{Type: a.Type}, nil
	}
	return Authentication{}, huberror.New(huberror.ArgumentInvalid,
		"authentication type is %q; it is sas, selfSigned, certificateAuthority or none", string(a.Type))
}

// keyBytes is the length of a generated key.
const keyBytes = 32

// complete generates the keys when none is given, and refuses one without the other.
// [DPS-HUB-048]
func (k Keys) complete(random io.Reader) (Keys, error) {
	if k == (Keys{}) {
		raw := make([]byte, 2*keyBytes)
		if _, err := io.ReadFull(random, raw); err != nil {
			return Keys{}, err
		}
		encode := base64.StdEncoding.EncodeToString
		return Keys{Primary: encode(raw[:keyBytes]), Secondary: encode(raw[keyBytes:])}, nil
	}
	for which, key := range map[string]string{"primary": k.Primary, "secondary": k.Secondary} {
		if raw, err := base64.StdEncoding.DecodeString(key); err != nil || len(raw) == 0 {
			return Keys{}, huberror.New(huberror.ArgumentInvalid, "the %s key is not base64; give both keys or neither", which)
		}
	}
	return k, nil
}

func (t Thumbprints) check() (Thumbprints, error) {
	if t == (Thumbprints{}) {
		return t, huberror.New(huberror.ArgumentInvalid, "a selfSigned identity needs a thumbprint")
	}
	for _, print := range []string{t.Primary, t.Secondary} {
		if raw, err := hex.DecodeString(print); print != "" && (err != nil || len(raw) != 20 && len(raw) != 32) {
			return t, huberror.New(huberror.ArgumentInvalid, "the thumbprint %q is neither SHA-1 nor SHA-256 in hex", print)
		}
	}
	return t, nil
}
