// Package vectors holds golden vectors: what the wire must look like, taken as data from
// the protocol dossiers. Server and client write their wire strings each for themselves;
// both test against these, so that neither can drift alone.
package vectors

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"sync"
)

//go:embed vectors.json
var file []byte

// All returns the vectors. The value is shared: read it only.
var All = sync.OnceValue(func() *Vectors {
	v := new(Vectors)
	if err := json.Unmarshal(file, v); err != nil {
		panic(fmt.Sprintf("vectors: the embedded file: %v", err))
	}
	return v
})

// Vectors is the whole file. Every group names its source in the dossiers.
type Vectors struct {
	GroupKeys []GroupKey `json:"groupKeys"`
	SASTokens []SASToken `json:"sasTokens"`
	MQTT      MQTT       `json:"mqtt"`
	WebSocket WebSocket  `json:"webSocket"`
	HTTPS     HTTPS      `json:"https"`
	AMQP      AMQP       `json:"amqp"`
	Answers   []Answer   `json:"answers"`
	// Statuses and Substatuses lead from what internal/dps prints to the wire's word.
	Statuses      map[string]string `json:"statuses"`
	Substatuses   map[string]string `json:"substatuses"`
	StateMembers  Names             `json:"stateMembers"`
	ErrorDocument ErrorDocument     `json:"errorDocument"`
	ServiceAPI    ServiceAPI        `json:"serviceApi"`
	Hub           Hub               `json:"hub"`
}

// GroupKey is one derivation of a device's key from its group's. Keys are base64.
type GroupKey struct {
	Source, GroupKey, RegistrationID, DeviceKey string
}

// SASToken is one token as some client spells it.
type SASToken struct {
	Source    string
	Key       string // base64
	Resource  string // sr, as signed and sent
	Expiry    int64  // se
	Policy    *string
	Order     []string
	Signature string // base64, before URL encoding
	Token     string
}

// MQTT are the names and topics of the device API (device-api.md 2).
type MQTT struct {
	Usernames []struct {
		Source, Scope, RegistrationID, APIVersion, ClientVersion, Username string
	}
	ResponseFilter string
	Requests       []struct{ Source, Operation, RID, OperationID, Topic string }
	Responses      []struct {
		Source     string
		Code       int
		RID        string
		RetryAfter *int
		Topic      string
	}
}

// WebSocket is how MQTT and AMQP are upgraded to (device-api.md 2.9, 3.1).
type WebSocket struct {
	Source, Path, AMQPSubprotocol string
	MQTTSubprotocols              []string
}

// HTTPS are the requests of the device API (device-api.md 1.1).
type HTTPS struct {
	Source   string
	Requests []struct{ Operation, Method, Path string }
	Headers  struct{ RetryAfter, RequestID, ErrorCode, ContentType string }
}

// AMQP are the names of the device API over AMQP (device-api.md 3).
type AMQP struct {
	Source                                     string
	Headers                                    struct{ AMQP, SASL string } // hexadecimal
	Scope, RegistrationID, Host, Address       string
	Addresses                                  []struct{ Source, Address string } // every spelling of it
	SASL                                       SASL
	APIVersionProperty, ClientVersionProperty  string
	OperationTypeProperty, OperationIDProperty string
	RegisterOperation, PollOperation           string
	LookupOperation, ForceRegistrationProperty string
	RetryAfterProperty, RetryAfterOfCSharp     string
	Conditions                                 []struct {
		Source    string
		Code      int
		Condition string
	}
}

// SASL is what goes within SASL frames, in hexadecimal where it is no text (device-api.md
// 3.1, 4.3). The TPM's keys and blob are not real ones, only short.
type SASL struct {
	Source                               string
	Mechanisms                           []string // those the service has to offer
	PlainPassword, PlainResponse         string
	TPMEndorsementKey, TPMStorageRootKey string
	TPMToken                             string
	TPMBlob, TPMChallenges, TPMResponses []string // the first response is the initial one
	Outcomes                             map[string]byte
}

// Answer is a registration's answer and what a device reads from it.
type Answer struct {
	Source                string
	Code                  int // HTTP status, or the code in the MQTT topic
	OperationID           string
	Status, Substatus     string // the wire's words
	AssignedHub, DeviceID string
	ErrorCode             int // of the registration state
	Body                  json.RawMessage
}

// Names is a list of JSON member names.
type Names struct {
	Source string
	Names  []string
}

// ErrorDocument is the body of every refusal (device-api.md 1.6).
type ErrorDocument struct {
	Source  string
	Members []string
	Example json.RawMessage
}

// ServiceAPI are paths and header names of the service API (service-api.md 1).
type ServiceAPI struct {
	Source                              string
	EnrollmentPath, EnrollmentGroupPath string
	AttestationPath, RegistrationPath   string
	QueryPaths                          []string
	ItemTypes                           map[string]string
	ItemTypeHeader, ContinuationHeader  string
	MaxItemCountHeader, ErrorCodeHeader string
	RequestIDHeader                     string
	ConnectionString                    string
}

// Hub are the names and topics of a device at its hub (iot-hub.md 1).
type Hub struct {
	Source, Host, DeviceID, ClientID, Username, SASResource string
	Telemetry                                               struct {
		Properties map[string]string
		Topic      string
	}
	TwinResponseFilter, DesiredFilter, MethodFilter string
	TwinGet, Report                                 struct{ RID, Topic string }
	TwinResult, ReportResult, MethodResult          struct {
		RID     string
		Status  int
		Version int64
		Topic   string
	}
	Desired struct {
		Version int64
		Topic   string
	}
	Method struct{ Name, RID, Topic string }
	AMQP   HubAMQP
}

// HubAMQP are the names of a device at its hub over AMQP (iot-hub.md 2).
type HubAMQP struct {
	Source                      string
	Mechanisms                  []string
	PlainUser                   string
	TelemetryAddress            string
	DeviceBoundAddress          string
	MethodsAddress, TwinAddress string
	ChannelCorrelationProperty  string
	CBS                         struct {
		Address, ReplyTo, Operation, Type, Audience   string
		StatusCodeProperty, StatusDescriptionProperty string
	}
	Twin struct {
		OperationAnnotation, ResourceAnnotation, StatusAnnotation, VersionAnnotation string
		Get, Patch, Put, Delete                                                      string
		ReportedResource, NotificationsResource, DesiredResource                     string
	}
	MethodNameProperty, MethodStatusProperty string
	BatchFormat                              uint32
}
