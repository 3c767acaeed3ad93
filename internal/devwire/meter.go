package devwire

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/dpslab/dpslab/internal/devwire/amqpframe"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

// Meter is told of every operation of a wire that a service may count against a quota.
// Before may wait until there is room, and its error keeps the operation from being sent.
// After hears the code that was answered, 0 when none was or it is not known. Of what a check
// sends as bytes or WebSocket messages the wire knows nothing: that is Raw, and only After
// hears of it.
type Meter interface {
	Before(ctx context.Context, o Operation) error
	After(o Operation, code int)
}

// Operation is one request or message.
type Operation struct {
	Kind         OperationKind
	Host         string // whose quota it counts against
	Device       string // registration id, of ToRegister and ToPoll
	Method, Path string // of ToService and ToHub, without query
}

// OperationKind is what a service counts apart (device-api.md 8, iot-hub.md 7.1).
type OperationKind uint8

const (
	ToRegister    OperationKind = iota // a device's register request; billable (device-api.md 1.1)
	ToPoll                             // a device's question after its operation
	ToService                          // a request to the service API; billable (service-api.md 6)
	ToHub                              // a request to a hub's service API
	ToHubAsDevice                      // a message of a device to its hub
	Raw                                // anything
)

func (k OperationKind) String() string {
	return [...]string{"registration", "poll", "service request", "hub request", "hub message", "raw"}[k]
}

// metered does f as one operation.
func (w *Wire) metered(ctx context.Context, o Operation, f func() (code int)) error {
	if w.Meter == nil {
		f()
		return nil
	}
	if err := w.Meter.Before(ctx, o); err != nil {
		return err
	}
	w.Meter.After(o, f())
	return nil
}

// sentRaw tells that something was sent.
func (w *Wire) sentRaw(host string) {
	if w.Meter != nil {
		w.Meter.After(Operation{Kind: Raw, Host: host}, 0)
	}
}

// deviceOperation is what a request to the device API counts as.
func deviceOperation(host, method, path string) (Operation, bool) {
	path, _, _ = strings.Cut(path, "?")
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	if len(parts) < 4 || parts[1] != "registrations" {
		return Operation{}, false
	}
	o := Operation{Host: host, Device: parts[2]}
	if id, err := url.PathUnescape(parts[2]); err == nil {
		o.Device = id
	}
	switch {
	case method == http.MethodPut && parts[3] == "register":
		o.Kind = ToRegister
	case method == http.MethodGet && parts[3] == "operations":
		o.Kind = ToPoll
	default:
		return Operation{}, false
	}
	return o, true
}

// publishOperation is what a device's PUBLISH counts as.
func publishOperation(host, device string, cp packets.ControlPacket) (Operation, bool) {
	p, ok := cp.(*packets.PublishPacket)
	if !ok {
		return Operation{}, false
	}
	o := Operation{Host: host, Device: device, Kind: ToHubAsDevice}
	switch {
	case strings.HasPrefix(p.TopicName, "$dps/registrations/PUT/"):
		o.Kind = ToRegister
	case strings.HasPrefix(p.TopicName, "$dps/registrations/GET/"):
		o.Kind = ToPoll
	case strings.HasPrefix(p.TopicName, "$dps/"):
		return Operation{}, false
	}
	return o, true
}

// transferOperation is what a device's transfer counts as: the first of a message.
func transferOperation(host, device string, f amqpframe.Frame) (Operation, bool) {
	if f.Name() != "transfer" || f.Body.Field("delivery-id") == nil {
		return Operation{}, false
	}
	o := Operation{Host: host, Device: device, Kind: ToHubAsDevice}
	m, _ := amqpframe.ParseMessage(f.Payload) // whatever of it is in this frame
	switch operation, toService := m.Application(operationTypeProperty); {
	case operation == registerOperation:
		o.Kind = ToRegister
	case operation == pollOperation:
		o.Kind = ToPoll
	case toService:
		return Operation{}, false
	}
	return o, true
}
