package devwire

import (
	"context"
	"fmt"

	"github.com/Azure/go-amqp"
	"github.com/google/uuid"
)

// TokenRefused is a hub that does not take the token put at $cbs.
type TokenRefused struct {
	Status      int
	Description string
}

func (r *TokenRefused) Error() string {
	return fmt.Sprintf("the hub refused the token put at %s with %d, %s", cbsAddress, r.Status, r.Description)
}

// putToken attaches both links to $cbs and puts a token there, by which the connection may
// use the device's links (iot-hub.md 2.2).
func (c *amqpClient) putToken(ctx context.Context, audience, token string, uuids bool) error {
	ctx, cancel := within(ctx, c.wire.timeouts().Answer)
	defer cancel()
	sender, err := c.sender(ctx, cbsAddress, nil)
	if err != nil {
		return err
	}
	receiver, err := c.receiver(ctx, cbsAddress, &amqp.ReceiverOptions{Credit: amqpCredit})
	if err != nil {
		return err
	}
	var id any = uuid.NewString()
	if uuids {
		id = amqp.UUID(uuid.New())
	}
	to, replyTo := cbsAddress, "cbs"
	state, err := c.send(ctx, sender, &amqp.Message{
		Properties:            &amqp.MessageProperties{MessageID: id, To: &to, ReplyTo: &replyTo},
		ApplicationProperties: map[string]any{"operation": putTokenOperation, "type": sasTokenType, "name": audience},
		Value:                 token,
	})
	if err != nil {
		return err
	}
	if _, ok := state.(*amqp.StateAccepted); !ok {
		return &Malformed{What: fmt.Sprintf("the outcome of a put-token is %T, not accepted", state)}
	}
	answer, err := c.receive(ctx, receiver)
	if err != nil {
		return fmt.Errorf("no answer to a put-token: %w", err)
	}
	return tokenTaken(answer, id)
}

// tokenTaken reads the answer to a put-token: Java ignores a status that is no int, and
// compares the message-id with its type.
func tokenTaken(answer *amqp.Message, id any) error {
	if answer.Properties == nil || answer.Properties.CorrelationID != id {
		return &Malformed{What: "the answer to a put-token has not its message-id, with its type, as correlation-id"}
	}
	status, ok := answer.ApplicationProperties[statusCode].(int32)
	if !ok {
		return &Malformed{What: fmt.Sprintf("the answer to a put-token has a %s of %T, not of int", statusCode, answer.ApplicationProperties[statusCode])}
	}
	if status != 200 {
		description, _ := answer.ApplicationProperties["status-description"].(string)
		return &TokenRefused{Status: int(status), Description: description}
	}
	return nil
}
