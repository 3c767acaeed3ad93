package mqtt

import (
	"context"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/eclipse/paho.mqtt.golang/packets"
	. "github.com/onsi/gomega"
)

// login connects a new device of a new service that has not subscribed yet.
func login(ctx context.Context, env *harness.Env, t *harness.T) session {
	d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
	s := session{Packets: d.Packets(ctx, t), t: t, env: env, device: d}
	t.Given("the device is connected", func() {
		t.Expect(s.Login(ctx, d.ConnectPacket()).ReturnCode).To(BeEquivalentTo(packets.Accepted))
	})
	return s
}

// expectGranted subscribes and asserts which QoS is granted and used.
func (s session) expectGranted(ctx context.Context, asked, granted byte) {
	s.t.Expect(s.Subscribe(ctx, devwire.ResponseFilter, asked)).To(Equal(granted), "SUBACK to a subscription at QoS %d", asked)
	for _, m := range s.everyKind(ctx) {
		s.t.Expect(m.Qos).To(Equal(granted), "QoS of %s", m.TopicName)
	}
}

// subscribeChecks are about what is granted to a subscription.
var subscribeChecks = []harness.Check{{
	Requirement: "DPS-MQTT-015",
	Title:       "a subscription at QoS 1 is granted and served at QoS 1",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		login(ctx, env, t).expectGranted(ctx, 1, 1)
	},
}, {
	Requirement: "DPS-MQTT-016",
	Title:       "a subscription at QoS 2 is granted and served at QoS 1",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		login(ctx, env, t).expectGranted(ctx, 2, 1)
	},
}, {
	Requirement: "DPS-MQTT-031",
	Title:       "a subscription to another filter is refused with 0x80",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		for _, filter := range []string{
			"#", "$dps/#", "$dps/registrations/#", "$dps/registrations/res/+/#", "$dps/registrations/res/202/#",
			"$dps/registrations/PUT/iotdps-register/#", "devices/" + s.device.RegistrationID + "/messages/devicebound/#",
		} {
			t.Expect(s.Subscribe(ctx, filter, 1)).To(BeEquivalentTo(0x80), "SUBACK for %s", filter)
		}
	},
}}
