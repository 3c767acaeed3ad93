package devwire

import (
	"cmp"
	"context"
	"encoding/json"

	"github.com/dpslab/dpslab/internal/dps"
)

// MQTTDevice is a device at the provisioning service over MQTT or MQTT over WebSocket.
// Requests may overlap.
type MQTTDevice struct {
	wire     *Wire
	host     string
	id       Identity
	client   *mqttClient
	requests requests[Answer]
}

// MQTTDevice connects, logs in and subscribes.
func (w *Wire) MQTTDevice(ctx context.Context, t dps.Transport, ep Endpoint, id Identity) (*MQTTDevice, error) {
	d := &MQTTDevice{wire: w, host: ep.Host, id: id}
	l := login{clientID: id.RegistrationID, username: MQTTUsername(id), password: id.Token(w.clock().Now())}
	client, err := w.openMQTT(ctx, t, ep, DialOptions{Certificate: id.Certificate}, l, false, d.hear)
	if err != nil {
		return nil, err
	}
	d.client = client
	if err := client.subscribe(ctx, ResponseFilter); err != nil {
		client.close()
		return nil, err
	}
	return d, nil
}

// Register publishes a registration and waits for its answer.
func (d *MQTTDevice) Register(ctx context.Context, payload json.RawMessage) (Answer, error) {
	body, err := d.id.Registration(payload)
	if err != nil {
		return Answer{}, err
	}
	return d.ask(ctx, ToRegister, RegisterTopic, body)
}

// Poll asks for an operation's status.
func (d *MQTTDevice) Poll(ctx context.Context, operationID string) (Answer, error) {
	topic := func(rid string) string { return PollTopic(rid, operationID) }
	return d.ask(ctx, ToPoll, topic, []byte{})
}

func (d *MQTTDevice) ask(ctx context.Context, kind OperationKind, topic func(rid string) string, body []byte) (a Answer, err error) {
	o := Operation{Kind: kind, Host: d.host, Device: d.id.RegistrationID}
	unsent := d.wire.metered(ctx, o, func() int {
		a, err = d.requests.ask(ctx, d.client, topic, body)
		return a.Code
	})
	return a, cmp.Or(unsent, err)
}

// Lost is closed when the connection ends, by whichever side.
func (d *MQTTDevice) Lost() <-chan struct{} { return d.client.lost }

// Close disconnects. It returns no error.
func (d *MQTTDevice) Close() error {
	d.client.close()
	return nil
}

func (d *MQTTDevice) hear(topic string, payload []byte) {
	a, r, err := ParseMQTTAnswer(topic, payload)
	d.requests.deliver(r.RID, a, err, topic)
}
