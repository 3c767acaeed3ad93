package enrollment

import (
	"regexp"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/reference/problem"
)

// grammar is the union of what the documents allow: 1 to 128 letters, digits and - . _ :,
// ending in a letter, a digit or a hyphen (service-api.md 2.8).
var grammar = regexp.MustCompile(`^[A-Za-z0-9._:-]{0,127}[A-Za-z0-9-]$`)

// ValidID reports whether id may name a registration or a group.
func ValidID(id string) bool { return grammar.MatchString(id) }

// minKey and maxKey bound a symmetric key in bytes (service-api.md 2.3).
const minKey, maxKey = 16, 64

// Validate checks a record that an operator wants to write. linked reports whether a
// host name is one of the service's linked hubs.
func (e *Enrollment) Validate(linked func(host string) bool) error {
	if !ValidID(e.ID) {
		return problem.InvalidArgument("Id %q is not valid: 1 to 128 letters, digits and - . _ : ending in a letter, a digit or a hyphen.", e.ID)
	}
	if err := e.validateAttestation(); err != nil {
		return err
	}
	if e.Policy == dps.PolicyCustom && e.Webhook == nil {
		return problem.InvalidArgument("A CustomAllocationDefinition is required when the allocation policy is set to 'Custom'")
	}
	if w := e.Webhook; w != nil && (w.URL == "" || w.APIVersion == "") { // [DPS-SVC-065]
		return problem.InvalidArgument("customAllocationDefinition needs webhookUrl and apiVersion.")
	}
	if e.Policy == dps.PolicyStatic && len(e.Hubs) > 1 {
		return problem.InvalidArgument("The static allocation policy takes a single IoT hub.")
	}
	for _, host := range e.Hubs {
		if !linked(host) {
			return problem.InvalidArgument("IoT hub %q is not linked to this provisioning service.", host)
		}
	}
	return nil
}

func (e *Enrollment) validateAttestation() error {
	a := e.Attestation
	switch a.Type {
	case dps.AttestationSymmetricKey:
		for _, key := range [][]byte{a.SymmetricKey.Primary, a.SymmetricKey.Secondary} {
			if len(key) < minKey || len(key) > maxKey {
				return problem.InvalidArgument("A symmetric key must have %d to %d bytes.", minKey, maxKey)
			}
		}
	case dps.AttestationX509:
		return e.validateX509()
	case dps.AttestationTPM:
		if e.Kind == Group {
			return problem.InvalidArgument("TPM attestation is not allowed for an enrollment group.")
		}
		if a.TPM.EndorsementKey == "" {
			return problem.InvalidArgument("TPM or X509 attestation is required.")
		}
	default:
		return problem.InvalidArgument("An attestation mechanism is required.")
	}
	return nil
}

func (e *Enrollment) validateX509() error {
	x := e.Attestation.X509
	if x.Form == CAReferences {
		if x.PrimaryReference == "" && x.SecondaryReference == "" {
			return problem.InvalidArgument("TPM or X509 attestation is required.")
		}
		return nil
	}
	if len(x.Certificates()) == 0 {
		return problem.InvalidArgument("TPM or X509 attestation is required.")
	}
	if e.Kind == Individual && x.Form == SigningCertificates {
		return problem.InvalidArgument("An individual enrollment takes clientCertificates or caReferences.")
	}
	if e.Kind == Group && x.Form == ClientCertificates {
		return problem.InvalidArgument("An enrollment group takes signingCertificates or caReferences.")
	}
	return nil
}
