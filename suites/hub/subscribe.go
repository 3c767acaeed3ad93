package hub

import (
	"context"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/eclipse/paho.mqtt.golang/packets"
	. "github.com/onsi/gomega"
)

// subscribeChecks are about what a device may subscribe to.
var subscribeChecks = []harness.Check{{
	Requirement: "DPS-HUB-019",
	Title:       "a subscription to an unknown filter ends the connection",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Hub(ctx, t).Device(ctx, t)
		for _, filter := range []string{"#", "$iothub/#", "devices/" + d.DeviceID + "/messages/events/#"} {
			s := openAs(ctx, t, d).subscribed(ctx, devwire.TwinResponseFilter)
			subscribe := packets.NewControlPacket(packets.Subscribe).(*packets.SubscribePacket)
			subscribe.MessageID, subscribe.Topics, subscribe.Qoss = 77, []string{filter}, []byte{1}
			s.Write(subscribe)
			s.ExpectClosed(ctx, packets.Suback)
			s.Close()
		}
	},
}, {
	Requirement: "DPS-HUB-020",
	Title:       "a subscription at QoS 2 is granted with QoS 1",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		for _, filter := range []string{
			devwire.TwinResponseFilter, devwire.DesiredFilter, devwire.MethodFilter, "devices/" + s.device.DeviceID + "/messages/devicebound/#",
		} {
			t.Expect(s.Subscribe(ctx, filter, 2)).To(BeEquivalentTo(1), "SUBACK for %s", filter)
		}
	},
}, {
	Requirement: "DPS-HUB-025",
	Title:       "PINGREQ is answered with PINGRESP, and UNSUBSCRIBE with UNSUBACK",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t).subscribed(ctx, devwire.TwinResponseFilter)
		s.expectAlive(ctx)
		unsubscribe := packets.NewControlPacket(packets.Unsubscribe).(*packets.UnsubscribePacket)
		unsubscribe.MessageID, unsubscribe.Topics = 77, []string{devwire.TwinResponseFilter}
		s.Write(unsubscribe)
		t.Expect(harness.Read[*packets.UnsubackPacket](ctx, s.Packets).MessageID).To(BeEquivalentTo(77))
	},
}}

// keptChecks are about subscriptions that outlive a connection.
var keptChecks = []harness.Check{{
	Requirement: "DPS-HUB-021",
	Title:       "a device that comes back without clean session hears all that it had subscribed to",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Hub(ctx, t).Device(ctx, t)
		kept(ctx, t, d).subscribed(ctx, devwire.TwinResponseFilter, devwire.DesiredFilter, devwire.MethodFilter).disconnect()

		s := kept(ctx, t, d)
		t.Expect(s.getTwin(ctx, "").TopicName).To(HavePrefix("$iothub/twin/res/200/"))
		s.desire(ctx, harness.Members{"interval": 30})
		t.Expect(s.Answer(ctx).TopicName).To(HavePrefix("$iothub/twin/PATCH/properties/desired/"))
		call(ctx, t, d, "reboot", nil)
		t.Expect(s.Answer(ctx).TopicName).To(HavePrefix("$iothub/methods/POST/reboot/"))
	},
}, {
	Requirement: "DPS-HUB-022",
	Title:       "a device that connects with clean session hears nothing of what it had subscribed to",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Hub(ctx, t).Device(ctx, t)
		before := kept(ctx, t, d).subscribed(ctx, devwire.TwinResponseFilter, devwire.DesiredFilter)
		t.Given("the subscriptions are served", func() {
			t.Expect(before.getTwin(ctx, "").TopicName).To(HavePrefix("$iothub/twin/res/200/"))
		})
		before.disconnect()

		clean := openAs(ctx, t, d)
		expectNoTwin := func(s session) {
			s.acknowledged(ctx, s.Publish(devwire.TwinGetTopic("1"), 1, nil))
			s.desire(ctx, harness.Members{"interval": 30})
			s.ExpectSilence(ctx)
		}
		expectNoTwin(clean)
		clean.disconnect()
		expectNoTwin(kept(ctx, t, d)) // what was forgotten stays so
	},
}}
