package fleet

import (
	"encoding/base64"

	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/simulator/identity"
)

// Enrollment is what the service has to know of devices, as members of its records.
type Enrollment struct {
	ID          string         // of the group; of an individual one, the registration id
	Attestation map[string]any // as a PUT carries it (service-api.md 2.3); holds keys
}

// Groups are the enrollment groups that the mix needs.
func (f *Fleet) Groups() ([]Enrollment, error) {
	var list []Enrollment
	needed := map[Attestation]bool{}
	for _, s := range f.spec.Mix {
		needed[s.Attestation] = true
	}
	identities := f.spec.Identities
	if needed[SymmetricGroup] {
		list = append(list, Enrollment{identities.Name() + "-key", symmetricKeys(identities.GroupKey(), identities.SecondaryGroupKey())})
	}
	if needed[X509Group] {
		root, err := identities.Root()
		if err != nil {
			return nil, err
		}
		list = append(list, Enrollment{identities.Name() + "-x509", x509("signingCertificates", string(pki.PEM(root.Certificate)))})
	}
	return list, nil
}

// Individual is a device's own enrollment; ok is false for one that comes through a group.
func (f *Fleet) Individual(i int) (e Enrollment, ok bool, err error) {
	d := f.spec.Identities.Device(i)
	e.ID = d.RegistrationID
	switch f.spec.Mix[f.Share(i)].Attestation {
	case SymmetricIndividual:
		e.Attestation = symmetricKeys(d.Key(), d.Rolled().Key())
	case X509Individual:
		var pair []string
		for _, d := range []identity.Device{d, d.Rolled()} {
			certificate, err := d.Certificate()
			if err != nil {
				return e, true, err
			}
			pair = append(pair, string(pki.PEM(certificate.Leaf)))
		}
		e.Attestation = x509("clientCertificates", pair...)
	case TPM:
		key, err := d.TPM().EndorsementKey()
		if err != nil {
			return e, true, err
		}
		e.Attestation = map[string]any{"type": "tpm", "tpm": map[string]any{"endorsementKey": base64.StdEncoding.EncodeToString(key)}}
	default:
		return e, false, nil
	}
	return e, true, nil
}

func symmetricKeys(primary, secondary []byte) map[string]any {
	return map[string]any{"type": "symmetricKey", "symmetricKey": map[string]any{
		"primaryKey":   base64.StdEncoding.EncodeToString(primary),
		"secondaryKey": base64.StdEncoding.EncodeToString(secondary),
	}}
}

func x509(kind string, certificates ...string) map[string]any {
	slots := map[string]any{}
	for i, slot := range []string{"primary", "secondary"}[:len(certificates)] {
		slots[slot] = map[string]any{"certificate": certificates[i]}
	}
	return map[string]any{"type": "x509", "x509": map[string]any{kind: slots}}
}
