package mqtt

import (
	"context"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/eclipse/paho.mqtt.golang/packets"
	. "github.com/onsi/gomega"
)

// connects sends a CONNECT of the device on a connection of its own and asserts that it is
// accepted.
func connects(ctx context.Context, t *harness.T, d *harness.Device, change func(c *packets.ConnectPacket)) {
	p, c := d.Packets(ctx, t), d.ConnectPacket()
	change(c)
	connack := p.Login(ctx, c)
	t.Expect(connack.ReturnCode).To(BeEquivalentTo(packets.Accepted), "user name %q, clean session %v", c.Username, c.CleanSession)
	p.Close()
}

// clientVersions are what SDKs append to the user name (device-api.md 2.2), and worse.
var clientVersions = []string{
	"1.15.0",                                // azure-iot-sdk-c
	"2019-03-31",                            // azure-iot-sdk-java
	"azure-iot-provisioning-device%2F1.9.0", // azure-iot-sdk-node
	"azure-iot-device-provisioning-py%2F2.14.0%283.11.2%3B%20Linux%3B%20x86_64%29", // azure-iot-sdk-python
	"Microsoft.Azure.Devices.Provisioning.Client%2F1.19.4%20%28.NET%208.0%3B%20Debian%3B%20X64%29",
	"azsdk-c/1.6.0 (board; rev 2) [test]", // azure-sdk-for-c leaves it to the device
	"",
}

// apiVersions are those that shipping SDKs send (device-api.md 1.3).
var apiVersions = []string{"2018-09-01-preview", "2018-11-01", "2019-03-31", "2021-06-01", "2021-10-01", "2021-11-01-preview"}

// connectChecks are the CONNECTs that have to be accepted.
var connectChecks = []harness.Check{{
	Requirement: "DPS-MQTT-001",
	Title:       "a device connects with its registration id as ClientId and its scope and id in the user name",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		connects(ctx, t, d, func(c *packets.ConnectPacket) {
			c.ClientIdentifier = d.RegistrationID
			c.Username = d.Scope + "/registrations/" + d.RegistrationID + "/api-version=" + devwire.DefaultDeviceAPIVersion
		})
	},
}, {
	Requirement: "DPS-MQTT-002",
	Title:       "no session is ever present, also not after one that was to be kept",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		for range 2 {
			s := session{Packets: d.Packets(ctx, t), t: t, env: env, device: d}
			c := d.ConnectPacket()
			c.CleanSession = false
			connack := s.Login(ctx, c)
			t.Expect(connack.ReturnCode).To(BeEquivalentTo(packets.Accepted))
			t.Expect(connack.SessionPresent).To(BeFalse(), "SessionPresent")
			s.Subscribe(ctx, devwire.ResponseFilter, 1)
			s.disconnect()
		}
	},
}, {
	Requirement: "DPS-MQTT-022",
	Title:       "a CONNECT without clean session is accepted",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		t.Given("the device connects with clean session", func() {
			connects(ctx, t, d, func(*packets.ConnectPacket) {})
		})
		connects(ctx, t, d, func(c *packets.ConnectPacket) { c.CleanSession = false })
	},
}, {
	Requirement: "DPS-MQTT-023",
	Title:       "the client version in the user name may be any text",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		for _, version := range clientVersions {
			connects(ctx, t, d, func(c *packets.ConnectPacket) { c.Username += "&ClientVersion=" + version })
		}
	},
}, {
	Requirement: "DPS-MQTT-024",
	Title:       "the user name needs no client version",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		t.Given("the device connects with a client version", func() {
			connects(ctx, t, d, func(c *packets.ConnectPacket) { c.Username += "&ClientVersion=1.15.0" })
		})
		connects(ctx, t, d, func(*packets.ConnectPacket) {})
	},
}, {
	Requirement: "DPS-MQTT-054",
	Title:       "a device connects and registers with each api-version that SDKs send",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		group := env.Service(ctx, t).SymmetricKeyGroup(ctx, t)
		for _, version := range env.Versions(t, apiVersions...) {
			d := group.Device(t).With(func(id *devwire.Identity) { id.APIVersion = version })
			t.Expect(d.Try(ctx, t)).To(harness.BeAccepted(), "api-version=%s", version)
		}
	},
}}
