package devicefront

import (
	"context"
	"encoding/binary"
	"strconv"

	"github.com/google/uuid"

	"github.com/dpslab/dpslab/fakehub/method"
	"github.com/dpslab/dpslab/internal/amqpserver"
	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
)

// Application properties of a method call and its answer (iot-hub.md 2.6).
const (
	methodNameProperty   = "IoThub-methodname"
	methodStatusProperty = "IoThub-status"
)

// joinMethods takes the device's method calls over a link.
func (d *amqpDevice) joinMethods(out *amqpserver.Sender) {
	out.OnDetach(d.state.front.Methods.Join(d.id, func(r method.Request) error {
		correlation, err := correlationOf(r.ID)
		if err != nil {
			return err
		}
		m := &amqp.Message{
			Properties:            &amqp.Properties{CorrelationID: correlation}, // [DPS-HUB-067]
			ApplicationProperties: amqp.Map{{methodNameProperty, r.Name}},
			Body:                  amqp.Data{append([]byte{}, r.Payload...)},
		}
		d.state.conn.Go(func(ctx context.Context) {
			// A call that cannot be sent means that the link ends, and with it the call.
			_, _ = out.Send(ctx, m, amqpserver.SendOptions{Settled: true})
		})
		return nil
	}))
}

// methodAnswer passes on the device's answer; one that nobody waits for is dropped.
func (d *amqpDevice) methodAnswer(ctx context.Context, delivery *amqpserver.Delivery) {
	d.presence.Active()
	delivery.Accept()
	m := delivery.Message
	status, ok := wholeNumber(m.ApplicationProperties, methodStatusProperty)
	if m.Properties == nil || !ok {
		return
	}
	id, ok := requestOf(m.Properties.CorrelationID)
	if !ok {
		return
	}
	payload, _ := m.Payload()
	at := delivery.Receiver().At(method.StepMethod)
	d.state.front.Methods.Answer(ctx, at, d.id, id, methodResult(status, payload))
}

// correlationOf makes a uuid of a request's id, which is a number in hexadecimal: C takes no
// other type, and Node tells a uuid by its version and variant.
func correlationOf(requestID string) (amqp.UUID, error) {
	n, err := strconv.ParseUint(requestID, 16, 56)
	if err != nil {
		return amqp.UUID{}, err
	}
	var id amqp.UUID
	binary.BigEndian.PutUint64(id[8:], n)
	id[6], id[8] = 0x40, 0x80
	return id, nil
}

// requestOf is the id of the request that a correlation-id was made for, which comes back as
// a uuid or as its text.
func requestOf(correlation amqp.Value) (requestID string, ok bool) {
	var id amqp.UUID
	switch v := correlation.(type) {
	case amqp.UUID:
		id = v
	case string:
		parsed, err := uuid.Parse(v)
		if err != nil {
			return "", false
		}
		id = amqp.UUID(parsed)
	default:
		return "", false
	}
	n := binary.BigEndian.Uint64(id[8:]) &^ (0xff << 56)
	again, err := correlationOf(strconv.FormatUint(n, 16))
	return strconv.FormatUint(n, 16), err == nil && again == id
}

// wholeNumber is an entry that is an integer of any width.
func wholeNumber(m amqp.Map, name string) (int, bool) {
	v, _ := m.Get(name)
	switch v := v.(type) {
	case int8:
		return int(v), true
	case int16:
		return int(v), true
	case int32:
		return int(v), true
	case int64:
		return int(v), true
	case uint8:
		return int(v), true
	case uint16:
		return int(v), true
	case uint32:
		return int(v), true
	case uint64:
		return int(v), true
	}
	return 0, false
}
