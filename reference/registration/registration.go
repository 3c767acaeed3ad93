// Package registration holds what became of devices that registered: the record of each
// registration and the operations by which devices follow one (service-api.md 2.7,
// device-api.md 1.5). It knows no wire format.
package registration

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/dps"
)

// Record is the current state of one registration.
type Record struct {
	RegistrationID string
	GroupID        string // empty: through an individual enrollment
	Attestation    dps.Attestation
	Status         dps.Status
	Substatus      dps.Substatus // only when assigned
	// Hub is the host name of the hub that has the device's identity, and DeviceID its id
	// there: both or neither. A later attempt that failed or met a disabled enrollment
	// leaves them; devices hear of them only when assigned.
	Hub, DeviceID string
	// Leaving are other places where the device may have an identity that is still to be
	// removed: written before the identity, so that no end of the process forgets one.
	Leaving      []Place `json:",omitempty"`
	ErrorCode    int     // only when failed
	ErrorMessage string
	Payload      []byte // one JSON object for the device, or nil
	// AuthenticationKey is the device's key at its hub, wrapped for its TPM; nil without one.
	AuthenticationKey []byte
	// Issued is the certificate that this registration was given, leaf first to the root, in
	// DER; nil where the device asked for none.
	Issued           [][]byte
	ETag             string // without quotes
	Created, Updated time.Time
}

// Place is an identity at a hub, by the hub's host name and the device's id there.
type Place struct{ Hub, DeviceID string }

// Is reports whether both are the same identity: host names have no case, device ids have.
func (p Place) Is(o Place) bool { return strings.EqualFold(p.Hub, o.Hub) && p.DeviceID == o.DeviceID }

// Place is where the device has its identity; the zero Place before it ever had one.
func (r Record) Place() Place { return Place{r.Hub, r.DeviceID} }

// Operation is one register call as its device follows it by polling.
type Operation struct {
	ID             string
	RegistrationID string
	Record         Record // its Status is the operation's
}

// Errors of a Store.
var (
	ErrNotFound = errors.New("no such registration")
	ErrChanged  = errors.New("registration changed meanwhile")
)

// Store keeps records and operations. Writes of records are compare-and-swap on the ETag.
type Store interface {
	Get(ctx context.Context, registrationID string) (Record, error)
	// Put stores r over the record that carries the ETag was; an empty was means that
	// there must be none. It answers ErrChanged when that does not hold.
	Put(ctx context.Context, r Record, was string) error
	// Delete removes the record that carries the ETag was; an empty was removes any.
	Delete(ctx context.Context, registrationID, was string) error
	// ListGroup returns up to limit records that came through the group, in the order of
	// their folded ids, beginning after the id given.
	ListGroup(ctx context.Context, groupID, after string, limit int) ([]Record, error)

	PutOperation(ctx context.Context, o Operation, forgetAt time.Time) error
	// Operation answers ErrNotFound for an operation that is unknown or forgotten at now.
	Operation(ctx context.Context, id string, now time.Time) (Operation, error)
}
