package devwire

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"

	"github.com/Azure/go-amqp"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/google/uuid"
)

// AMQPHubDevice is a device at its hub over AMQP or AMQP over WebSocket. The links for its
// twin and for methods are attached when they are first used.
type AMQPHubDevice struct {
	id        HubIdentity
	host      string
	client    *amqpClient
	telemetry *amqp.Sender
	life      context.Context // ends with Close
	end       context.CancelFunc
	running   sync.WaitGroup

	requests requests[hubTwinAnswer]
	desired  chan json.RawMessage
	opening  sync.Mutex
	twin     *amqp.Sender // nil until its links are attached
}

// hubTwinAnswer is what a hub answered about a twin.
type hubTwinAnswer struct {
	status  int
	version int64 // 0 when there is none
	body    []byte
}

// AMQPHubDevice connects, logs in, puts a token at $cbs where the style does so, and
// attaches the link for telemetry. What refuses is a *SASLRefused, a *TokenRefused or an
// *AMQPError.
func (w *Wire) AMQPHubDevice(ctx context.Context, t dps.Transport, ep Endpoint, id HubIdentity) (*AMQPHubDevice, error) {
	token, err := id.password(ep.Host, w.clock().Now())
	if err != nil {
		return nil, err
	}
	login, sasl := id.saslLogin(ep.Host, token)
	o := DialOptions{Certificate: id.Certificate}
	client, err := w.amqpClient(ctx, t, ep, o, id.DeviceID, login, sasl, &amqp.ConnOptions{}, AMQPStyle{})
	if err != nil {
		return nil, err
	}
	h := &AMQPHubDevice{id: id, host: ep.Host, client: client, desired: make(chan json.RawMessage, desiredBacklog)}
	h.life, h.end = context.WithCancel(context.Background())
	if err := h.open(ctx, token); err != nil {
		h.Close()
		return nil, fmt.Errorf("open the links of %s at %s: %w", id.DeviceID, ep.Host, err)
	}
	return h, nil
}

// saslLogin is how the device logs in; ok is false when it begins with AMQP itself.
func (id HubIdentity) saslLogin(host, token string) (login SASLLogin, ok bool) {
	switch mechanism := id.AMQP.SASL; mechanism {
	case "", NoSASL:
		return login, false
	case "PLAIN":
		return SASLPlain(HubPlainUser(host, id.DeviceID), token), true
	case "EXTERNAL":
		return SASLExternal(), true
	default:
		return SASLLogin{Mechanism: mechanism, Initial: []byte{}}, true
	}
}

func (h *AMQPHubDevice) open(ctx context.Context, token string) (err error) {
	if token != "" && h.id.AMQP.SASL != "PLAIN" {
		audience := HubResource(h.host, h.id.DeviceID)
		if h.id.AMQP.BareHost {
			audience = h.host + "/devices/" + h.id.DeviceID
		}
		if err := h.client.putToken(ctx, audience, token, h.id.AMQP.UUIDs); err != nil {
			return err
		}
	}
	h.telemetry, err = h.sender(ctx, telemetryAddress, "", amqp.SenderSettleModeUnsettled)
	return err
}

// pair is a value for the property that makes a pair of two links (iot-hub.md 2.3).
func pair(purpose string) string { return purpose + ":" + uuid.NewString() }

func (h *AMQPHubDevice) properties(pair string) map[string]any {
	p := map[string]any{apiVersionProperty: DefaultHubAPIVersion}
	for name, value := range map[string]string{
		clientVersionProperty: h.id.AMQP.ClientName, modelIDProperty: h.id.AMQP.ModelID, channelCorrelationProperty: pair,
	} {
		if value != "" {
			p[name] = value
		}
	}
	return p
}

func (h *AMQPHubDevice) sender(ctx context.Context, end, pair string, mode amqp.SenderSettleMode) (*amqp.Sender, error) {
	return h.client.sender(ctx, h.id.AMQP.address(h.host, h.id.DeviceID, end), &amqp.SenderOptions{
		SettlementMode: mode.Ptr(), Properties: h.properties(pair),
	})
}

