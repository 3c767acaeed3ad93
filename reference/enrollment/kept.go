package enrollment

import (
	"crypto/x509"
	"encoding/json"
	"fmt"
	"time"

	"github.com/dpslab/dpslab/internal/dps"
)

// kept is a record as the data file has it, in JSON. Kinds, types and policies are the
// numbers of their constants. A change of it is another format of the file.
type kept struct {
	Kind              Kind
	ID                string
	DeviceID          string          `json:",omitzero"`
	Type              dps.Attestation `json:",omitzero"`
	SymmetricKey      SymmetricKey    `json:",omitzero"`
	Form              X509Form        `json:",omitzero"`
	Primary           []byte          `json:",omitzero"` // DER
	Secondary         []byte          `json:",omitzero"`
	References        [2]string       `json:",omitzero"`
	TPM               TPM             `json:",omitzero"`
	IoTEdge           bool            `json:",omitzero"`
	Disabled          bool            `json:",omitzero"`
	Policy            dps.Policy      `json:",omitzero"`
	Hubs              []string        `json:",omitzero"`
	HubHostName       string          `json:",omitzero"`
	Webhook           *Webhook        `json:",omitzero"`
	Reprovision       *Reprovision    `json:",omitzero"`
	InitialTwin       *Twin           `json:",omitzero"`
	DeviceInformation []byte          `json:",omitzero"`
	CredentialPolicy  string          `json:",omitzero"`
	ETag              string
	Created, Updated  time.Time
}

// Marshal returns a record in the form that stores keep, JSON with its keys in it.
func Marshal(e Enrollment) ([]byte, error) {
	text, err := json.Marshal(keptOf(e))
	if err != nil {
		return nil, fmt.Errorf("enrollment %q: %w", e.ID, err)
	}
	return text, nil
}

// Unmarshal reads what Marshal wrote.
func Unmarshal(text []byte) (Enrollment, error) {
	var k kept
	if err := json.Unmarshal(text, &k); err != nil {
		return Enrollment{}, fmt.Errorf("an enrollment cannot be read: %w", err)
	}
	e, err := k.enrollment()
	if err != nil {
		return Enrollment{}, fmt.Errorf("enrollment %q cannot be read: %w", k.ID, err)
	}
	return e, nil
}

func keptOf(e Enrollment) kept {
	a := e.Attestation
	return kept{
		Kind: e.Kind, ID: e.ID, DeviceID: e.DeviceID,
		Type: a.Type, SymmetricKey: a.SymmetricKey, TPM: a.TPM, Form: a.X509.Form, Primary: der(a.X509.Primary), Secondary: der(a.X509.Secondary),
		References: [2]string{a.X509.PrimaryReference, a.X509.SecondaryReference},
		IoTEdge:    e.IoTEdge, Disabled: e.Disabled, Policy: e.Policy, Hubs: e.Hubs, HubHostName: e.HubHostName, Webhook: e.Webhook,
		Reprovision: e.Reprovision, InitialTwin: e.InitialTwin, DeviceInformation: e.DeviceInformation, CredentialPolicy: e.CredentialPolicy,
		ETag: e.ETag, Created: e.Created.UTC(), Updated: e.Updated.UTC(),
	}
}

func (k kept) enrollment() (Enrollment, error) {
	e := Enrollment{
		Kind: k.Kind, ID: k.ID, DeviceID: k.DeviceID,
		Attestation: Attestation{Type: k.Type, SymmetricKey: k.SymmetricKey, TPM: k.TPM, X509: X509{
			Form: k.Form, PrimaryReference: k.References[0], SecondaryReference: k.References[1],
		}},
		IoTEdge: k.IoTEdge, Disabled: k.Disabled, Policy: k.Policy, Hubs: k.Hubs, HubHostName: k.HubHostName, Webhook: k.Webhook,
		Reprovision: k.Reprovision, InitialTwin: k.InitialTwin, DeviceInformation: k.DeviceInformation, CredentialPolicy: k.CredentialPolicy,
		ETag: k.ETag, Created: k.Created, Updated: k.Updated,
	}
	var err error
	if e.Attestation.X509.Primary, err = parse(k.Primary); err != nil {
		return Enrollment{}, err
	}
	e.Attestation.X509.Secondary, err = parse(k.Secondary)
	return e, err
}

func der(c *Certificate) []byte {
	if c == nil {
		return nil
	}
	return c.Raw
}

func parse(der []byte) (*Certificate, error) {
	if der == nil {
		return nil, nil
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return NewCertificate(c), nil
}
