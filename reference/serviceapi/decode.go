package serviceapi

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/reference/document"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/problem"
)

// generatedKey is the length in bytes of the keys that the service makes up.
const generatedKey = 64

// parse reads a document without judging it.
func parse(body []byte) (enrollmentDoc, error) {
	var doc enrollmentDoc
	err := unmarshal(body, &doc)
	return doc, err
}

// unmarshal reads a request body, and says as the service does what is wrong with it.
func unmarshal(body []byte, doc any) error {
	err := json.Unmarshal(body, doc)
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong) && wrong.Field != "":
		return problem.InvalidArgument("The member %q has the wrong JSON type.", wrong.Field)
	}
	return problem.InvalidArgument("The request body is not valid JSON.")
}

// decode turns the document into an enrollment. before is the record that it would
// replace, or nil: what a client read without secrets and writes back keeps them
// (service-api.md 2.3, 2.4).
func decode(doc enrollmentDoc, kind enrollment.Kind, id string, before *enrollment.Enrollment) (enrollment.Enrollment, error) {
	e := enrollment.Enrollment{
		Kind: kind, ID: id, Hubs: doc.IoTHubs, HubHostName: doc.IoTHubHostName, CredentialPolicy: doc.CredentialPolicy,
	}
	named := doc.EnrollmentGroupID
	if kind == enrollment.Individual {
		named, e.DeviceID = doc.RegistrationID, doc.DeviceID
	}
	if enrollment.Fold(named) != enrollment.Fold(id) { // [DPS-SVC-034]
		return e, problem.InvalidArgument("The id %q in the body is not the one in the path, %q.", named, id)
	}
	if doc.Capabilities != nil {
		e.IoTEdge = doc.Capabilities.IoTEdge
	}
	if p := doc.Reprovision; p != nil {
		e.Reprovision = &enrollment.Reprovision{UpdateHubAssignment: truth(p.UpdateHubAssignment), MigrateDeviceData: truth(p.MigrateDeviceData)}
	}
	if w := doc.Webhook; w != nil {
		e.Webhook = &enrollment.Webhook{URL: w.WebhookURL, APIVersion: w.APIVersion}
	}
	var err error
	if e.Disabled, err = decodeStatus(doc.Status); err != nil {
		return e, err
	}
	if e.Policy, err = decodePolicy(doc.AllocationPolicy); err != nil {
		return e, err
	}
	if e.InitialTwin, err = decodeTwin(doc.InitialTwin); err != nil {
		return e, err
	}
	if kind == enrollment.Individual {
		if e.DeviceInformation, err = decodeObject("optionalDeviceInformation", doc.DeviceInformation); err != nil {
			return e, err
		}
	}
	e.Attestation, err = decodeAttestation(doc.Attestation, before)
	return e, err
}

// truth reads a member whose default is true (service-api.md 2.6).
func truth(b *bool) bool { return b == nil || *b }

func decodeStatus(s string) (disabled bool, err error) {
	switch s {
	case "", "enabled":
		return false, nil
	case "disabled":
		return true, nil
	}
	return false, problem.InvalidArgument("provisioningStatus %q is neither enabled nor disabled.", s)
}

func decodePolicy(s string) (dps.Policy, error) {
	if s == "" {
		return dps.PolicyUnset, nil
	}
	policy, known := document.PolicyOf(s)
	if !known {
		return dps.PolicyUnset, problem.InvalidArgument("allocationPolicy %q is none of hashed, geoLatency, static, custom.", s)
	}
	return policy, nil
}

func decodeTwin(t *twinDoc) (*enrollment.Twin, error) {
	if t == nil {
		return nil, nil
	}
	var twin enrollment.Twin
	var err error
	if twin.Tags, err = decodeObject("initialTwin.tags", t.Tags); err != nil {
		return nil, err
	}
	if t.Properties != nil {
		twin.Desired, err = decodeObject("initialTwin.properties.desired", t.Properties.Desired)
	}
	return &twin, err
}

// decodeObject takes a member that holds any JSON object; null is as good as nothing.
func decodeObject(name string, member json.RawMessage) ([]byte, error) {
	switch {
	case len(member) == 0 || string(member) == "null":
		return nil, nil
	case member[0] != '{':
		return nil, problem.InvalidArgument("%s is not a JSON object.", name)
	}
	return member, nil
}

func decodeAttestation(doc *attestationDoc, before *enrollment.Enrollment) (enrollment.Attestation, error) {
	var a enrollment.Attestation
	if doc == nil {
		return a, problem.InvalidArgument("An attestation mechanism is required.")
	}
	var had enrollment.Attestation
	if before != nil {
		had = before.Attestation
	}
	var err error
	switch doc.Type {
	case document.Attestations[dps.AttestationSymmetricKey]:
		a.Type = dps.AttestationSymmetricKey
		a.SymmetricKey, err = decodeKeys(doc.SymmetricKey, had.SymmetricKey)
	case document.Attestations[dps.AttestationX509]:
		a.Type = dps.AttestationX509
		a.X509, err = decodeX509(doc.X509, had.X509)
	case document.Attestations[dps.AttestationTPM]:
		a.Type = dps.AttestationTPM
		if doc.TPM == nil {
			return a, problem.InvalidArgument("TPM or X509 attestation is required.")
		}
		a.TPM = enrollment.TPM{EndorsementKey: doc.TPM.EndorsementKey, StorageRootKey: doc.TPM.StorageRootKey}
	default:
		return a, problem.InvalidArgument("Attestation type %q is none of tpm, x509, symmetricKey.", doc.Type)
	}
	return a, err
}

// decodeKeys takes the keys that are given, keeps the stored ones where none are, and
// makes up what is still missing. [DPS-SVC-021]
func decodeKeys(doc *symmetricKeyDoc, had enrollment.SymmetricKey) (enrollment.SymmetricKey, error) {
	if doc == nil {
		doc = &symmetricKeyDoc{}
	}
	primary, err := decodeKey("primaryKey", doc.PrimaryKey, had.Primary)
	if err != nil {
		return enrollment.SymmetricKey{}, err
	}
	secondary, err := decodeKey("secondaryKey", doc.SecondaryKey, had.Secondary)
	return enrollment.SymmetricKey{Primary: primary, Secondary: secondary}, err
}

func decodeKey(name, text string, had []byte) ([]byte, error) {
	switch {
	case text == "" && had != nil:
		return had, nil
	case text == "":
		key := make([]byte, generatedKey)
		rand.Read(key) // never fails
		return key, nil
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, problem.InvalidArgument("%s is not valid base64.", name)
	}
	return key, nil
}
