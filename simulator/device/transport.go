package device

import (
	"context"
	"encoding/json"

	"github.com/dpslab/dpslab/internal/devwire"
)

// Transport connects a device to the service and to its hub. The device uses one
// connection at a time, one request at a time.
type Transport interface {
	// Service connects to the provisioning service.
	Service(ctx context.Context) (Service, error)
	// Hub connects to the hub that was assigned, as the device id that was assigned.
	Hub(ctx context.Context, host, deviceID string) (Hub, error)
}

// Service is the connection to the provisioning service. A refusal is an Answer with an
// Error and no error.
type Service interface {
	Register(ctx context.Context, payload json.RawMessage) (devwire.Answer, error)
	Poll(ctx context.Context, operationID string) (devwire.Answer, error)
	Close() error
}

// Hub is the connection to the hub. A refusal is a *devwire.HubError.
type Hub interface {
	// SendTelemetry returns when the hub has taken the message.
	SendTelemetry(ctx context.Context, payload []byte, properties map[string]string) error
	Twin(ctx context.Context) (devwire.Twin, error)
	Report(ctx context.Context, patch any) (version int64, err error)
	// HandleMethods answers direct methods with handle, on any goroutine, until Close.
	HandleMethods(handle func(name string, payload json.RawMessage) (status int, response any)) error
	// Lost is closed when the connection ends, by whichever side; nil where that is never told.
	Lost() <-chan struct{}
	Close() error
}
