package ws

import (
	"context"
	"errors"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// upgradeChecks are about the HTTP request that makes a WebSocket.
var upgradeChecks = []harness.Check{{
	Requirement: "DPS-WS-001",
	Title:       "a device connects at /$iothub/websocket with subprotocol mqtt",
	Transports:  overWebSocket,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		p := upgraded(ctx, env, t, d, devwire.DialOptions{Path: "/$iothub/websocket", Subprotocols: []string{"mqtt"}})
		t.Expect(p.Subprotocol()).To(Equal("mqtt"))
	},
}, {
	Requirement: "DPS-WS-002",
	Title:       "a device connects at any path",
	Transports:  overWebSocket,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		for _, path := range []string{"/", "/mqtt", "/$iothub/websocket?iothub-no-client-cert=true", "/any/other"} {
			t.Step("upgrade at %s", path)
			upgraded(ctx, env, t, d, devwire.DialOptions{Path: path}).Close()
		}
	},
}, {
	Requirement: "DPS-WS-003",
	Title:       "the subprotocol is taken in any letter case and echoed as it was offered",
	Transports:  overWebSocket,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		for _, offered := range []string{"mqtt", "MQTT", "Mqtt"} {
			p := upgraded(ctx, env, t, d, devwire.DialOptions{Subprotocols: []string{offered}})
			t.Expect(p.Subprotocol()).To(Equal(offered))
			p.Close()
		}
	},
}, {
	Requirement: "DPS-WS-009",
	Title:       "an upgrade that offers unknown subprotocols alone is refused",
	Transports:  overWebSocket,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		t.Given("the device connects when mqtt is among the subprotocols", func() {
			upgraded(ctx, env, t, d, devwire.DialOptions{Subprotocols: []string{"chat", "mqtt"}}).Close()
		})
		conn, err := env.Wire.Packets(ctx, t.Transport(), d.Service.Device, devwire.DialOptions{Subprotocols: []string{"chat", "superchat"}})
		if err == nil {
			t.Cleanup(func(context.Context) { conn.Close() })
		}
		var refused *devwire.UpgradeRefused
		t.Expect(errors.As(err, &refused)).To(BeTrue(), "the answer has to refuse the upgrade: %v", err)
		t.Expect(refused.Status).To(And(BeNumerically(">=", 400), BeNumerically("<", 500)))
	},
}, {
	Requirement: "DPS-WS-010",
	Title:       "the client certificate of the TLS connection is the device's",
	Transports:  overWebSocket,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).X509Device(ctx, t)
		t.Expect(d.Try(ctx, t)).To(harness.BeAccepted())
		other := t.SelfSigned(env, d.RegistrationID)
		t.Expect(d.With(func(id *devwire.Identity) { id.Certificate = &other }).Try(ctx, t)).To(harness.BeRefused())
	},
}}
