package devwire

import (
	"strconv"
	"strings"

	"github.com/dpslab/dpslab/internal/devwire/amqpframe"
	"github.com/google/uuid"
)

// AMQPStyle is what clients spell differently over AMQP (device-api.md 3). The zero value
// is a client of the plainest kind; AMQPStyles are those of the SDKs. What no style
// varies, such as two attaches in one write, is for a check with Wire.AMQP.
type AMQPStyle struct {
	Name string // for titles of checks

	// SASL is a mechanism, or NoSASL. "" is PLAIN with a key, TPM with a TPM, and no SASL
	// layer with a certificate or nothing.
	SASL         string
	SASLHostname bool // of the init: the registration's address

	Path         string // of a WebSocket; "" is /$iothub/websocket
	ContainerID  string // "" is random
	HostnamePort bool   // the open's hostname has the port behind it

	Address                      AMQPAddress
	ReceiverName, SenderName     string // "" is random
	SenderSource, ReceiverTarget string // addresses of the client's own ends
	SenderFirst                  bool   // attach the sender before the receiver
	ClientVersion                string // link property; "" leaves it out
	ForceRegistration            *bool  // application property of the register request

	Correlation AMQPCorrelation
	DeliveryTag AMQPTag
	Register    AMQPRegisterBody
	Poll        AMQPPollBody
	TPMInBody   bool // a TPM's keys are in the registration too, after SASL TPM
}

// NoSASL begins with AMQP itself.
const NoSASL = "none"

// AMQPAddress is a spelling of the address {idScope}/registrations/{registrationId}.
type AMQPAddress uint8

const (
	AddressBare     AMQPAddress = iota // as above
	AddressSlash                       // with a / before it
	AddressAbsolute                    // amqps://{host}/ before it
)

// AMQPCorrelation is what a request has as its correlation-id.
type AMQPCorrelation uint8

const (
	CorrelationString  AMQPCorrelation = iota // a uuid for each request, as a string
	CorrelationSession                        // one for all requests, as a string
	CorrelationNone                           // none: answers are told apart by their order
	CorrelationUUID                           // the other types that AMQP allows
	CorrelationUlong
	CorrelationBinary
)

// AMQPTag is what delivery tags are made of.
type AMQPTag uint8

const (
	TagCounter AMQPTag = iota // 8 bytes
	TagUUID                   // 16 bytes
	TagDecimal                // "0", "1", …
)

// AMQPRegisterBody is the body of a register request.
type AMQPRegisterBody uint8

const (
	RegisterDocument AMQPRegisterBody = iota // the registration as JSON, in a data section
	RegisterPayload                          // {"payload": …} without an id, or no bytes at all, in a data section
)

// AMQPPollBody is the body of a poll, which no server should look at.
type AMQPPollBody uint8

const (
	PollDocument      AMQPPollBody = iota // the registration once more
	PollNothing                           // no body section
	PollEmptyString                       // an amqp-value ""
	PollOperationName                     // an amqp-value iotdps-get-operationstatus
)

// AMQPStyles are the ways of the SDKs that speak AMQP to the service.
func AMQPStyles() []AMQPStyle {
	force := false
	return []AMQPStyle{
		{
			Name: "C", ContainerID: "prov_connection", Address: AddressAbsolute, ReceiverName: "recv_link", SenderName: "sender_link",
			SenderSource: "remote_endpoint", ReceiverTarget: "local_endpoint",
			Correlation: CorrelationNone, Poll: PollDocument, TPMInBody: true,
		},
		{
			Name: "C#", Path: "/", ContainerID: uuid.NewString(), ReceiverName: uuid.NewString(), SenderName: uuid.NewString(),
			ClientVersion: "dpslab/1.0 (as C#)", ForceRegistration: &force, SASLHostname: true,
			Correlation: CorrelationSession, DeliveryTag: TagUUID, Register: RegisterPayload, Poll: PollOperationName,
		},
		{
			Name: "Java", Path: "/$iothub/websocket?iothub-no-client-cert=true", HostnamePort: true, Address: AddressSlash,
			ReceiverName: "provision_receiver_link", SenderName: "provision_sender_link",
			ClientVersion: "dpslab/1.0 (as Java)", Correlation: CorrelationNone, DeliveryTag: TagDecimal, Poll: PollNothing,
		},
		{
			Name: "Node", ClientVersion: "dpslab/1.0 (as Node)", ForceRegistration: &force, SASLHostname: true,
			Correlation: CorrelationString, Poll: PollEmptyString, TPMInBody: true,
		},
	}
}

// address is the registration's address in the style's spelling.
func (s AMQPStyle) address(host string, id Identity) string {
	bare := AMQPLinkAddress(id.Scope, id.RegistrationID)
	switch s.Address {
	case AddressSlash:
		return "/" + bare
	case AddressAbsolute:
		return "amqps://" + host + "/" + bare
	}
	return bare
}

// hostname is what the open names.
func (s AMQPStyle) hostname(ep Endpoint, port int) string {
	if s.HostnamePort {
		return ep.Host + ":" + strconv.Itoa(port)
	}
	return ep.Host
}

// correlation makes a request's correlation-id, of one of amqpframe's types; nil is none.
func (s AMQPStyle) correlation(session string) any {
	id := uuid.New()
	switch s.Correlation {
	case CorrelationNone:
		return nil
	case CorrelationSession:
		return session
	case CorrelationUUID:
		return amqpframe.UUID(id)
	case CorrelationUlong:
		return uint64(id.ID())<<32 | uint64(id.ID())
	case CorrelationBinary:
		return id[:]
	}
	return id.String()
}

// ambiguous reports whether an answer could be that of an earlier request.
func (s AMQPStyle) ambiguous() bool {
	return s.Correlation == CorrelationNone || s.Correlation == CorrelationSession
}

func (s AMQPStyle) String() string {
	if s.Name == "" {
		return "plain"
	}
	return strings.ToLower(s.Name)
}
