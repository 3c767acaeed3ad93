package devwire

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/dpslab/dpslab/internal/dps"
)

// Answer is what the service said to a register or a poll, over any transport.
type Answer struct {
	Code          int // HTTP status, or the code in the MQTT topic; over AMQP see ParseAMQPAnswer
	OperationID   string
	Status        dps.Status
	StatusText    string // the word on the wire, where Status is unknown
	RetryAfter    time.Duration
	HasRetryAfter bool
	State         *State         // nil when the answer holds none
	Error         *ErrorDocument // nil for codes below 300
	Raw           []byte         // the body
	Topic         string         // MQTT: the topic it came on
	Condition     string         // AMQP: the condition of a rejection
}

// State is a registration's state as the device sees it (device-api.md 1.5).
type State struct {
	RegistrationID, AssignedHub, DeviceID, ETag, ErrorMessage string
	ErrorCode                                                 int
	Status                                                    dps.Status
	Substatus                                                 dps.Substatus
	Created, LastUpdated                                      string // as sent
	Payload                                                   json.RawMessage
}

// ErrorDocument is the body of a refusal (device-api.md 1.6).
type ErrorDocument struct {
	ErrorCode                         int // six digits; 0 when the document has none
	TrackingID, Message, TimestampUTC string
	Info                              map[string]string
}

var statuses = map[string]dps.Status{
	"unassigned": dps.StatusUnassigned,
	"assigning":  dps.StatusAssigning,
	"assigned":   dps.StatusAssigned,
	"failed":     dps.StatusFailed,
	"disabled":   dps.StatusDisabled,
}

var substatuses = map[string]dps.Substatus{
	"initialAssignment":                dps.SubstatusInitialAssignment,
	"deviceDataMigrated":               dps.SubstatusDeviceDataMigrated,
	"deviceDataReset":                  dps.SubstatusDeviceDataReset,
	"reprovisionedToInitialAssignment": dps.SubstatusReprovisionedToInitialAssignment,
}

// ParseAnswer reads the body of an answer with that code. The error is a *Malformed; the
// answer beside it holds what could be read.
func ParseAnswer(code int, body []byte) (Answer, error) {
	a := Answer{Code: code, Raw: body}
	var err error
	if code >= 300 {
		a.Error, err = parseErrorDocument(body)
	} else {
		err = a.parse(body)
	}
	if err != nil {
		return a, &Malformed{What: fmt.Sprintf("code %d: %v", code, err), Raw: body}
	}
	return a, nil
}

func (a *Answer) parse(body []byte) error {
	m, err := parseMembers("the body", body)
	if err != nil {
		return err
	}
	if err := m.readAll(map[string]any{"operationId": &a.OperationID, "status": &a.StatusText}); err != nil {
		return err
	}
	a.Status = statuses[a.StatusText]
	if a.OperationID == "" || a.StatusText == "" {
		// Java asks for both in every answer that is no error.
		return errors.New("operationId or status is missing")
	}
	if raw, ok := m["registrationState"]; ok {
		a.State, err = parseState(raw)
	}
	return err
}

func parseState(b []byte) (*State, error) {
	m, err := parseMembers("registrationState", b)
	if err != nil {
		return nil, err
	}
	s := new(State)
	var status, substatus string
	err = m.readAll(map[string]any{
		"registrationId": &s.RegistrationID, "assignedHub": &s.AssignedHub, "deviceId": &s.DeviceID,
		"etag": &s.ETag, "errorMessage": &s.ErrorMessage, "errorCode": &s.ErrorCode,
		"status": &status, "substatus": &substatus,
		"createdDateTimeUtc": &s.Created, "lastUpdatedDateTimeUtc": &s.LastUpdated,
	})
	if err == nil {
		_, err = tpmKey(m)
	}
	s.Status, s.Substatus, s.Payload = statuses[status], substatuses[substatus], m["payload"]
	switch {
	case err != nil:
		return s, fmt.Errorf("registrationState.%w", err)
	case s.RegistrationID == "" || status == "":
		return s, errors.New("registrationState without registrationId or status")
	case substatus != "" && s.Substatus == dps.SubstatusNone:
		return s, fmt.Errorf("registrationState.substatus %q is not a word of the service", substatus)
	}
	return s, nil
}

func parseErrorDocument(b []byte) (*ErrorDocument, error) {
	m, err := parseMembers("the error document", b)
	if err != nil {
		return nil, err
	}
	d := new(ErrorDocument)
	return d, m.readAll(map[string]any{
		"errorCode": &d.ErrorCode, "trackingId": &d.TrackingID, "message": &d.Message,
		"timestampUtc": &d.TimestampUTC, "info": &d.Info,
	})
}
