package devicefront

import (
	"context"
	"encoding/json"

	"github.com/dpslab/dpslab/fakehub/registry"
	"github.com/dpslab/dpslab/internal/mqttserver"
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
	identity := d.presence.Identity
	system["iothub-connection-device-id"] = d.id
	system["iothub-connection-auth-method"] = authMethod(identity.Authentication.Type)
	system["iothub-connection-auth-generation-id"] = identity.GenerationID
	system["iothub-message-source"] = "Telemetry"
	m := Message{Event: telemetry.Event{DeviceID: d.id, Body: p.Payload, Properties: properties, SystemProperties: system}}
	Enqueued.Hit(ctx, d.front.Points, d.session.At(StepTelemetry), &m)
	if !m.Drop {
		d.front.Telemetry.Append(m.Event)
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
