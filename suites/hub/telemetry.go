package hub

import (
	"bytes"
	"context"

	"github.com/dpslab/dpslab/internal/controlapi"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/eclipse/paho.mqtt.golang/packets"
	. "github.com/onsi/gomega"
)

func (s session) events() string { return devwire.TelemetryTopic(s.device.DeviceID, nil) }

// sent publishes telemetry on a topic at QoS 1 and returns it as the hub accepted it.
func (s session) sent(ctx context.Context, topic string) controlapi.Telemetry {
	m := s.Publish(topic, 1, []byte("21.5"))
	s.acknowledged(ctx, m)
	return s.device.Hub.Telemetry(ctx, s.t, s.device.DeviceID, 1)[0]
}

// expectStray publishes to topics, each on a connection of its own that takes telemetry,
// and asserts that the connection is closed without the refused kinds of packet.
func expectStray(ctx context.Context, t *harness.T, d *harness.HubDevice, qos byte, topics []string, payload []byte, refused ...byte) {
	for _, topic := range topics {
		s := openAs(ctx, t, d)
		t.Given("telemetry is accepted", func() {
			s.acknowledged(ctx, s.Publish(s.events(), 1, []byte("21.5")))
		})
		s.Publish(topic, qos, payload)
		s.ExpectClosed(ctx, refused...)
		s.Close()
	}
}

func text(s string) *string { return &s }

const maxTelemetry = 256 << 10

// telemetryChecks are about messages from devices.
var telemetryChecks = []harness.Check{{
	Requirement: "DPS-HUB-013",
	Title:       "telemetry is taken at QoS 0, and at QoS 1 with a PUBACK",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		s.acknowledged(ctx, s.Publish(s.events(), 1, []byte("21.5")))
		s.Publish(s.events(), 0, []byte("21.6"))
		s.expectAlive(ctx)
	},
}, {
	Requirement: "DPS-HUB-014",
	Title:       "properties whose names begin with a dollar sign are the system's, all others the application's",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		m := s.sent(ctx, s.events()+"$.ct=application%2Fjson&%24.ce=utf-8&%24.mid=m%2F1&zone=a%20b&sum=1%2B1&empty=")
		t.Expect(m.Body).To(BeEquivalentTo("21.5"))
		t.Expect(m.SystemProperties).To(And(
			HaveKeyWithValue("content-type", "application/json"),
			HaveKeyWithValue("content-encoding", "utf-8"),
			HaveKeyWithValue("message-id", "m/1"),
		))
		t.Expect(m.Properties).To(Equal(map[string]*string{
			"zone": text("a b"), "sum": text("1+1"), "empty": text(""),
		}))
	},
}, {
	Requirement: "DPS-HUB-015",
	Title:       "a slash behind the properties is no part of them",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		m := s.sent(ctx, s.events()+"%24.ct=text%2Fplain&zone=a/")
		t.Expect(m.Properties).To(Equal(map[string]*string{"zone": text("a")}))
	},
}, {
	Requirement: "DPS-HUB-016",
	Title:       "a PUBLISH at QoS 2 ends the connection",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Hub(ctx, t).Device(ctx, t)
		expectStray(ctx, t, d, 2, []string{devwire.TelemetryTopic(d.DeviceID, nil)}, []byte("21.5"), packets.Pubrec)
	},
}, {
	Requirement: "DPS-HUB-017",
	Title:       "a PUBLISH to the topic of another device or to an unknown one ends the connection without a PUBACK",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		h := env.Hub(ctx, t)
		d, another := h.Device(ctx, t), h.Device(ctx, t)
		expectStray(ctx, t, d, 1, []string{
			devwire.TelemetryTopic(another.DeviceID, nil),
			"devices/" + d.DeviceID + "/messages/unknown/",
			"$iothub/unknown/?$rid=1",
			"anything",
		}, []byte("21.5"), packets.Puback)
	},
}, {
	Requirement: "DPS-HUB-018",
	Title:       "telemetry over 256 KB ends the connection",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Hub(ctx, t).Device(ctx, t)
		expectStray(ctx, t, d, 1, []string{devwire.TelemetryTopic(d.DeviceID, nil)}, bytes.Repeat([]byte("x"), maxTelemetry+1), packets.Puback)
	},
}, {
	Requirement: "DPS-HUB-024",
	Title:       "the will of a device that vanishes becomes telemetry, that of one that disconnects does not",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Hub(ctx, t).Device(ctx, t)
		leave := func(will string, end func(s session)) {
			s, c := session{Packets: d.Packets(ctx, t), t: t, device: d}, d.ConnectPacket()
			c.WillFlag, c.WillQos, c.WillTopic, c.WillMessage = true, 1, s.events()+"zone=a", []byte(will)
			t.Given("the device is connected with a will", func() {
				t.Expect(s.Login(ctx, c).ReturnCode).To(BeEquivalentTo(packets.Accepted))
			})
			end(s)
		}
		leave("disconnected", func(s session) { s.disconnect() })
		leave("vanished", func(s session) { s.Close() })
		m := d.Hub.Telemetry(ctx, t, d.DeviceID, 1)[0]
		t.Expect(m.Body).To(BeEquivalentTo("vanished"))
		t.Expect(m.Properties).To(Equal(map[string]*string{"iothub-MessageType": text("Will"), "zone": text("a")}))
	},
}}
