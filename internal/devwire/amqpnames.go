package devwire

import (
	"encoding/json"

	"github.com/dpslab/dpslab/internal/devwire/amqpframe"
)

// The names of the device API over AMQP (device-api.md 3.2 to 3.4).
const (
	apiVersionProperty    = "com.microsoft:api-version"
	clientVersionProperty = "com.microsoft:client-version"

	operationTypeProperty     = "iotdps-operation-type"
	operationIDProperty       = "iotdps-operation-id"
	forceRegistrationProperty = "iotdps-forceRegistration"

	registerOperation = "iotdps-register"
	pollOperation     = "iotdps-get-operationstatus"

	retryAfterProperty = "retry-after"
	retryAfterOfCSharp = "Retry-After"
)

// AMQPLinkAddress is the address of both links of a registration, and the user of SASL
// PLAIN.
func AMQPLinkAddress(scope, registrationID string) string {
	return scope + "/registrations/" + registrationID
}

// amqpRequest is a request before it becomes a message of go-amqp or of amqpframe.
type amqpRequest struct {
	properties  map[string]any // application properties
	names       []string       // theirs, in order
	correlation any
	data        []byte // a data section; nil is none
	value       any    // an amqp-value section; nil is none
}

func (r *amqpRequest) set(name string, value any) {
	if r.properties == nil {
		r.properties = map[string]any{}
	}
	r.properties[name] = value
	r.names = append(r.names, name)
}

// amqpRegister is the request to register, as the identity's style writes it.
func (id Identity) amqpRegister(payload json.RawMessage, session string) (amqpRequest, error) {
	r := amqpRequest{correlation: id.AMQP.correlation(session)}
	r.set(operationTypeProperty, registerOperation)
	if force := id.AMQP.ForceRegistration; force != nil {
		r.set(forceRegistrationProperty, *force)
	}
	var err error
	switch {
	case id.AMQP.Register == RegisterDocument:
		r.data, err = id.registration(payload, id.AMQP.TPMInBody)
	case payload == nil:
		r.data = []byte{}
	default:
		r.data, err = json.Marshal(map[string]json.RawMessage{"payload": payload})
	}
	if err != nil {
		return r, notSent("the registration's payload is not JSON: %w", err)
	}
	return r, nil
}

// amqpPoll is the question for an operation's status, as the identity's style writes it.
func (id Identity) amqpPoll(operationID, session string) (amqpRequest, error) {
	r := amqpRequest{correlation: id.AMQP.correlation(session)}
	r.set(operationTypeProperty, pollOperation)
	r.set(operationIDProperty, operationID)
	var err error
	switch id.AMQP.Poll {
	case PollDocument:
		r.data, err = id.registration(nil, id.AMQP.TPMInBody)
	case PollEmptyString:
		r.value = ""
	case PollOperationName:
		r.value = pollOperation
	}
	return r, err
}

// message writes the request section by section.
func (r amqpRequest) message() amqpframe.Message {
	var pairs []any
	for _, name := range r.names {
		pairs = append(pairs, name, r.properties[name])
	}
	var m amqpframe.Message
	if r.correlation != nil {
		m = append(m, amqpframe.New("properties", amqpframe.Fields{"correlation-id": r.correlation}))
	}
	m = append(m, amqpframe.Application(pairs...))
	if r.data != nil {
		m = append(m, amqpframe.Data(r.data))
	}
	if r.value != nil {
		m = append(m, amqpframe.Value(r.value))
	}
	return m
}
