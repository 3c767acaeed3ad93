package provisioning

import (
	"context"
	"crypto/x509"
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/attestation"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/problem"
)

// Claim is who a device says it is and how it proves it, as a front read it off the wire.
type Claim struct {
	RegistrationID string
	APIVersion     string
	Token          string                   // SAS token, or empty
	Chain          []*x509.Certificate      // TLS client certificates, leaf first, or empty
	TPM            *TPMKeys                 // of a device that says it has a TPM, or nil
	NoTPM          bool                     // the transport has no way for a TPM
	Client         netip.Addr               // where its connection comes from; invalid: not known
	CSR            *x509.CertificateRequest // of a device that wants a certificate for its hub, or nil
	Payload        []byte                   // what it sends to the custom allocation, any JSON, or nil
	// PresentedAt is the service's time when the proof arrived. A token that was good when
	// its connection began stays good on that connection (device-api.md 6).
	PresentedAt time.Time
	At          point.At
}

// Attested is a device that proved who it is.
type Attested struct {
	Claim
	Enrollment enrollment.Enrollment
	// Disabled says that the deciding enrollment lets nobody in. The device learns it as
	// the outcome of its registration, not as a refusal (device-api.md 1.5).
	Disabled bool
}

// Deciding is passed by every enrollment that is found to apply to a claim, before its
// proof is judged.
var Deciding = point.Define[Candidate]("provisioning.deciding")

// Candidate is an enrollment that may decide on a claim; a plan may pass over it.
type Candidate struct {
	Claim      Claim
	Enrollment enrollment.Enrollment
	PassOver   bool
}

// consider lets plans see an enrollment, and reports whether it still applies.
func (s *Service) consider(ctx context.Context, c Claim, e *enrollment.Enrollment) bool {
	candidate := Candidate{Claim: c, Enrollment: *e}
	Deciding.Hit(ctx, s.o.Points, c.At, &candidate)
	*e = candidate.Enrollment
	return !candidate.PassOver
}

// Attest finds the enrollment that decides on the claim and judges the proof. To a device
// with a TPM that has yet to prove itself it answers with a *Challenge.
func (s *Service) Attest(ctx context.Context, c Claim) (Attested, error) {
	if !enrollment.ValidID(c.RegistrationID) {
		return Attested{}, problem.InvalidArgument("Registration id %q is not valid.", c.RegistrationID)
	}
	judge, proof := s.judge(c)
	// [DPS-ALLOC-001] an individual enrollment decides before any group
	individual, err := s.o.Enrollments.Get(ctx, enrollment.Individual, c.RegistrationID)
	switch {
	case errors.Is(err, enrollment.ErrNotFound):
	case err != nil:
		return Attested{}, err
	case !s.consider(ctx, c, &individual):
		individual = enrollment.Enrollment{}
	case individual.Attestation.Type == dps.AttestationTPM:
		return s.attestTPM(ctx, c, judge, proof, individual)
	case individual.Attestation.Type == kindOf(c) || !individual.Disabled:
		return s.decide(ctx, c, individual, individualReason(ctx, judge, proof, individual))
	}
	if c.TPM != nil { // [DPS-TPM-005] a TPM has no group
		return Attested{}, problem.EnrollmentNotFound()
	}
	group, reason, err := s.findGroup(ctx, c, judge, proof)
	if err != nil {
		return Attested{}, err
	}
	attested, err := s.decide(ctx, c, group, reason)
	// A disabled individual enrollment blocks its device whatever attestation it names;
	// the device proved itself through its group (service-api.md 4.1).
	if err == nil && individual.Disabled {
		attested.Enrollment, attested.Disabled = individual, true
	}
	return attested, err
}

// judge is what judges the claim's proof, and the proof.
func (s *Service) judge(c Claim) (attestation.Judge, attestation.Proof) {
	return attestation.Judge{Points: s.o.Points, At: c.At}, attestation.Proof{
		RegistrationID: c.RegistrationID, Resource: s.o.Scope + "/registrations/" + c.RegistrationID,
		Token: c.Token, Chain: c.Chain, At: c.PresentedAt,
	}
}

func (s *Service) decide(ctx context.Context, c Claim, e enrollment.Enrollment, r attestation.Reason) (Attested, error) {
	if r == attestation.Accepted {
		return Attested{Claim: c, Enrollment: e, Disabled: e.Disabled}, nil
	}
	s.o.Logger.InfoContext(ctx, "device refused", "service", s.o.Name, "registrationId", c.RegistrationID, "reason", r.String())
	if kindOf(c) == dps.AttestationX509 { // [DPS-X509-004] [DPS-ERR-005]
		return Attested{}, problem.InvalidCertificate()
	}
	return Attested{}, problem.Unauthorized() // [DPS-ERR-006] [DPS-SEC-006]
}

func kindOf(c Claim) dps.Attestation {
	if c.Token != "" {
		return dps.AttestationSymmetricKey
	}
	if len(c.Chain) > 0 {
		return dps.AttestationX509
	}
	return dps.AttestationNone
}

func individualReason(ctx context.Context, j attestation.Judge, p attestation.Proof, e enrollment.Enrollment) attestation.Reason {
	switch a := e.Attestation; a.Type {
	case dps.AttestationSymmetricKey:
		return j.SymmetricKey(ctx, p, a.SymmetricKey.Keys())
	case dps.AttestationX509:
		return j.ClientCertificate(ctx, p, a.X509.Certificates())
	}
	return attestation.NoCredential
}

// findGroup returns the group that the proof leads to. For certificates that is the one
// of the nearest issuer, leaf upward (device-api.md 6); for tokens the one whose derived
// key signed. Without any, the reason tells how the last one judged it.
func (s *Service) findGroup(ctx context.Context, c Claim, j attestation.Judge, p attestation.Proof) (enrollment.Enrollment, attestation.Reason, error) {
	if p.Token == "" && len(p.Chain) > 0 {
		return s.findIssuer(ctx, c, j, p)
	}
	groups, err := s.o.Enrollments.SymmetricKeyGroups(ctx)
	if err != nil {
		return enrollment.Enrollment{}, 0, err
	}
	if len(groups) == 0 {
		return enrollment.Enrollment{}, j.SymmetricKey(ctx, p, nil), nil
	}
	reason := attestation.BadSignature
	for _, g := range groups {
		if !s.consider(ctx, c, &g) {
			continue
		}
		keys := attestation.DerivedKeys(g.Attestation.SymmetricKey.Keys(), p.RegistrationID)
		if reason = j.SymmetricKey(ctx, p, keys); reason != attestation.BadSignature {
			return g, reason, nil
		}
	}
	return enrollment.Enrollment{}, reason, nil
}

func (s *Service) findIssuer(ctx context.Context, c Claim, j attestation.Judge, p attestation.Proof) (enrollment.Enrollment, attestation.Reason, error) {
	for _, presented := range p.Chain { // [DPS-X509-007] nearest issuer first
		groups, err := s.o.Enrollments.SigningGroups(ctx, presented.RawIssuer)
		if err != nil {
			return enrollment.Enrollment{}, 0, err
		}
		for _, g := range groups {
			if !s.consider(ctx, c, &g) {
				continue
			}
			for _, signing := range g.Attestation.X509.Certificates() {
				if reason := j.Issuer(ctx, p, signing); reason != attestation.Untrusted {
					return g, reason, nil
				}
			}
		}
	}
	return enrollment.Enrollment{}, j.Foreign(ctx, p), nil
}

// SameRegistration reports whether two ids name the same registration.
func SameRegistration(a, b string) bool { return strings.EqualFold(a, b) }
