package serviceapi

import (
	"encoding/json"

	"github.com/dpslab/dpslab/reference/document"
)

// enrollmentDoc is IndividualEnrollment and EnrollmentGroup (service-api.md 2.1, 2.2).
// Read-only members are written, never read; unknown ones are ignored, since clients send
// back what they were given.
type enrollmentDoc struct {
	RegistrationID    string          `json:"registrationId,omitempty"`
	EnrollmentGroupID string          `json:"enrollmentGroupId,omitempty"`
	DeviceID          string          `json:"deviceId,omitempty"`
	RegistrationState *document.State `json:"registrationState,omitempty"`
	DeviceInformation json.RawMessage `json:"optionalDeviceInformation,omitempty"`
	Attestation       *attestationDoc `json:"attestation,omitempty"`
	Capabilities      *capabilities   `json:"capabilities,omitempty"`
	IoTHubHostName    string          `json:"iotHubHostName,omitempty"`
	InitialTwin       *twinDoc        `json:"initialTwin,omitempty"`
	ETag              string          `json:"etag,omitempty"`
	Status            string          `json:"provisioningStatus,omitempty"`
	Reprovision       *reprovision    `json:"reprovisionPolicy,omitempty"`
	Created           string          `json:"createdDateTimeUtc,omitempty"`
	Updated           string          `json:"lastUpdatedDateTimeUtc,omitempty"`
	AllocationPolicy  string          `json:"allocationPolicy,omitempty"`
	IoTHubs           []string        `json:"iotHubs,omitempty"`
	Webhook           *webhook        `json:"customAllocationDefinition,omitempty"`
	CredentialPolicy  string          `json:"credentialPolicyName,omitempty"`
}

type capabilities struct {
	IoTEdge bool `json:"iotEdge"`
}

type twinDoc struct {
	Tags       json.RawMessage `json:"tags,omitempty"`
	Properties *twinProperties `json:"properties,omitempty"`
}

type twinProperties struct {
	Desired json.RawMessage `json:"desired,omitempty"`
}

type reprovision struct {
	UpdateHubAssignment *bool `json:"updateHubAssignment"`
	MigrateDeviceData   *bool `json:"migrateDeviceData"`
}

type webhook struct {
	WebhookURL string `json:"webhookUrl"`
	APIVersion string `json:"apiVersion"`
}

// attestationDoc is AttestationMechanism; only the member that type names is written.
type attestationDoc struct {
	Type         string           `json:"type"`
	TPM          *tpmDoc          `json:"tpm,omitempty"`
	X509         *x509Doc         `json:"x509,omitempty"`
	SymmetricKey *symmetricKeyDoc `json:"symmetricKey,omitempty"`
}

type tpmDoc struct {
	EndorsementKey string `json:"endorsementKey"`
	StorageRootKey string `json:"storageRootKey,omitempty"`
}

type symmetricKeyDoc struct {
	PrimaryKey   string `json:"primaryKey"`
	SecondaryKey string `json:"secondaryKey"`
}

type x509Doc struct {
	ClientCertificates  *certificatesDoc `json:"clientCertificates,omitempty"`
	SigningCertificates *certificatesDoc `json:"signingCertificates,omitempty"`
	CAReferences        *referencesDoc   `json:"caReferences,omitempty"`
}

type certificatesDoc struct {
	Primary   *certificateDoc `json:"primary,omitempty"`
	Secondary *certificateDoc `json:"secondary,omitempty"`
}

type referencesDoc struct {
	Primary   string `json:"primary,omitempty"`
	Secondary string `json:"secondary,omitempty"`
}

type certificateDoc struct {
	Certificate string           `json:"certificate,omitempty"`
	Info        *certificateInfo `json:"info,omitempty"`
}

// certificateInfo has all eight members or Java and C# refuse it (service-api.md 2.3).
type certificateInfo struct {
	SubjectName      string `json:"subjectName"`
	SHA1Thumbprint   string `json:"sha1Thumbprint"`
	SHA256Thumbprint string `json:"sha256Thumbprint"`
	IssuerName       string `json:"issuerName"`
	NotBefore        string `json:"notBeforeUtc"`
	NotAfter         string `json:"notAfterUtc"`
	SerialNumber     string `json:"serialNumber"`
	Version          int    `json:"version"`
}
