package devwire

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/dpslab/dpslab/internal/devwire/amqpframe"
	"github.com/google/uuid"
)

// The frames and messages that Device sends, for a check to alter and Send. Everything is
// on channel 0, where the receiver has the handle 0 and the sender 1.
const (
	AMQPReceiver uint32 = 0
	AMQPSender   uint32 = 1
)

// AMQPOpen is the performative that begins a connection.
func AMQPOpen(ep Endpoint, id Identity) *amqpframe.Described {
	container := id.AMQP.ContainerID
	if container == "" {
		container = uuid.NewString()
	}
	return amqpframe.New("open", amqpframe.Fields{
		"container-id": container, "hostname": id.AMQP.hostname(ep, ep.AMQPSPort),
	})
}

// AMQPBegin is the performative that begins a session.
func AMQPBegin() *amqpframe.Described {
	return amqpframe.New("begin", amqpframe.Fields{"next-outgoing-id": 0, "incoming-window": 100, "outgoing-window": 100})
}

// AMQPAttach is the performative that attaches the link of that handle.
func AMQPAttach(ep Endpoint, id Identity, handle uint32) *amqpframe.Described {
	return amqpAttach(handle, id.AMQP.address(ep.Host, id), id.AMQP, amqpLinkProperties(id))
}

func amqpAttach(handle uint32, address string, style AMQPStyle, properties map[string]any) *amqpframe.Described {
	remote := amqpframe.Fields{"address": address}
	own := func(address string) amqpframe.Fields {
		if address == "" {
			return amqpframe.Fields{}
		}
		return amqpframe.Fields{"address": address}
	}
	var pairs []any
	for _, name := range []string{apiVersionProperty, clientVersionProperty} {
		if v, ok := properties[name]; ok {
			pairs = append(pairs, name, v)
		}
	}
	attach := amqpframe.New("attach", amqpframe.Fields{"handle": handle, "properties": amqpframe.Properties(pairs...)})
	name := style.ReceiverName
	if handle == AMQPReceiver {
		attach.Set("role", true).Set("rcv-settle-mode", 0)
		attach.Set("source", amqpframe.New("source", remote)).Set("target", amqpframe.New("target", own(style.ReceiverTarget)))
	} else {
		name = style.SenderName
		attach.Set("role", false).Set("snd-settle-mode", 0).Set("initial-delivery-count", 0)
		attach.Set("source", amqpframe.New("source", own(style.SenderSource))).Set("target", amqpframe.New("target", remote))
	}
	if name == "" {
		name = uuid.NewString()
	}
	return attach.Set("name", name)
}

// amqpLinkProperties are those of both links (device-api.md 3.2).
func amqpLinkProperties(id Identity) map[string]any {
	p := map[string]any{apiVersionProperty: id.apiVersion()}
	if id.AMQP.ClientVersion != "" {
		p[clientVersionProperty] = id.AMQP.ClientVersion
	}
	return p
}

// AMQPCredit is the flow that lets the server send on the receiver.
func AMQPCredit(credit int) *amqpframe.Described {
	return amqpframe.New("flow", amqpframe.Fields{
		"next-incoming-id": 0, "incoming-window": 100, "next-outgoing-id": 0, "outgoing-window": 100,
		"handle": AMQPReceiver, "delivery-count": 0, "link-credit": credit,
	})
}

// AMQPTransfer is the frame that sends a whole message on the sender, unsettled. The nth
// message of a session has the number n, from 0.
func AMQPTransfer(n int, m amqpframe.Message) (amqpframe.Frame, error) {
	payload, err := m.Encode()
	if err != nil {
		return amqpframe.Frame{}, notSent("write a message: %w", err)
	}
	return amqpframe.On(0, amqpframe.New("transfer", amqpframe.Fields{
		"handle": AMQPSender, "delivery-id": n, "delivery-tag": []byte(strconv.Itoa(n)), "message-format": 0, "settled": false,
	}), payload), nil
}

// AMQPRegister and AMQPPoll are the identity's requests as messages (device-api.md 3.3).
func AMQPRegister(id Identity, payload json.RawMessage) (amqpframe.Message, error) {
	r, err := id.amqpRegister(payload, uuid.NewString())
	return r.message(), err
}

func AMQPPoll(id Identity, operationID string) (amqpframe.Message, error) {
	r, err := id.amqpPoll(operationID, uuid.NewString())
	return r.message(), err
}

// Login logs in as the identity's style has it: by SASL, or by nothing.
func (c *AMQPConn) Login(ctx context.Context, id Identity) error {
	login, ok, err := c.wire.saslLogin(id)
	if err != nil || !ok {
		return err
	}
	c.register(id.RegistrationID)
	return c.SASL(ctx, login)
}

// Attach begins AMQP and a session, attaches both links, each when the one before it is
// answered, gives the server credit, and waits until the server has given some.
func (c *AMQPConn) Attach(ctx context.Context, ep Endpoint, id Identity) error {
	links := []uint32{AMQPReceiver, AMQPSender}
	if id.AMQP.SenderFirst {
		links = []uint32{AMQPSender, AMQPReceiver}
	}
	for _, step := range []struct {
		send amqpframe.Frame
		hear string
	}{
		{amqpframe.Layer(amqpframe.HeaderAMQP), "header"},
		{amqpframe.On(0, AMQPOpen(ep, id)), "open"},
		{amqpframe.On(0, AMQPBegin()), "begin"},
		{amqpframe.On(0, AMQPAttach(ep, id, links[0])), "attach"},
		{amqpframe.On(0, AMQPAttach(ep, id, links[1])), "attach"},
	} {
		if err := c.Send(step.send); err != nil {
			return err
		}
		if err := c.answered(ctx, step.hear); err != nil {
			return err
		}
	}
	if err := c.Send(amqpframe.On(0, AMQPCredit(amqpCredit))); err != nil {
		return err
	}
	for c.credit == 0 {
		if _, err := c.Expect(ctx, "flow"); err != nil {
			return err
		}
	}
	return nil
}

// answered waits for the server's half of an opening.
func (c *AMQPConn) answered(ctx context.Context, name string) error {
	f, err := c.Expect(ctx, name, "flow")
	for err == nil && f.Name() == "flow" {
		f, err = c.Expect(ctx, name, "flow")
	}
	switch {
	case err != nil:
		return err
	case f.Header != nil && *f.Header != amqpframe.HeaderAMQP:
		return &Malformed{What: fmt.Sprintf("%s where AMQP's belongs", f), Raw: f.Header[:]}
	case name == "attach" && f.Body.Inner("source") == nil && f.Body.Inner("target") == nil:
		// A refused link is attached to nothing, and the reason comes with a detach.
		_, err = c.Expect(ctx, "")
		return err
	}
	return nil
}
