package devwire

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/Azure/go-amqp"
	"github.com/dpslab/dpslab/internal/devwire/amqpframe"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/google/uuid"
)

// AMQPDevice is a device at the provisioning service over AMQP or AMQP over WebSocket. A
// request waits until the one before it is answered.
type AMQPDevice struct {
	host     string
	id       Identity
	over     dps.Transport
	client   *amqpClient
	sender   *amqp.Sender
	receiver *amqp.Receiver
	session  string // correlation-id of all requests, where the style has one for all

	turn   chan struct{} // holds one: whose request it is
	sent   int
	given  map[any]bool // correlation-ids of requests that were given up
	unsure bool         // such an answer may still come, and could not be told apart
}

// amqpCredit is how many answers may wait unread.
const amqpCredit = 50

// AMQPDevice connects, logs in and attaches both links. A refused SASL exchange is a
// *SASLRefused, a refused link or connection an *AMQPError.
func (w *Wire) AMQPDevice(ctx context.Context, t dps.Transport, ep Endpoint, id Identity) (*AMQPDevice, error) {
	client, err := w.openAMQPClient(ctx, t, ep, id)
	if err != nil {
		return nil, err
	}
	d := &AMQPDevice{
		host: ep.Host, id: id, over: t, client: client, session: uuid.NewString(), turn: make(chan struct{}, 1), given: map[any]bool{},
	}
	if err := d.attach(ctx, id.AMQP.address(ep.Host, id)); err != nil {
		client.close()
		return nil, fmt.Errorf("attach the links of %s at %s: %w", id.RegistrationID, ep.Host, err)
	}
	return d, nil
}

func (d *AMQPDevice) attach(ctx context.Context, address string) error {
	receiver := func() (err error) {
		d.receiver, err = d.client.receiver(ctx, address, &amqp.ReceiverOptions{
			Name: d.id.AMQP.ReceiverName, TargetAddress: d.id.AMQP.ReceiverTarget,
			Credit: amqpCredit, Properties: amqpLinkProperties(d.id),
		})
		return err
	}
	sender := func() (err error) {
		d.sender, err = d.client.sender(ctx, address, &amqp.SenderOptions{
			Name: d.id.AMQP.SenderName, SourceAddress: d.id.AMQP.SenderSource,
			SettlementMode: amqp.SenderSettleModeUnsettled.Ptr(), Properties: amqpLinkProperties(d.id),
		})
		return err
	}
	first, second := receiver, sender
	if d.id.AMQP.SenderFirst {
		first, second = sender, receiver
	}
	if err := first(); err != nil {
		return err
	}
	return second()
}

// Register sends a registration and waits for its answer.
func (d *AMQPDevice) Register(ctx context.Context, payload json.RawMessage) (Answer, error) {
	r, err := d.id.amqpRegister(payload, d.session)
	if err != nil {
		return Answer{}, err
	}
	return d.metered(ctx, ToRegister, r)
}

// Poll asks for an operation's status.
func (d *AMQPDevice) Poll(ctx context.Context, operationID string) (Answer, error) {
	r, err := d.id.amqpPoll(operationID, d.session)
	if err != nil {
		return Answer{}, err
	}
	return d.metered(ctx, ToPoll, r)
}

func (d *AMQPDevice) metered(ctx context.Context, kind OperationKind, r amqpRequest) (a Answer, err error) {
	o := Operation{Kind: kind, Host: d.host, Device: d.id.RegistrationID}
	unsent := d.client.wire.metered(ctx, o, func() int {
		a, err = d.ask(ctx, r)
		return a.Code
	})
	return a, cmp.Or(unsent, err)
}

func (d *AMQPDevice) ask(ctx context.Context, r amqpRequest) (Answer, error) {
	ctx, cancel := within(ctx, d.client.wire.timeouts().Answer)
	defer cancel()
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-ctx.Done():
		return Answer{}, fmt.Errorf("an earlier request is still not answered: %w", ctx.Err())
	}
	if d.unsure {
		return Answer{}, errors.New("an earlier request was given up, and its answer could not be told from this one's; connect anew")
	}
	m := r.goMessage(d.tag())
	state, err := d.client.send(ctx, d.sender, m)
	if err != nil {
		d.giveUp(m)
		return Answer{}, fmt.Errorf("send a request: %w", err)
	}
	switch state := state.(type) {
	case *amqp.StateAccepted:
	case *amqp.StateRejected:
		return rejected(state.Error)
	default:
		return Answer{}, &Malformed{What: fmt.Sprintf("the outcome of a request is %T, neither accepted nor rejected", state)}
	}
	a, err := d.answer(ctx, m)
	if err != nil && a.Raw == nil {
		d.giveUp(m)
	}
	return a, err
}

// answer waits for the answer to m. One to a request that was given up is passed over; one
// to no request is the error: m's own would be waited for in vain.
func (d *AMQPDevice) answer(ctx context.Context, m *amqp.Message) (Answer, error) {
	var asked any
	if m.Properties != nil {
		asked = m.Properties.CorrelationID
	}
	for {
		heard, err := d.client.receive(ctx, d.receiver)
		if err != nil {
			return Answer{}, fmt.Errorf("no answer: %w", err)
		}
		var correlation any
		if heard.Properties != nil {
			correlation = heard.Properties.CorrelationID
		}
		key := correlationKey(correlation)
		if key != correlationKey(asked) && d.given[key] {
			delete(d.given, key)
			continue
		}
		a, err := goAnswer(heard)
		if err == nil && asked != nil && key != correlationKey(asked) {
			err = &Malformed{What: fmt.Sprintf("the answer's correlation-id is %v, the request's was %v", correlation, asked), Raw: a.Raw}
		}
		return a, err
	}
}

// correlationKey makes a correlation-id comparable, its type included.
func correlationKey(id any) any {
	if b, ok := id.([]byte); ok {
		return amqpframe.Symbol(b)
	}
	return id
}

func (d *AMQPDevice) giveUp(m *amqp.Message) {
	if d.id.AMQP.ambiguous() {
		d.unsure = true
		return
	}
	d.given[correlationKey(m.Properties.CorrelationID)] = true
}

// tag makes a delivery-tag; nil leaves it to go-amqp, which counts in 8 bytes.
func (d *AMQPDevice) tag() []byte {
	d.sent++
	switch d.id.AMQP.DeliveryTag {
	case TagUUID:
		id := uuid.New()
		return id[:]
	case TagDecimal:
		return fmt.Append(nil, d.sent-1)
	}
	return nil
}

// Lost is closed when the connection ends, by whichever side.
func (d *AMQPDevice) Lost() <-chan struct{} { return d.client.conn.Done() }

// Close closes the connection. It returns no error.
func (d *AMQPDevice) Close() error {
	d.client.close()
	return nil
}

// goMessage is the request as go-amqp writes it.
func (r amqpRequest) goMessage(tag []byte) *amqp.Message {
	m := &amqp.Message{DeliveryTag: tag, ApplicationProperties: r.properties, Value: r.value}
	if r.data != nil {
		m.Data = [][]byte{r.data}
	}
	switch id := r.correlation.(type) {
	case nil:
	case amqpframe.UUID:
		m.Properties = &amqp.MessageProperties{CorrelationID: amqp.UUID(id)}
	default:
		m.Properties = &amqp.MessageProperties{CorrelationID: id}
	}
	return m
}
