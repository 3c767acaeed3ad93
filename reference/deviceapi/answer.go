package deviceapi

import (
	"encoding/json"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/reference/document"
	"github.com/dpslab/dpslab/reference/registration"
)

// operationStatus is RegistrationOperationStatus.
type operationStatus struct {
	OperationID string `json:"operationId"`
	Status      string `json:"status"`
	State       *state `json:"registrationState,omitempty"`
}

// state is DeviceRegistrationResult: the registration's state with a word on how the
// device proved itself.
type state struct {
	X509         *x509         `json:"x509,omitempty"`
	SymmetricKey *symmetricKey `json:"symmetricKey,omitempty"`
	TPM          *tpm          `json:"tpm,omitempty"`
	document.State
}

type x509 struct {
	EnrollmentGroupID string `json:"enrollmentGroupId,omitempty"`
}

type symmetricKey struct {
	EnrollmentGroupID string `json:"enrollmentGroupId"`
}

type tpm struct {
	AuthenticationKey []byte `json:"authenticationKey"`
}

// EncodeOperation renders what a register call or a poll answers.
func EncodeOperation(op registration.Operation) ([]byte, error) {
	doc := operationStatus{OperationID: op.ID, Status: document.Status(op.Record.Status)}
	if op.Record.Status.Terminal() { // [DPS-HTTPS-036] failed and disabled carry it too
		doc.State = stateOf(op.Record)
	}
	return json.Marshal(doc)
}

// EncodeRecord renders what a registration status lookup answers: the state alone.
func EncodeRecord(r registration.Record) ([]byte, error) { return json.Marshal(stateOf(r)) }

func stateOf(r registration.Record) *state {
	s := &state{State: document.StateOf(r)}
	switch {
	case r.Status == dps.StatusDisabled: // captured with these two members alone
		s.State = document.State{RegistrationID: s.RegistrationID, Status: s.Status}
	case r.Status == dps.StatusAssigned && r.Attestation == dps.AttestationX509:
		s.X509 = &x509{r.GroupID}
	case r.Status == dps.StatusAssigned && r.Attestation == dps.AttestationTPM: // [DPS-TPM-006]
		s.TPM = &tpm{r.AuthenticationKey}
	case r.Status == dps.StatusAssigned && r.GroupID != "":
		s.SymmetricKey = &symmetricKey{r.GroupID}
	}
	return s
}