// listen attaches a receiver and hears its messages until the connection ends.
func (h *AMQPHubDevice) listen(ctx context.Context, end, pair string, hear func(*amqp.Message)) error {
	r, err := h.client.receiver(ctx, h.id.AMQP.address(h.host, h.id.DeviceID, end), &amqp.ReceiverOptions{
		Credit: amqpCredit, RequestedSenderSettleMode: amqp.SenderSettleModeSettled.Ptr(), Properties: h.properties(pair),
	})
	if err != nil {
		return err
	}
	h.running.Go(func() {
		for {
			m, err := h.client.receive(h.life, r)
			if err != nil {
				return
			}
			hear(m)
		}
	})
	return nil
}

// SendTelemetry sends a message and waits until the hub has taken it. Properties have the
// names that they have over MQTT. A message that the hub rejects is a *HubError.
func (h *AMQPHubDevice) SendTelemetry(ctx context.Context, payload []byte, properties map[string]string) (err error) {
	unsent := h.client.wire.metered(ctx, Operation{Kind: ToHubAsDevice, Host: h.host, Device: h.id.DeviceID}, func() int {
		err = h.sendTelemetry(ctx, telemetryMessage(payload, properties))
		return 0
	})
	if unsent != nil {
		return unsent
	}
	return err
}

func (h *AMQPHubDevice) sendTelemetry(ctx context.Context, m *amqp.Message) error {
	ctx, cancel := within(ctx, h.client.wire.timeouts().Answer)
	defer cancel()
	state, err := h.client.send(ctx, h.telemetry, m)
	if err != nil {
		return fmt.Errorf("send telemetry: %w", err)
	}
	switch state := state.(type) {
	case *amqp.StateAccepted:
		return nil
	case *amqp.StateRejected:
		if state.Error == nil {
			return &Malformed{What: "a rejection without an error"}
		}
		reason := makeAMQPError("rejected", string(state.Error.Condition), state.Error.Description)
		return &HubError{Status: reason.Code(), Document: reason.Document, Condition: reason.Condition}
	default:
		return &Malformed{What: fmt.Sprintf("the outcome of telemetry is %T, neither accepted nor rejected", state)}
	}
}

// HandleMethods attaches the links for direct methods and answers them with what handle
// returns, each on its own goroutine. A response that is nil sends an empty body.
func (h *AMQPHubDevice) HandleMethods(handle func(name string, payload json.RawMessage) (status int, response any)) error {
	ctx := context.Background()
	pair := pair("methods")
	answers, err := h.sender(ctx, methodsAddress, pair, amqp.SenderSettleModeSettled)
	if err != nil {
		return err
	}
	return h.listen(ctx, methodsAddress, pair, func(m *amqp.Message) {
		name, _ := m.ApplicationProperties[methodNameProperty].(string)
		if m.Properties == nil || m.Properties.CorrelationID == nil || name == "" {
			return // there is nothing to answer, or nothing to answer to
		}
		h.running.Go(func() { h.answerMethod(answers, m, name, handle) })
	})
}

func (h *AMQPHubDevice) answerMethod(answers *amqp.Sender, m *amqp.Message, name string,
	handle func(name string, payload json.RawMessage) (status int, response any)) {
	status, response := handle(name, m.GetData())
	body := []byte{}
	if response != nil {
		var err error
		if body, err = json.Marshal(response); err != nil {
			status, body = http.StatusInternalServerError, []byte{}
		}
	}
	ctx, cancel := within(h.life, h.client.wire.timeouts().Answer)
	defer cancel()
	// A caller that hears nothing sees a timeout at the hub; there is nobody here to tell
	// that the connection broke.
	answers.Send(ctx, &amqp.Message{
		Properties:            &amqp.MessageProperties{CorrelationID: m.Properties.CorrelationID},
		ApplicationProperties: map[string]any{methodStatusProperty: int32(status)},
		Data:                  [][]byte{body},
	}, nil)
}

// Lost is closed when the connection ends, by whichever side.
func (h *AMQPHubDevice) Lost() <-chan struct{} { return h.client.conn.Done() }

// Close closes the connection and waits for the methods being handled. It returns no error.
func (h *AMQPHubDevice) Close() error {
	h.client.close()
	h.end()
	h.running.Wait()
	return nil
}
