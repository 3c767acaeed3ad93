package hub

import (
	"context"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/eclipse/paho.mqtt.golang/packets"
	. "github.com/onsi/gomega"
)

// code sends a CONNECT of the device on a connection of its own and returns the code of
// the CONNACK.
func code(ctx context.Context, t *harness.T, d *harness.HubDevice, change func(c *packets.ConnectPacket)) int {
	p, c := d.Packets(ctx, t), d.ConnectPacket()
	change(c)
	connack := p.Login(ctx, c)
	p.Close()
	return int(connack.ReturnCode)
}

// expectUserNames asserts that a device connects with each of the user names.
func expectUserNames(ctx context.Context, env *harness.Env, t *harness.T, of func(d *harness.HubDevice) []string) {
	d := env.Hub(ctx, t).Device(ctx, t)
	for _, name := range of(d) {
		t.Expect(code(ctx, t, d, func(c *packets.ConnectPacket) { c.Username = name })).To(BeZero(), "CONNACK for the user name %q", name)
	}
}

// expectTokens asserts that a device connects with each spelling of its token.
func expectTokens(ctx context.Context, env *harness.Env, t *harness.T, spellings ...func(d *harness.HubDevice, s *devwire.SAS)) {
	d := env.Hub(ctx, t).Device(ctx, t)
	for _, spell := range spellings {
		s := signature(env, d)
		spell(d, &s)
		t.Expect(code(ctx, t, d, func(c *packets.ConnectPacket) { c.Password = []byte(s.Token()) })).
			To(BeZero(), "CONNACK for the resource %q, fields in the order %v", s.Resource, s.Order)
	}
}

// signature is a good token of the device, to be spelt otherwise.
func signature(env *harness.Env, d *harness.HubDevice) devwire.SAS {
	return devwire.SAS{
		Resource: devwire.HubResource(d.Hub.Host, d.DeviceID), Key: d.Key, Expiry: env.Wire.Clock.Now().Add(time.Hour),
	}
}

// connectChecks are the CONNECTs that have to be accepted.
var connectChecks = []harness.Check{{
	Requirement: "DPS-HUB-002",
	Title:       "a device with a key connects without a client certificate",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		h := env.Hub(ctx, t)
		nobody := harness.HubDevice{Hub: h, HubIdentity: devwire.HubIdentity{DeviceID: t.Name(), Key: harness.Key()}}
		p := env.Packets(ctx, t, h.Endpoint, devwire.DialOptions{})
		t.Expect(p.Login(ctx, nobody.ConnectPacket()).ReturnCode).NotTo(BeZero(), "an unknown device hears a CONNACK, not an alert")
		d := h.Device(ctx, t)
		t.Expect(code(ctx, t, d, func(*packets.ConnectPacket) {})).To(BeZero(), "CONNACK for a device with a key")
	},
}, {
	Requirement: "DPS-HUB-003",
	Title:       "the parameters of the user name may come in any order",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		expectUserNames(ctx, env, t, func(d *harness.HubDevice) []string {
			id := d.Hub.Host + "/" + d.DeviceID + "/?"
			return []string{
				id + "api-version=2021-04-12",
				id + "api-version=2019-10-01&DeviceClientType=azure-iot-device%2F2.14.0%20%28Linux%3B%20x86_64%29",
				id + "api-version=2020-09-30&DeviceClientType=demo%2F1.0&model-id=dtmi%3Ademo%3Athing%3B1",
				id + "model-id=dtmi%3Ademo%3Athing%3B1&DeviceClientType=demo%2F1.0&api-version=2020-09-30",
			}
		})
	},
}, {
	Requirement: "DPS-HUB-004",
	Title:       "the user name needs no question mark",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		expectUserNames(ctx, env, t, func(d *harness.HubDevice) []string {
			id := d.Hub.Host + "/" + d.DeviceID + "/"
			return []string{id + "api-version=2016-11-14&DeviceClientType=old%2F1.0", id + "api-version=2020-09-30"}
		})
	},
}, {
	Requirement: "DPS-HUB-005",
	Title:       "the model-id in the user name needs no encoding",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		expectUserNames(ctx, env, t, func(d *harness.HubDevice) []string {
			return []string{d.Hub.Host + "/" + d.DeviceID + "/?api-version=2021-04-12&model-id=dtmi:demo:thing;1&DeviceClientType=demo%2F1.0"}
		})
	},
}, {
	Requirement: "DPS-HUB-006",
	Title:       "the resource of a token may be encoded in upper case, in lower case and not at all",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		spelt := func(slash string) func(*harness.HubDevice, *devwire.SAS) {
			return func(d *harness.HubDevice, s *devwire.SAS) {
				s.Resource = strings.Join([]string{d.Hub.Host, "devices", d.DeviceID}, slash)
			}
		}
		expectTokens(ctx, env, t, spelt("%2F"), spelt("%2f"), spelt("/"))
	},
}, {
	Requirement: "DPS-HUB-007",
	Title:       "the fields of a token may come in any order",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		ordered := func(fields ...string) func(*harness.HubDevice, *devwire.SAS) {
			return func(_ *harness.HubDevice, s *devwire.SAS) { s.Order = fields }
		}
		expectTokens(ctx, env, t, ordered("sr", "sig", "se"), ordered("sr", "se", "sig"), ordered("se", "sig", "sr"), ordered("sig", "sr", "se"))
	},
}, {
	Requirement: "DPS-HUB-008",
	Title:       "the primary and the secondary key sign tokens",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		expectTokens(ctx, env, t,
			func(d *harness.HubDevice, s *devwire.SAS) { s.Key = d.Primary },
			func(d *harness.HubDevice, s *devwire.SAS) { s.Key = d.Secondary },
		)
	},
}, {
	Requirement: "DPS-HUB-037",
	Title:       "a device connects over a WebSocket with the subprotocol as it spells it and a query behind the path",
	Transports:  harness.Over(dps.MQTTWebSocket),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Hub(ctx, t).Device(ctx, t)
		for _, o := range []devwire.DialOptions{
			{Subprotocols: []string{"mqtt"}},
			{Subprotocols: []string{"MQTT"}},
			{Subprotocols: []string{"mqtt"}, Path: "/$iothub/websocket?iothub-no-client-cert=true"},
		} {
			p := env.Packets(ctx, t, d.Hub.Endpoint, o)
			t.Expect(p.Subprotocol()).To(Equal(o.Subprotocols[0]))
			t.Expect(p.Login(ctx, d.ConnectPacket()).ReturnCode).To(BeEquivalentTo(packets.Accepted))
			p.Close()
		}
	},
}}
