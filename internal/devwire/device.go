package devwire

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/dps"
)

// Identity is who a device says it is. With a Key it signs tokens, with a Certificate it
// presents that, with a TPM it answers a challenge, over HTTPS and AMQP alone; with none of
// them it presents nothing.
type Identity struct {
	Scope, RegistrationID string
	Key                   []byte // decoded
	Certificate           *tls.Certificate
	TPM                   TPM
	APIVersion            string // default 2019-03-31
	// Members are further ones of the registration, such as csr.
	Members map[string]any
	AMQP    AMQPStyle
}

// DefaultDeviceAPIVersion is what most SDKs send (device-api.md 1.3).
const DefaultDeviceAPIVersion = "2019-03-31"

func (id Identity) apiVersion() string {
	if id.APIVersion == "" {
		return DefaultDeviceAPIVersion
	}
	return id.APIVersion
}

// Token is a fresh token of the identity, valid for an hour from now; "" without a key.
func (id Identity) Token(now time.Time) string {
	if id.Key == nil {
		return ""
	}
	policy := registrationPolicy
	return SAS{
		Resource: DeviceResource(id.Scope, id.RegistrationID), Key: id.Key, Expiry: now.Add(tokenLife), Policy: &policy,
	}.Token()
}

// Registration is the body of a register request (device-api.md 1.4).
func (id Identity) Registration(payload json.RawMessage) ([]byte, error) {
	body, err := id.registration(payload, id.TPM != nil)
	if err != nil {
		return nil, notSent("the registration's payload is not JSON: %w", err)
	}
	return body, nil
}

// Device is a device's connection to the service over one transport. Both calls may end
// with a *Malformed beside an answer; a refusal is an Answer with an Error and no error.
type Device interface {
	Register(ctx context.Context, payload json.RawMessage) (Answer, error)
	Poll(ctx context.Context, operationID string) (Answer, error)
	Close() error
}

// Device connects a device by t. HTTPS dials at the first request. MQTT connects and
// subscribes before it returns; a refused CONNACK is a *ConnectRefused. AMQP logs in and
// attaches both links; see AMQPDevice.
func (w *Wire) Device(ctx context.Context, t dps.Transport, ep Endpoint, id Identity) (Device, error) {
	switch t {
	case dps.HTTPS:
		return w.httpsDevice(ep, id), nil
	case dps.MQTT, dps.MQTTWebSocket:
		d, err := w.MQTTDevice(ctx, t, ep, id)
		if err != nil {
			return nil, err // and no nil *MQTTDevice in the interface
		}
		return d, nil
	case dps.AMQP, dps.AMQPWebSocket:
		d, err := w.AMQPDevice(ctx, t, ep, id)
		if err != nil {
			return nil, err
		}
		return d, nil
	default:
		return nil, notSent("a device cannot register by %s; use https, mqtt, mqtt-ws, amqp or amqp-ws", t)
	}
}

// pollInterval is the wait before a poll when the service names none: what C#, Java, Node
// and Python wait (device-api.md 5).
const pollInterval = 2 * time.Second

// Provision registers d, waits what the service asks for on the wire's clock, and polls
// until the status is terminal. It returns the last answer: also when that is a refusal,
// which is no error and is not tried again.
func (w *Wire) Provision(ctx context.Context, d Device, payload json.RawMessage) (Answer, error) {
	limit := w.timeouts().Assign
	deadline := w.clock().Now().Add(limit)
	a, err := d.Register(ctx, payload)
	operation := a.OperationID
	for err == nil && a.Code < 300 && !a.Status.Terminal() {
		if a.Status == dps.StatusUnknown {
			return a, &Malformed{What: fmt.Sprintf("status %q is not a word of the service", a.StatusText), Raw: a.Raw}
		}
		if !w.clock().Now().Before(deadline) {
			return a, fmt.Errorf("still %s %s after register; raise the timeout or see why the service does not finish", a.Status, limit)
		}
		wait := pollInterval
		if a.HasRetryAfter {
			wait = a.RetryAfter
		}
		if err := clock.Wait(ctx, w.clock(), wait); err != nil {
			return a, fmt.Errorf("waiting to poll: %w", err)
		}
		a, err = d.Poll(ctx, operation)
	}
	return a, err
}
