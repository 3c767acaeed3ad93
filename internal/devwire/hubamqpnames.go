package devwire

import (
	"maps"
	"slices"
	"strings"

	"github.com/Azure/go-amqp"
)

// HubAMQPStyle is what clients spell differently at a hub over AMQP (iot-hub.md 2). The
// zero value is Node's way: no SASL layer, then a token put at $cbs.
type HubAMQPStyle struct {
	Name string // for titles of checks
	// SASL is a mechanism; "" and NoSASL begin with AMQP itself. PLAIN brings the token along;
	// after every other, and after none, a device with a key puts it at $cbs.
	SASL string

	Absolute   bool // addresses are amqps://{host}/devices/…
	BareHost   bool // the token's audience at $cbs is not percent-encoded
	UUIDs      bool // the message-id at $cbs is an AMQP uuid, not a string
	ModelID    string
	ClientName string // link property com.microsoft:client-version; "" leaves it out
}

// HubAMQPStyles are the ways of the SDKs, and the one that the documents have for others.
func HubAMQPStyles() []HubAMQPStyle {
	return []HubAMQPStyle{
		{Name: "C", SASL: "MSSBCBS", Absolute: true, BareHost: true, ClientName: "dpslab/1.0 (as C)"},
		{Name: "C#", SASL: NoSASL, Absolute: true, BareHost: true, ClientName: "dpslab/1.0 (as C#)"},
		{Name: "Java", SASL: "ANONYMOUS", BareHost: true, UUIDs: true, ClientName: "dpslab/1.0 (as Java)"},
		{Name: "Node", SASL: NoSASL, ClientName: "dpslab/1.0 (as Node)"},
		{Name: "documents", SASL: "PLAIN"},
	}
}

// The addresses of a device at its hub (iot-hub.md 2.3).
const (
	telemetryAddress = "/messages/events"
	methodsAddress   = "/methods/devicebound"
	twinAddress      = "/twin"
	cbsAddress       = "$cbs"
)

// address is a device's address with that end, as the style spells it.
func (s HubAMQPStyle) address(host, deviceID, end string) string {
	address := "/devices/" + escape(deviceID) + end
	if s.Absolute {
		address = "amqps://" + host + address
	}
	return address
}

// HubPlainUser is the user of SASL PLAIN at a hub (iot-hub.md 2.1).
func HubPlainUser(host, deviceID string) string {
	name, _, _ := strings.Cut(host, ".")
	return deviceID + "@sas." + name
}

// Names within the messages of a hub (iot-hub.md 2.2, 2.5, 2.6).
const (
	channelCorrelationProperty = "com.microsoft:channel-correlation-id"
	modelIDProperty            = "com.microsoft:model-id"

	putTokenOperation = "put-token"
	sasTokenType      = "servicebus.windows.net:sastoken"
	statusCode        = "status-code"

	reportedResource      = "/properties/reported"
	desiredResource       = "/properties/desired"
	notificationsResource = "/notifications/twin/properties/desired"

	methodNameProperty   = "IoThub-methodname"
	methodStatusProperty = "IoThub-status"
)

// telemetryMessage is a message with properties by the names that they have over MQTT: of
// the system's, those that AMQP has a place for (iot-hub.md 1.5, 2.4).
func telemetryMessage(payload []byte, properties map[string]string) *amqp.Message {
	m := amqp.NewMessage(payload)
	m.Properties = &amqp.MessageProperties{}
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		value := properties[name]
		switch name {
		case "$.mid":
			m.Properties.MessageID = value
		case "$.cid":
			m.Properties.CorrelationID = value
		case "$.uid":
			m.Properties.UserID = []byte(value)
		case "$.ct":
			m.Properties.ContentType = &value
		case "$.ce":
			m.Properties.ContentEncoding = &value
		case "$.to":
			m.Properties.To = &value
		default:
			if m.ApplicationProperties == nil {
				m.ApplicationProperties = map[string]any{}
			}
			m.ApplicationProperties[telemetryName(name)] = value
		}
	}
	return m
}

// telemetryName is where a property without a place of its own goes.
func telemetryName(name string) string {
	switch name {
	case "$.on":
		return "iothub-outputname"
	case "$.ctime":
		return "iothub-creation-time-utc"
	case "$.schema":
		return "iothub-message-schema"
	}
	return name
}
