package hub

import (
	"context"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/eclipse/paho.mqtt.golang/packets"
	. "github.com/onsi/gomega"
)

// accepted is the positive twin of every refusal.
func accepted(ctx context.Context, t *harness.T, d *harness.HubDevice) {
	t.Given("the device connects with its own credential", func() {
		t.Expect(code(ctx, t, d, func(*packets.ConnectPacket) {})).To(BeZero())
	})
}

// expectRefused asserts that a device is refused with CONNACK 5, and its connection closed.
func expectRefused(ctx context.Context, t *harness.T, d *harness.HubDevice, c *packets.ConnectPacket, why string) {
	p := d.Packets(ctx, t)
	t.Expect(p.Login(ctx, c).ReturnCode).To(BeEquivalentTo(5), "CONNACK for %s", why)
	p.ExpectClosed(ctx)
	p.Close()
}

// credentialChecks are about who is let in.
var credentialChecks = []harness.Check{{
	Requirement: "DPS-HUB-009",
	Title:       "a wrong key, an unknown device, a disabled one and the token of another are refused with CONNACK 5",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		h := env.Hub(ctx, t)
		d, another := h.Device(ctx, t), h.Device(ctx, t)
		accepted(ctx, t, d)
		accepted(ctx, t, another)

		wrongKey := d.With(func(id *devwire.HubIdentity) { id.Key = harness.Key() })
		expectRefused(ctx, t, wrongKey, wrongKey.ConnectPacket(), "a wrong key")
		unknown := d.With(func(id *devwire.HubIdentity) { id.DeviceID = t.Name() })
		expectRefused(ctx, t, unknown, unknown.ConnectPacket(), "an unknown device")
		disabled := h.Device(ctx, t, harness.Members{"status": "disabled"})
		expectRefused(ctx, t, disabled, disabled.ConnectPacket(), "a disabled device")
		c := d.ConnectPacket()
		c.Password = another.ConnectPacket().Password
		expectRefused(ctx, t, d, c, "the token of another device")
	},
}, {
	Requirement: "DPS-HUB-010",
	Title:       "an expired token is refused with CONNACK 5",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Hub(ctx, t).Device(ctx, t)
		accepted(ctx, t, d)
		expired := signature(env, d)
		expired.Expiry = env.Wire.Clock.Now().Add(-time.Hour)
		c := d.ConnectPacket()
		c.Password = []byte(expired.Token())
		expectRefused(ctx, t, d, c, "a token that expired an hour ago")
	},
}, {
	Requirement: "DPS-HUB-011",
	Title:       "a certificate is accepted by its thumbprint, any other is refused with CONNACK 5",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Hub(ctx, t).X509Device(ctx, t)
		t.Expect(code(ctx, t, d, func(*packets.ConnectPacket) {})).To(BeZero(), "CONNACK for the device's own certificate")
		other := t.SelfSigned(env, d.DeviceID)
		wrong := d.With(func(id *devwire.HubIdentity) { id.Certificate = &other })
		expectRefused(ctx, t, wrong, wrong.ConnectPacket(), "another certificate for the same name")
	},
}}

// endChecks are about what ends a connection that stands.
var endChecks = []harness.Check{{
	Requirement: "DPS-HUB-012",
	Title:       "a connection ends when its token expires",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t) // the token is good for an hour
		s.device.Hub.Advance(ctx, t, 50*time.Minute)
		t.Given("the connection stands before that", func() { s.ExpectSilence(ctx) })
		s.device.Hub.Advance(ctx, t, 20*time.Minute)
		s.ExpectClosed(ctx)
	},
}, {
	Requirement: "DPS-HUB-023",
	Title:       "a second connection of a device ends the first",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		older := open(ctx, env, t)
		newer := openAs(ctx, t, older.device)
		older.ExpectClosed(ctx)
		newer.expectAlive(ctx)
	},
}, {
	Requirement: "DPS-HUB-026",
	Title:       "a connection ends when its identity is disabled or deleted",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		h := env.Hub(ctx, t)
		for what, revoke := range map[string]func(d *harness.HubDevice) devwire.HTTPResponse{
			"disabled": func(d *harness.HubDevice) devwire.HTTPResponse {
				d.Record["status"] = "disabled"
				return h.Put(ctx, t, harness.IdentityPath(d.DeviceID), d.Record, "*")
			},
			"deleted": func(d *harness.HubDevice) devwire.HTTPResponse {
				return h.Delete(ctx, t, harness.IdentityPath(d.DeviceID), "*")
			},
		} {
			s := openAs(ctx, t, h.Device(ctx, t))
			t.Given("the identity is "+what, func() { t.Expect(revoke(s.device).Status).To(BeNumerically("<", 300)) })
			s.ExpectClosed(ctx)
		}
	},
}}
