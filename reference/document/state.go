package document

import (
	"encoding/json"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/etag"
	"github.com/dpslab/dpslab/reference/registration"
)

// State is DeviceRegistrationState. Absent members are omitted: a null breaks the
// embedded C parser (device-api.md 0.1 item 6).
type State struct {
	RegistrationID string          `json:"registrationId"` // [DPS-HTTPS-050] [DPS-MQTT-069]
	Created        string          `json:"createdDateTimeUtc,omitempty"`
	AssignedHub    string          `json:"assignedHub,omitempty"`
	DeviceID       string          `json:"deviceId,omitempty"`
	Status         string          `json:"status"`
	Substatus      string          `json:"substatus,omitempty"`
	ErrorCode      int             `json:"errorCode,omitempty"` // [DPS-MQTT-070]
	ErrorMessage   string          `json:"errorMessage,omitempty"`
	LastUpdated    string          `json:"lastUpdatedDateTimeUtc,omitempty"`
	ETag           string          `json:"etag,omitempty"`
	Payload        json.RawMessage `json:"payload,omitempty"`
}

// StateOf renders a record (service-api.md 2.7).
func StateOf(r registration.Record) State {
	s := State{
		RegistrationID: r.RegistrationID, Status: Status(r.Status), ETag: etag.ETag(r.ETag).Base64(),
		Created: Timestamp(r.Created), LastUpdated: Timestamp(r.Updated),
	}
	switch r.Status {
	case dps.StatusFailed:
		s.ErrorCode, s.ErrorMessage = r.ErrorCode, r.ErrorMessage
	case dps.StatusAssigned:
		s.AssignedHub, s.DeviceID, s.Substatus, s.Payload = r.Hub, r.DeviceID, substatuses[r.Substatus], r.Payload
	}
	return s
}
