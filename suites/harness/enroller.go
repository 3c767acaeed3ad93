package harness

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/suites/sut"
)

// Kind is what a record is of.
type Kind string

const (
	Individual  Kind = "individual"
	OfGroup     Kind = "group"
	HubIdentity Kind = "hubIdentity"
)

// IDMember is the member that names a record of the kind.
func (k Kind) IDMember() string {
	return map[Kind]string{Individual: "registrationId", OfGroup: "enrollmentGroupId", HubIdentity: "deviceId"}[k]
}

// enroller brings about what devices register by: the service API, hooks, or a pool of
// what is there already.
type enroller interface {
	enroll(ctx context.Context, t *T, s *Service, w wanted) enrolled
}

// wanted is a record that a check asks for.
type wanted struct {
	kind  Kind
	auth  string  // word of sut.Attestations; "" when the members decide
	extra Members // what the check asked for itself, beyond any record of that kind
	full  Members // the whole record
}

// enrolled is a record at the target. Credentials are those that the target chose; where
// they are nil those of the wanted record hold.
type enrolled struct {
	record             Members
	primary, secondary []byte
	certificate        *tls.Certificate
	authority          *pki.Authority
}

// enroll makes a record, or skips where the target does not claim its attestation.
func (s *Service) enroll(ctx context.Context, t *T, w wanted) enrolled {
	if w.auth == "" {
		w.auth = attestationOf(w.full)
	}
	if claimed := s.env.Target.Capabilities.Attestations; w.auth != "" && !sut.Claims(claimed, w.auth) {
		t.Skip(fmt.Sprintf("attestation %s is not claimed (capabilities.attestations of the target file)", w.auth))
	}
	if w.kind == OfGroup && w.auth == "x509" && s.API != nil && s.env.Target.Foreign && s.env.verifiedCA == nil {
		t.Skip("needs a verified CA: the service believes only devices of a CA certificate that was verified, and the target file names none (verified_ca)")
	}
	return s.enroller(t).enroll(ctx, t, s, w)
}

func (s *Service) enroller(t *T) enroller {
	switch {
	case s.API != nil:
		return byService{}
	case s.env.Hooks != nil:
		return byHooks{s.env.Hooks}
	case s.env.pool != nil:
		return s.env.pool
	}
	t.Must(fmt.Errorf("the target has no service API, hooks or enrollments"), "enroll a device")
	return nil
}

// attestationOf is the word of a record's attestation, "" for none that a file can claim.
func attestationOf(record Members) string {
	attestation, _ := record["attestation"].(Members)
	switch attestation["type"] {
	case "symmetricKey":
		return "symmetric-key"
	case "x509", "tpm":
		return attestation["type"].(string)
	}
	return ""
}

// byService enrolls by the service API.
type byService struct{}

func (byService) enroll(ctx context.Context, t *T, s *Service, w wanted) enrolled {
	id, what, path := w.full[w.kind.IDMember()].(string), "make an enrollment", devwire.EnrollmentPath
	if w.kind == OfGroup {
		what, path = "make an enrollment group", devwire.GroupPath
	}
	return enrolled{record: t.made(func() devwire.HTTPResponse { return s.Put(ctx, t, path(id), w.full) }, w.kind.IDMember(), id, what)}
}

// keysOf are the symmetric keys that a record holds, nil where it holds none.
func keysOf(record Members) (primary, secondary []byte) {
	attestation, _ := record["attestation"].(Members)
	keys, _ := attestation["symmetricKey"].(Members)
	decode := func(name string) []byte {
		text, _ := keys[name].(string)
		key, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(key) == 0 {
			return nil
		}
		return key
	}
	return decode("primaryKey"), decode("secondaryKey")
}

// or is the target's choice where it made one.
func or(chosen, wanted []byte) []byte {
	if chosen != nil {
		return chosen
	}
	return wanted
}
