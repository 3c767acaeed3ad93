package device

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
)

// HubUnknown is an assigned hub that nobody knows the address of.
type HubUnknown struct {
	Host string
	Err  error
}

func (h *HubUnknown) Error() string {
	return fmt.Sprintf("assigned to hub %q, which is not among the target's: %v", h.Host, h.Err)
}

func (h *HubUnknown) Unwrap() error { return h.Err }

// OverWire is a Transport over real connections.
type OverWire struct {
	Wire      *devwire.Wire
	Transport dps.Transport // to the service
	Endpoint  devwire.Endpoint
	Identity  devwire.Identity // its key or certificate is also what the hub knows it by

	HubTransport dps.Transport // MQTT when none; any but HTTPS
	// HubEndpoint finds where a hub answers, from the host name that was assigned.
	HubEndpoint func(host string) (devwire.Endpoint, error)
}

// Service connects to the provisioning service.
func (o *OverWire) Service(ctx context.Context) (Service, error) {
	service, err := o.Wire.Device(ctx, o.Transport, o.Endpoint, o.Identity)
	if err != nil || o.Identity.TPM == nil {
		return service, err
	}
	return &tpmService{service, o.Identity.TPM}, nil
}

// tpmService gives the TPM the key for the hub when it comes.
type tpmService struct {
	Service
	tpm devwire.TPM
}

func (s *tpmService) Register(ctx context.Context, payload json.RawMessage) (devwire.Answer, error) {
	return s.take(s.Service.Register(ctx, payload))
}

func (s *tpmService) Poll(ctx context.Context, operationID string) (devwire.Answer, error) {
	return s.take(s.Service.Poll(ctx, operationID))
}

func (s *tpmService) take(a devwire.Answer, err error) (devwire.Answer, error) {
	if err != nil || a.Status != dps.StatusAssigned {
		return a, err
	}
	blob, err := a.TPMKey()
	if err == nil && blob != nil {
		err = s.tpm.Import(blob)
	}
	if err != nil {
		return a, &devwire.NotSent{Err: fmt.Errorf("the tpm does not take the key for the hub: %w", err)}
	}
	return a, nil
}

// Hub connects to a hub.
func (o *OverWire) Hub(ctx context.Context, host, deviceID string) (Hub, error) {
	endpoint, err := o.HubEndpoint(host)
	if err != nil {
		return nil, &HubUnknown{Host: host, Err: err}
	}
	transport := o.HubTransport
	if transport == dps.TransportNone {
		transport = dps.MQTT
	}
	id := devwire.HubIdentity{DeviceID: deviceID, Key: o.Identity.Key, Certificate: o.Identity.Certificate, TPM: o.Identity.TPM}
	if transport == dps.AMQP || transport == dps.AMQPWebSocket {
		hub, err := o.Wire.AMQPHubDevice(ctx, transport, endpoint, id)
		if err != nil {
			return nil, err
		}
		return hub, nil
	}
	hub, err := o.Wire.HubDevice(ctx, transport, endpoint, id)
	if err != nil {
		return nil, err
	}
	return hub, nil
}

func (o *OverWire) String() string { return o.Identity.String() + " over " + o.Transport.String() }

// Format keeps the identity from every verb, GomegaString from gomega.
func (o *OverWire) Format(s fmt.State, _ rune) { io.WriteString(s, o.String()) }
func (o *OverWire) GomegaString() string       { return o.String() }
