package mqtt

import (
	"context"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/eclipse/paho.mqtt.golang/packets"
	. "github.com/onsi/gomega"
)

// keptAlive connects a new device with that keep-alive, in seconds.
func keptAlive(ctx context.Context, env *harness.Env, t *harness.T, seconds uint16) session {
	d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
	s := session{Packets: d.Packets(ctx, t), t: t, env: env, device: d}
	t.Given("the device is connected", func() {
		c := d.ConnectPacket()
		c.Keepalive = seconds
		t.Expect(s.Login(ctx, c).ReturnCode).To(BeEquivalentTo(packets.Accepted))
	})
	return s
}

// lifeChecks are about how long a connection stands, and what ends it.
var lifeChecks = []harness.Check{{
	Requirement: "DPS-MQTT-020",
	Title:       "a connection with keep-alive 0 stands through any silence",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := keptAlive(ctx, env, t, 0)
		s.ExpectSilence(ctx)
		s.device.Service.Advance(ctx, t, 24*time.Hour)
		s.ExpectSilence(ctx)
		s.expectAlive(ctx)
	},
}, {
	Requirement: "DPS-MQTT-021",
	Title:       "a connection that is silent for longer than its keep-alive is closed",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := keptAlive(ctx, env, t, 1)
		s.expectAlive(ctx)
		s.ExpectClosed(ctx) // 1.5 s after the PINGREQ; Timeouts.Close is longer
	},
}, {
	Requirement: "DPS-MQTT-039",
	Title:       "a second CONNECT ends the connection",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		s.Write(s.device.ConnectPacket())
		s.ExpectClosed(ctx, packets.Connack)
	},
}, {
	Requirement: "DPS-MQTT-040",
	Title:       "a second connection with the same ClientId ends the first",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		older := open(ctx, env, t)
		newer := openAs(ctx, env, t, older.device)
		older.ExpectClosed(ctx)
		newer.expectAlive(ctx)
	},
}, {
	Requirement: "DPS-MQTT-043",
	Title:       "PINGREQ is answered with PINGRESP",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		s.expectAlive(ctx)
		s.expectAlive(ctx)
	},
}, {
	Requirement: "DPS-MQTT-044",
	Title:       "UNSUBSCRIBE is answered with UNSUBACK",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		unsubscribe := packets.NewControlPacket(packets.Unsubscribe).(*packets.UnsubscribePacket)
		unsubscribe.MessageID, unsubscribe.Topics = 77, []string{devwire.ResponseFilter}
		s.Write(unsubscribe)
		t.Expect(harness.Read[*packets.UnsubackPacket](ctx, s.Packets).MessageID).To(BeEquivalentTo(77))
	},
}, {
	Requirement: "DPS-MQTT-053",
	Title:       "the will of a device that vanishes is published to nobody",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		group := env.Service(ctx, t).SymmetricKeyGroup(ctx, t)
		listener, d := openAs(ctx, env, t, group.Device(t)), group.Device(t)
		vanishing, c := d.Packets(ctx, t), d.ConnectPacket()
		c.WillFlag, c.WillQos, c.WillTopic, c.WillMessage = true, 1, "$dps/registrations/res/200/?$rid=1", []byte(`{"status":"will"}`)
		vanishing.Login(ctx, c) // a refusal keeps it from being published as well
		vanishing.Close()
		openAs(ctx, env, t, d).ExpectSilence(ctx)
		listener.ExpectSilence(ctx)
	},
}}
