package devicefront

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/dpslab/dpslab/internal/amqpserver"
	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
)

// batchFormat is the message-format of messages within a message (iot-hub.md 2.4).
const batchFormat = 0x80013700

// telemetry takes a message, or a batch of them, as a whole or not at all.
func (d *amqpDevice) telemetry(ctx context.Context, delivery *amqpserver.Delivery) {
	d.presence.Active()
	events, refused := unpack(delivery)
	if refused != nil {
		delivery.Reject(refused)
		return
	}
	at := delivery.Receiver().At(StepTelemetry)
	for _, e := range events {
		d.state.front.enqueue(ctx, at, d.presence.Identity, e.body, e.properties, e.system)
	}
	delivery.Accept() // [DPS-HUB-062]
}

// event is a message of a device as the hub keeps it.
type event struct {
	body       []byte
	properties map[string]*string
	system     map[string]string
}

func unpack(delivery *amqpserver.Delivery) (events []event, refused *amqp.Error) {
	messages := []*amqp.Message{delivery.Message}
	if delivery.Format == batchFormat { // [DPS-HUB-063]
		var err error
		if messages, err = batch(delivery.Message); err != nil {
			return nil, amqp.Errorf(amqp.DecodeError, "%v", err)
		}
	}
	for _, m := range messages {
		body, ok := m.Payload()
		switch {
		case !ok && m.Body != nil:
			return nil, amqp.Errorf("com.microsoft:argument-error", "the body is neither data nor text")
		case len(body) > maxTelemetry:
			return nil, amqp.Errorf(amqp.MessageSizeExceeded, "telemetry of %d bytes; at most %d are allowed", len(body), maxTelemetry)
		}
		e := event{body: body, properties: map[string]*string{}, system: map[string]string{}}
		e.take(m)
		events = append(events, e)
	}
	return events, nil
}

// batch is the messages that the data sections of a batch hold.
func batch(m *amqp.Message) (messages []*amqp.Message, err error) {
	sections, ok := m.Body.(amqp.Data)
	if !ok {
		return nil, fmt.Errorf("a batch is of data sections")
	}
	for i, section := range sections {
		one, err := amqp.ReadMessage(section)
		if err != nil {
			return nil, fmt.Errorf("message %d of a batch: %w", i+1, err)
		}
		messages = append(messages, one)
	}
	return messages, nil
}

// systemApplication are application properties that are the system's (iot-hub.md 2.4).
var systemApplication = map[string]bool{
	"iothub-creation-time-utc": true, "iothub-message-schema": true, "iothub-outputname": true,
}

// systemAnnotations are likewise annotations.
var systemAnnotations = map[string]bool{
	"iothub-interface-id": true, "dt-subject": true, "Diagnostic-Id": true, "Correlation-Context": true,
}

// take sorts a message's properties into the system's and the application's.
func (e *event) take(m *amqp.Message) {
	if p := m.Properties; p != nil {
		e.set("message-id", p.MessageID)
		e.set("correlation-id", p.CorrelationID)
		e.set("to", p.To)
		e.set("content-type", string(p.ContentType))
		e.set("content-encoding", string(p.ContentEncoding))
		e.set("user-id", string(p.UserID))
		if t := p.AbsoluteExpiryTime; t.Set {
			e.set("absolute-expiry-time", t.V)
		}
	}
	for _, pair := range m.MessageAnnotations {
		if name, ok := pair[0].(amqp.Symbol); ok && systemAnnotations[string(name)] {
			e.set(string(name), pair[1])
		}
	}
	for _, pair := range m.ApplicationProperties {
		name, ok := pair[0].(string)
		switch text := textOf(pair[1]); {
		case !ok:
		case systemApplication[name]:
			e.set(name, pair[1])
		case pair[1] == nil:
			e.properties[name] = nil
		default:
			e.properties[name] = &text
		}
	}
}

// set sets a system property that has a value.
func (e *event) set(name string, value amqp.Value) {
	if text := textOf(value); text != "" {
		e.system[name] = text
	}
}

// textOf is a value as a property of a hub, all of which are text.
func textOf(v amqp.Value) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case []byte:
		return string(v)
	case amqp.Timestamp:
		return v.Time().Format(time.RFC3339Nano)
	case bool:
		return strconv.FormatBool(v)
	}
	return fmt.Sprint(v)
}
