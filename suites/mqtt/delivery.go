package mqtt

import (
	"context"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/eclipse/paho.mqtt.golang/packets"
	. "github.com/onsi/gomega"
)

// deliveryChecks are about how an answer reaches its device, and that nothing else does.
var deliveryChecks = []harness.Check{{
	Requirement: "DPS-MQTT-003",
	Title:       "the PUBACK of a request comes before its answer",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		pubackFirst := func(request *packets.PublishPacket) devwire.Answer {
			next := s.Next(ctx)
			t.Expect(next).To(BeAssignableToTypeOf(&packets.PubackPacket{}), "the PUBACK has to come first: %v", next)
			t.Expect(next.Details().MessageID).To(Equal(request.MessageID))
			return s.hear(ctx)
		}
		first := pubackFirst(s.askRegister("1"))
		pubackFirst(s.askPoll("2", first.OperationID))
		pubackFirst(s.askPoll("3", unknownOperation))
	},
}, {
	Requirement: "DPS-MQTT-013",
	Title:       "requests at QoS 0 are answered and not acknowledged",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		unacknowledged := func(topic string, body []byte) devwire.Answer {
			s.Publish(topic, 0, body)
			next := s.Next(ctx)
			t.Expect(next).To(BeAssignableToTypeOf(&packets.PublishPacket{}), "only the answer may come: %v", next)
			return s.read(next.(*packets.PublishPacket))
		}
		first := unacknowledged(devwire.RegisterTopic("1"), s.body())
		unacknowledged(devwire.PollTopic("2", first.OperationID), nil)
		s.expectAlive(ctx)
	},
}, {
	Requirement: "DPS-MQTT-014",
	Title:       "answers to a subscription at QoS 0 come at QoS 0",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		s := session{Packets: d.Session(ctx, t, 0), t: t, env: env, device: d}
		for _, m := range s.everyKind(ctx) {
			t.Expect(m.Qos).To(BeZero(), "QoS of %s", m.TopicName)
		}
	},
}, {
	Requirement: "DPS-MQTT-017",
	Title:       "answers come without the RETAIN and the DUP flag",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		for _, m := range open(ctx, env, t).everyKind(ctx) {
			t.Expect(m.Retain).To(BeFalse(), "RETAIN of %s", m.TopicName)
			t.Expect(m.Dup).To(BeFalse(), "DUP of %s", m.TopicName)
		}
	},
}, {
	Requirement: "DPS-MQTT-018",
	Title:       "a request has one answer, and nothing else is published",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		s.ExpectSilence(ctx)
		first := s.registered(ctx, "1")
		s.ExpectSilence(ctx)
		s.poll(ctx, "2", first.OperationID)
		s.ExpectSilence(ctx)
	},
}, {
	Requirement: "DPS-MQTT-019",
	Title:       "each of many subscribed devices hears its own answers and no others",
	Transports:  harness.OverMQTT,
	Run:         crowd,
}, {
	Requirement: "DPS-MQTT-047",
	Title:       "a device that has not subscribed hears no answer and keeps its connection",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := login(ctx, env, t)
		s.askRegister("1")
		harness.Read[*packets.PubackPacket](ctx, s.Packets)
		s.ExpectSilence(ctx)
		t.Expect(s.Subscribe(ctx, devwire.ResponseFilter, 1)).To(BeEquivalentTo(1))
		s.askPoll("2", unknownOperation)
		t.Expect(s.take(ctx).TopicName).To(HaveSuffix("$rid=2"), "the answer to the request after the subscription has to come, and no other")
	},
}}

// crowdSize is how many devices listen to the same filter at once.
const crowdSize = 24

// crowd connects many devices, lets all of them register at once, and follows each to its
// own registration.
func crowd(ctx context.Context, env *harness.Env, t *harness.T) {
	group := env.Service(ctx, t).SymmetricKeyGroup(ctx, t)
	sessions := make([]session, crowdSize)
	for i := range sessions {
		sessions[i] = openAs(ctx, env, t, group.Device(t))
	}
	for _, s := range sessions {
		s.askRegister(s.device.RegistrationID)
	}
	operations := map[string]bool{}
	pending := map[*session]string{}
	for i := range sessions {
		a := sessions[i].own(ctx)
		t.Expect(a.OperationID).NotTo(BeKeyOf(operations), "two devices were told the same operationId")
		operations[a.OperationID], pending[&sessions[i]] = true, a.OperationID
	}
	t.Eventually(ctx, func() int {
		for s, operation := range pending {
			s.askPoll(s.device.RegistrationID, operation)
		}
		for s := range pending {
			if a := s.own(ctx); a.Status.Terminal() {
				t.Expect(a.State).NotTo(BeNil(), "registrationState in %s", a.Raw)
				t.Expect(strings.ToLower(a.State.RegistrationID)).To(Equal(s.device.RegistrationID))
				delete(pending, s)
			}
		}
		return len(pending)
	}).WithTimeout(env.Timeouts.Assign).WithPolling(time.Second).Should(BeZero(), "registrations that are not terminal")
	for _, s := range sessions {
		s.expectAlive(ctx)
	}
}

// own hears an answer and asserts that it is to the session's own request, whose $rid is
// the registration id.
func (s session) own(ctx context.Context) devwire.Answer {
	a := s.hear(ctx)
	s.t.Expect(a.Topic).To(MatchRegexp(topicForm, s.device.RegistrationID), "an answer to somebody else's request")
	s.t.Expect(a.Code).To(BeNumerically("<", 300), "%s", a.Raw)
	return a
}
