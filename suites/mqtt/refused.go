package mqtt

import (
	"context"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/eclipse/paho.mqtt.golang/packets"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"
)

// refuses sends a CONNECT of the device on a connection of its own, asserts what the code
// of the CONNACK is, and returns the connection.
func refuses(ctx context.Context, t *harness.T, d *harness.Device, code types.GomegaMatcher, change func(c *packets.ConnectPacket)) *harness.Packets {
	p, c := d.Packets(ctx, t), d.ConnectPacket()
	change(c)
	connack := p.Login(ctx, c)
	t.Expect(int(connack.ReturnCode)).To(code, "ClientId %q, user name %q, protocol %s level %d",
		c.ClientIdentifier, c.Username, c.ProtocolName, c.ProtocolVersion)
	return p
}

// accepted is the positive twin of every refusal: the same device with its proper CONNECT.
func accepted(ctx context.Context, t *harness.T, d *harness.Device) {
	t.Given("the device's proper CONNECT is accepted", func() { connects(ctx, t, d, func(*packets.ConnectPacket) {}) })
}

// fourOrFive are the codes for a user name that says too little; which one the service
// sends is not known (device-api.md 2.4).
var fourOrFive = BeElementOf(4, 5)

// badUserNames asserts that each user name is refused and ends its connection.
func badUserNames(ctx context.Context, env *harness.Env, t *harness.T, of func(d *harness.Device) []string) {
	d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
	accepted(ctx, t, d)
	for _, name := range of(d) {
		p := refuses(ctx, t, d, fourOrFive, func(c *packets.ConnectPacket) { c.Username = name })
		p.ExpectClosed(ctx)
		p.Close()
	}
}

// refusedChecks are the CONNECTs that must not be accepted.
var refusedChecks = []harness.Check{{
	Requirement: "DPS-MQTT-025",
	Title:       "a malformed user name is refused",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		badUserNames(ctx, env, t, func(d *harness.Device) []string {
			const version = "/api-version=" + devwire.DefaultDeviceAPIVersion
			return []string{
				"",
				d.RegistrationID,
				d.Scope + "/" + d.RegistrationID + version,
				d.Scope + "/devices/" + d.RegistrationID + version,
				d.Scope + "/registrations" + version,
			}
		})
	},
}, {
	Requirement: "DPS-MQTT-026",
	Title:       "a user name without api-version is refused",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		badUserNames(ctx, env, t, func(d *harness.Device) []string {
			name := d.Scope + "/registrations/" + d.RegistrationID + "/"
			return []string{name, name + "ClientVersion=1.15.0"}
		})
	},
}, {
	Requirement: "DPS-MQTT-027",
	Title:       "a ClientId that is not the registration id is refused, with a key and with a certificate",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, d := range []*harness.Device{s.SymmetricKeyDevice(ctx, t), s.X509Device(ctx, t)} {
			accepted(ctx, t, d)
			refuses(ctx, t, d, Equal(5), func(c *packets.ConnectPacket) { c.ClientIdentifier = "x-" + c.ClientIdentifier })
		}
	},
}, {
	Requirement: "DPS-MQTT-028",
	Title:       "a CONNECT without password and without client certificate is refused",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		accepted(ctx, t, d)
		refuses(ctx, t, d, Equal(5), func(c *packets.ConnectPacket) { c.PasswordFlag, c.Password = false, nil })
	},
}, {
	Requirement: "DPS-MQTT-029",
	Title:       "an empty ClientId is refused",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		accepted(ctx, t, d)
		refuses(ctx, t, d, BeNumerically(">", 0), func(c *packets.ConnectPacket) { c.ClientIdentifier = "" })
	},
}, {
	Requirement: "DPS-MQTT-030",
	Title:       "MQTT 3.1 and MQTT 5 are refused with CONNACK 1",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		accepted(ctx, t, d)
		for name, level := range map[string]byte{"MQIsdp": 3, "MQTT": 5} {
			p := refuses(ctx, t, d, Equal(1), func(c *packets.ConnectPacket) { c.ProtocolName, c.ProtocolVersion = name, level })
			p.ExpectClosed(ctx)
		}
	},
}, {
	Requirement: "DPS-MQTT-055",
	Title:       "a device that names an unknown id scope is refused",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		t.Given("the device is accepted in its own scope", func() { t.Expect(d.Try(ctx, t)).To(harness.BeAccepted()) })
		stray := d.With(func(id *devwire.Identity) { id.Scope = "0ne00FFFFFF" })
		t.Expect(stray.Try(ctx, t)).To(harness.BeRefused(401, 404))
	},
}}
