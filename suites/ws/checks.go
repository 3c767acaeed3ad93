// Package ws checks MQTT over WebSocket at the device API (docs/protocol/device-api.md
// 2.9): which upgrades are taken, and how MQTT goes in frames. What is the same over every
// byte stream is checked by family MQTT over this transport too.
package ws

import (
	"context"
	"slices"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/eclipse/paho.mqtt.golang/packets"
	. "github.com/onsi/gomega"
)

// Checks returns the checks of family WS.
func Checks() []harness.Check { return slices.Concat(upgradeChecks, frameChecks) }

// overWebSocket is the one transport of the family.
var overWebSocket = harness.Over(dps.MQTTWebSocket)

// upgraded opens a WebSocket of the device in another way than SDKs do, and asserts that
// the device can log in on it.
func upgraded(ctx context.Context, env *harness.Env, t *harness.T, d *harness.Device, o devwire.DialOptions) *harness.Packets {
	p := env.Packets(ctx, t, d.Service.Device, o)
	t.Expect(p.Login(ctx, d.ConnectPacket()).ReturnCode).To(BeEquivalentTo(packets.Accepted))
	return p
}
