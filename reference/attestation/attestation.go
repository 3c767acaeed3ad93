// Package attestation judges whether a device is who it says it is: SAS tokens signed
// with an enrolled or derived key, and certificates that are enrolled or lead to an
// enrolled issuer (device-api.md 2.3, service-api.md 4.1). It knows no transport and
// looks nothing up: it holds one proof against one enrollment.
package attestation

import (
	"context"
	"crypto/x509"
	"time"

	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/internal/sas"
)

// Proof is what a device presented.
type Proof struct {
	RegistrationID string
	Resource       string // {idScope}/registrations/{registrationId}, what a token must name
	Token          string // SAS token, or empty
	Chain          []*x509.Certificate
	At             time.Time // when it was presented, by the service's clock
}

// Reason says how a proof was judged. Only Accepted lets a device in; the others differ
// for logs and defects, never for the device, which learns 401002 whatever it was.
type Reason uint8

const (
	Accepted     Reason = iota
	NoCredential        // neither a token nor a certificate, or not the kind that is enrolled
	Malformed
	BadSignature
	Expired
	WrongResource // the token names another device or scope
	WrongPolicy   // skn is there and is not "registration"
	WrongName     // the certificate's name is not the registration id
	NotEnrolled   // the certificate is not the enrolled one
	Untrusted     // the chain does not lead to an enrolled issuer
	Unsupported   // the transport has no way for a TPM
)

func (r Reason) String() string {
	return [...]string{"accepted", "no credential", "malformed", "bad signature", "expired", "wrong resource",
		"wrong policy", "wrong name", "not enrolled", "untrusted", "unsupported"}[r]
}

// Verdict is the judgement on one proof, as the Judged point shows it.
type Verdict struct {
	Reason Reason
	Proof  Proof
	Token  sas.Token // zero when the proof has none
}

// Judged is passed with every verdict before it counts.
var Judged = point.Define[Verdict]("attestation.judged")

// Judge is where and under which plans verdicts are given.
type Judge struct {
	Points *point.Set
	At     point.At
}

// Unsupported gives the verdict on a proof that its transport is not made for.
func (j Judge) Unsupported(ctx context.Context, p Proof) Reason {
	return j.give(ctx, Verdict{Proof: p, Reason: Unsupported})
}

func (j Judge) give(ctx context.Context, v Verdict) Reason {
	Judged.Hit(ctx, j.Points, j.At, &v)
	return v.Reason
}
