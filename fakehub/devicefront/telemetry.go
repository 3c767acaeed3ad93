package devicefront

import (
	"context"
	"encoding/json"

	"github.com/dpslab/dpslab/fakehub/registry"
	"github.com/dpslab/dpslab/internal/mqttserver"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/internal/telemetry"
)

// enqueue stores a message of the device, or its will.
func (d *device) enqueue(ctx context.Context, bag string, p mqttserver.Publish, isWill bool) {
	properties, system := parseBag(bag)
	if p.Retain { // nothing is retained; who reads can see that it was asked for
		properties["mqtt-retain"] = pointer("true")
	}
	if isWill {
		properties["iothub-MessageType"] = pointer("Will")
	}
	d.front.enqueue(ctx, d.session.At(StepTelemetry), d.presence.Identity, p.Payload, properties, system)
}

// enqueue stores a message of a device, with what the hub knows of its sender.
func (f *Front) enqueue(ctx context.Context, at point.At, sender registry.Identity, body []byte, properties map[string]*string, system map[string]string) {
	system["iothub-connection-device-id"] = sender.DeviceID
	system["iothub-connection-auth-method"] = authMethod(sender.Authentication.Type)
	system["iothub-connection-auth-generation-id"] = sender.GenerationID
	system["iothub-message-source"] = "Telemetry"
	m := Message{Event: telemetry.Event{DeviceID: sender.DeviceID, Body: body, Properties: properties, SystemProperties: system}}
	Enqueued.Hit(ctx, f.Points, at, &m)
	if !m.Drop {
		f.Telemetry.Append(m.Event)
	}
}

func pointer(s string) *string { return &s }

// authMethod is the JSON text that says how the sender authenticated (event-hubs.md 6.2).
func authMethod(t registry.AuthType) string {
	kind, issuer := "sas", "iothub"
	if t == registry.SelfSigned {
		kind, issuer = "x509Certificate", "external"
	}
	text, _ := json.Marshal(struct {
		Scope  string `json:"scope"`
		Type   string `json:"type"`
		Issuer string `json:"issuer"`
	}{"device", kind, issuer})
	return string(text)
}
