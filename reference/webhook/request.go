package webhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/reference/document"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/provisioning"
)

// Renderer renders an enrollment as a GET of the service API shows it.
type Renderer func(enrollment.Enrollment) ([]byte, error)

var errUnreachable = errors.New("the webhook cannot be reached")

// allocationRequest has one of its first two members.
type allocationRequest struct {
	Individual json.RawMessage `json:"individualEnrollment,omitempty"`
	Group      json.RawMessage `json:"enrollmentGroup,omitempty"`
	Device     device          `json:"deviceRuntimeContext"`
	Hubs       []string        `json:"linkedHubs"`
}

// device has the one of x509, symmetricKey and tpm that it proved itself with.
type device struct {
	RegistrationID string          `json:"registrationId"`
	CurrentHub     string          `json:"currentIotHubHostName,omitempty"`
	CurrentDevice  string          `json:"currentDeviceId,omitempty"`
	X509           *certified      `json:"x509,omitempty"`
	SymmetricKey   *struct{}       `json:"symmetricKey,omitempty"`
	TPM            *tpm            `json:"tpm,omitempty"`
	Payload        json.RawMessage `json:"payload,omitempty"`
}

type tpm struct {
	EndorsementKey []byte `json:"endorsementKey"`
	StorageRootKey []byte `json:"storageRootKey,omitempty"`
}

// certified is inferred: no document prints its members (service-api.md 4.6).
type certified struct {
	Client certificate `json:"clientCertificate"`
}

type certificate struct {
	SubjectName      string `json:"subjectName"`
	SHA1Thumbprint   string `json:"sha1Thumbprint"`
	SHA256Thumbprint string `json:"sha256Thumbprint"`
	IssuerName       string `json:"issuerName"`
	NotBefore        string `json:"notBeforeUtc"`
	NotAfter         string `json:"notAfterUtc"`
	SerialNumber     string `json:"serialNumber"`
	Version          int    `json:"version"`
}

// request renders an AllocationRequest. [DPS-ALLOC-035]
func (c Caller) request(q provisioning.Question) ([]byte, error) {
	a := q.Attested
	record, err := c.Record(a.Enrollment)
	if err != nil {
		return nil, err
	}
	doc := allocationRequest{Hubs: q.Hubs, Device: device{
		RegistrationID: a.RegistrationID, CurrentHub: q.Current.Hub, CurrentDevice: q.Current.DeviceID, Payload: a.Payload,
	}}
	if doc.Individual = record; a.Enrollment.Kind == enrollment.Group {
		doc.Individual, doc.Group = nil, record
	}
	switch a.Enrollment.Attestation.Type {
	case dps.AttestationSymmetricKey:
		doc.Device.SymmetricKey = &struct{}{}
	case dps.AttestationTPM:
		if a.TPM != nil {
			doc.Device.TPM = &tpm{a.TPM.EndorsementKey, a.TPM.StorageRootKey}
		}
	case dps.AttestationX509:
		if len(a.Chain) > 0 { // a defect may let in who presented none
			doc.Device.X509 = &certified{describe(enrollment.NewCertificate(a.Chain[0]))}
		}
	}
	return json.Marshal(doc)
}

func describe(c *enrollment.Certificate) certificate {
	return certificate{
		SubjectName: c.Subject.String(), IssuerName: c.Issuer.String(), SHA1Thumbprint: c.SHA1, SHA256Thumbprint: c.SHA256,
		NotBefore: document.Timestamp(c.NotBefore), NotAfter: document.Timestamp(c.NotAfter),
		SerialNumber: strings.ToUpper(fmt.Sprintf("%x", c.SerialNumber)), Version: c.Version,
	}
}
