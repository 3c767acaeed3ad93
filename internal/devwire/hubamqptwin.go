package devwire

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/Azure/go-amqp"
)

// Twin reads the twin.
func (h *AMQPHubDevice) Twin(ctx context.Context) (Twin, error) {
	a, err := h.ask(ctx, amqp.Annotations{"operation": "GET"}, []byte(" "), http.StatusOK)
	if err != nil {
		return Twin{Raw: a.body}, err
	}
	return parseTwin(a.body)
}

// Report merges patch into the reported properties and returns their new version.
func (h *AMQPHubDevice) Report(ctx context.Context, patch any) (version int64, err error) {
	body, err := json.Marshal(patch)
	if err != nil {
		return 0, notSent("reported properties: %w", err)
	}
	a, err := h.ask(ctx, amqp.Annotations{"operation": "PATCH", "resource": reportedResource}, body, http.StatusNoContent)
	if err == nil && a.version == 0 {
		err = &Malformed{What: "the answer to a report has no version", Raw: a.body}
	}
	return a.version, err
}

// Desired asks for notifications and returns a channel of patches of the desired
// properties, in order. The newest 64 are kept.
func (h *AMQPHubDevice) Desired(ctx context.Context) (<-chan json.RawMessage, error) {
	_, err := h.ask(ctx, amqp.Annotations{"operation": "PUT", "resource": notificationsResource}, []byte(" "), http.StatusNoContent)
	return h.desired, err
}

// openTwin attaches the twin's links, once.
func (h *AMQPHubDevice) openTwin(ctx context.Context) error {
	h.opening.Lock()
	defer h.opening.Unlock()
	if h.twin != nil {
		return nil
	}
	pair := pair("twin")
	if err := h.listen(ctx, twinAddress, pair, h.hearTwin); err != nil {
		return err
	}
	twin, err := h.sender(ctx, twinAddress, pair, amqp.SenderSettleModeSettled)
	if err == nil {
		h.twin = twin
	}
	return err
}

// ask sends a request to the twin, which has no outcome, and waits for the answer with its
// correlation-id (iot-hub.md 2.5).
func (h *AMQPHubDevice) ask(ctx context.Context, operation amqp.Annotations, body []byte, want int) (hubTwinAnswer, error) {
	ctx, cancel := within(ctx, h.client.wire.timeouts().Answer)
	defer cancel()
	if err := h.openTwin(ctx); err != nil {
		return hubTwinAnswer{}, fmt.Errorf("attach the twin's links: %w", err)
	}
	id, answered := h.requests.add()
	defer h.requests.giveUp(id)
	err := h.twin.Send(ctx, &amqp.Message{
		Properties: &amqp.MessageProperties{CorrelationID: id}, Annotations: operation, Data: [][]byte{body},
	}, nil)
	if err != nil {
		return hubTwinAnswer{}, fmt.Errorf("ask about the twin: %w", h.client.reason(err))
	}
	var a result[hubTwinAnswer]
	select {
	case a = <-answered:
	case <-h.client.conn.Done():
		return hubTwinAnswer{}, fmt.Errorf("no answer about the twin: %w", h.client.ended())
	case <-ctx.Done():
		return hubTwinAnswer{}, fmt.Errorf("no answer about the twin: %w", ctx.Err())
	}
	switch {
	case a.err != nil || a.answer.status == want:
		return a.answer, a.err
	case a.answer.status < 300:
		return a.answer, &Malformed{What: fmt.Sprintf("status %d where %d belongs", a.answer.status, want), Raw: a.answer.body}
	}
	document, err := parseErrorDocument(a.answer.body)
	if err != nil {
		document = nil
	}
	return a.answer, &HubError{Status: a.answer.status, Document: document}
}

// hearTwin takes an answer, or a notification, which is told by its having no
// correlation-id.
func (h *AMQPHubDevice) hearTwin(m *amqp.Message) {
	body := m.GetData()
	if m.Properties == nil || m.Properties.CorrelationID == nil {
		if m.Annotations["resource"] == desiredResource {
			keepNewest(h.desired, body)
		}
		return
	}
	id, _ := m.Properties.CorrelationID.(string)
	a := hubTwinAnswer{body: body}
	status, ok := m.Annotations["status"].(int32) // C takes no other type
	var err error
	if !ok {
		err = &Malformed{What: fmt.Sprintf("the answer's status is a %T, not an int", m.Annotations["status"]), Raw: body}
	}
	a.status = int(status)
	if version, has := m.Annotations["version"]; has {
		if a.version, ok = version.(int64); !ok {
			err = &Malformed{What: fmt.Sprintf("the answer's version is a %T, not a long", version), Raw: body}
		}
	}
	h.requests.deliver(id, a, err, twinAddress)
}
