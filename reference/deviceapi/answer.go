package deviceapi

import (
	"encoding/json"
	"encoding/pem"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/reference/apiversion"
	"github.com/dpslab/dpslab/reference/document"
	"github.com/dpslab/dpslab/reference/registration"
)

// operationStatus is RegistrationOperationStatus.
type operationStatus struct {
	OperationID string `json:"operationId"` // [DPS-HTTPS-049] [DPS-MQTT-068]
	Status      string `json:"status"`      // [DPS-HTTPS-049] [DPS-MQTT-068]
	State       *state `json:"registrationState,omitempty"`
}

// state is DeviceRegistrationResult: the registration's state with a word on how the
// device proved itself.
type state struct {
	X509         *certified    `json:"x509,omitempty"`
	SymmetricKey *symmetricKey `json:"symmetricKey,omitempty"`
	TPM          *tpm          `json:"tpm,omitempty"`
	Certificate  string        `json:"issuedClientCertificate,omitempty"`
	Chain        [][]byte      `json:"issuedCertificateChain,omitempty"`
	document.State
}

type certified struct {
	EnrollmentGroupID string `json:"enrollmentGroupId,omitempty"`
}

type symmetricKey struct {
	EnrollmentGroupID string `json:"enrollmentGroupId"`
}

type tpm struct {
	AuthenticationKey []byte `json:"authenticationKey"`
}

// EncodeOperation renders what a register call or a poll answers in an api-version.
func EncodeOperation(op registration.Operation, version string) ([]byte, error) {
	doc := operationStatus{OperationID: op.ID, Status: document.Status(op.Record.Status)}
	if op.Record.Status.Terminal() { // [DPS-HTTPS-036] failed and disabled carry it too
		doc.State = stateOf(op.Record)
		doc.State.issued(op.Record, version)
	}
	return json.Marshal(doc)
}

// issued puts in the certificate that this registration was given, in the form of the
// api-version. A later lookup never shows it (device-api.md 7).
func (s *state) issued(r registration.Record, version string) {
	if r.Status != dps.StatusAssigned || len(r.Issued) == 0 {
		return
	}
	switch apiversion.Issuance(version) {
	case apiversion.IssuancePEM: // [DPS-X509-022]
		s.Certificate = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.Issued[0]}))
	case apiversion.IssuanceChain: // [DPS-X509-018]
		s.Chain = r.Issued
	}
}

// EncodeRecord renders what a registration status lookup answers: the state alone.
func EncodeRecord(r registration.Record) ([]byte, error) { return json.Marshal(stateOf(r)) }

func stateOf(r registration.Record) *state {
	s := &state{State: document.StateOf(r)}
	switch {
	case r.Status == dps.StatusDisabled: // captured with these two members alone
		s.State = document.State{RegistrationID: s.RegistrationID, Status: s.Status}
	case r.Status == dps.StatusAssigned && r.Attestation == dps.AttestationX509:
		s.X509 = &certified{r.GroupID}
	case r.Status == dps.StatusAssigned && r.Attestation == dps.AttestationTPM: // [DPS-TPM-006]
		s.TPM = &tpm{r.AuthenticationKey}
	case r.Status == dps.StatusAssigned && r.GroupID != "":
		s.SymmetricKey = &symmetricKey{r.GroupID}
	}
	return s
}
