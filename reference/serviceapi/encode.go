package serviceapi

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/etag"
	"github.com/dpslab/dpslab/reference/document"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/registration"
)

// visibility says whether an answer shows symmetric keys. Only a PUT's own answer and the
// attestation mechanism do (service-api.md 2.4).
type visibility bool

const (
	withKeys    visibility = true
	withoutKeys visibility = false
)

// encode renders an enrollment; record is its registration's state, or nil before the first.
func encode(e enrollment.Enrollment, v visibility, record *registration.Record) enrollmentDoc {
	doc := enrollmentDoc{
		DeviceID: e.DeviceID, DeviceInformation: e.DeviceInformation,
		Attestation: encodeAttestation(e.Attestation, v), Capabilities: &capabilities{e.IoTEdge},
		IoTHubHostName: e.HubHostName, ETag: etag.ETag(e.ETag).Quoted(), // [DPS-ETAG-001]
		Status:  "enabled", // [DPS-SVC-025] always there: the C client needs it
		Created: document.Timestamp(e.Created), Updated: document.Timestamp(e.Updated),
		AllocationPolicy: document.Policies[e.Policy], IoTHubs: e.Hubs, CredentialPolicy: e.CredentialPolicy,
	}
	if e.Kind == enrollment.Individual {
		doc.RegistrationID = e.ID
	} else {
		doc.EnrollmentGroupID = e.ID
	}
	if e.Disabled {
		doc.Status = "disabled"
	}
	if t := e.InitialTwin; t != nil {
		doc.InitialTwin = &twinDoc{Tags: t.Tags} // [DPS-SVC-029]
		if t.Desired != nil {
			doc.InitialTwin.Properties = &twinProperties{t.Desired}
		}
	}
	if p := e.Reprovision; p != nil {
		doc.Reprovision = &reprovision{&p.UpdateHubAssignment, &p.MigrateDeviceData}
	}
	if w := e.Webhook; w != nil {
		doc.Webhook = &webhook{w.URL, w.APIVersion}
	}
	if record != nil {
		state := document.StateOf(*record)
		doc.RegistrationState = &state
	}
	return doc
}

func encodeAttestation(a enrollment.Attestation, v visibility) *attestationDoc {
	doc := &attestationDoc{Type: document.Attestations[a.Type]}
	switch a.Type {
	case dps.AttestationSymmetricKey:
		if v == withKeys { // [DPS-SVC-019]
			doc.SymmetricKey = &symmetricKeyDoc{encodeKey(a.SymmetricKey.Primary), encodeKey(a.SymmetricKey.Secondary)}
		}
	case dps.AttestationTPM:
		doc.TPM = &tpmDoc{a.TPM.EndorsementKey, a.TPM.StorageRootKey}
	case dps.AttestationX509:
		doc.X509 = encodeX509(a.X509)
	}
	return doc
}

func encodeX509(x enrollment.X509) *x509Doc {
	slots := &certificatesDoc{encodeCertificate(x.Primary), encodeCertificate(x.Secondary)}
	switch x.Form {
	case enrollment.ClientCertificates:
		return &x509Doc{ClientCertificates: slots}
	case enrollment.SigningCertificates:
		return &x509Doc{SigningCertificates: slots}
	}
	return &x509Doc{CAReferences: &referencesDoc{x.PrimaryReference, x.SecondaryReference}}
}

// encodeCertificate shows the info alone. Whether the service echoes the certificate
// beside it is unknown (service-api.md 2.3, inferred).
func encodeCertificate(c *enrollment.Certificate) *certificateDoc {
	if c == nil {
		return nil
	}
	return &certificateDoc{Info: &certificateInfo{
		SubjectName: c.Subject.String(), IssuerName: c.Issuer.String(),
		SHA1Thumbprint: c.SHA1, SHA256Thumbprint: c.SHA256,
		NotBefore: document.Timestamp(c.NotBefore), NotAfter: document.Timestamp(c.NotAfter),
		SerialNumber: strings.ToUpper(fmt.Sprintf("%x", c.SerialNumber)), Version: c.Version,
	}}
}

func encodeKey(key []byte) string { return base64.StdEncoding.EncodeToString(key) }

// jsonReply answers v with a status.
func jsonReply(status int, v any) (*Reply, error) {
	body, err := json.Marshal(v)
	return &Reply{Status: status, Header: map[string][]string{}, Body: body}, err
}
