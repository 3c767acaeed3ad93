package mqtt

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/eclipse/paho.mqtt.golang/packets"
	. "github.com/onsi/gomega"
)

// expectStray publishes to topics, each on a connection of its own on which a proper
// request was answered, and asserts that the connection is closed without the refused
// kinds of packet.
func expectStray(ctx context.Context, env *harness.Env, t *harness.T, qos byte, topics []string, refused ...byte) {
	group := env.Service(ctx, t).SymmetricKeyGroup(ctx, t)
	for _, topic := range topics {
		s := openAs(ctx, env, t, group.Device(t))
		s.registered(ctx, "1")
		s.Publish(topic, qos, nil)
		s.ExpectClosed(ctx, refused...)
		s.Close()
	}
}

// badTopicChecks are publishes that are no requests: nothing could answer them.
var badTopicChecks = []harness.Check{{
	Requirement: "DPS-MQTT-032",
	Title:       "a PUBLISH to an unknown topic ends the connection without a PUBACK",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		expectStray(ctx, env, t, 1, []string{
			"$dps/registrations/PUT/iotdps-unknown/?$rid=2",
			"$dps/registrations/res/200/?$rid=2",
			"devices/anybody/messages/events/",
		}, packets.Puback, packets.Publish)
	},
}, {
	Requirement: "DPS-MQTT-033",
	Title:       "a PUBLISH at QoS 2 ends the connection",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		expectStray(ctx, env, t, 2, []string{devwire.RegisterTopic("2")}, packets.Pubrec, packets.Publish)
	},
}, {
	Requirement: "DPS-MQTT-034",
	Title:       "a request without $rid ends the connection",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		expectStray(ctx, env, t, 1, []string{
			"$dps/registrations/PUT/iotdps-register/",
			"$dps/registrations/GET/iotdps-get-operationstatus/?operationId=" + unknownOperation,
		}, packets.Publish)
	},
}}

// badRequestChecks are requests that have to be refused.
var badRequestChecks = []harness.Check{{
	Requirement: "DPS-MQTT-035",
	Title:       "the poll of an unknown operation is answered with 404",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		operation := s.registered(ctx, "1").OperationID
		t.Given("a known operation is found", func() { s.expectPolled(s.poll(ctx, "2", operation), operation) })
		t.Expect(s.poll(ctx, "3", unknownOperation).Code).To(Equal(404))
	},
}, {
	Requirement: "DPS-MQTT-036",
	Title:       "a poll without operationId is answered with 400",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		operation := s.registered(ctx, "1").OperationID
		t.Given("a poll with operationId is answered", func() { s.expectPolled(s.poll(ctx, "2", operation), operation) })
		s.Publish(pollWithoutOperation, 1, nil)
		t.Expect(s.hear(ctx).Code).To(Equal(400))
	},
}, {
	Requirement: "DPS-MQTT-037",
	Title:       "the poll of another device's operation is answered with 404",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		group := env.Service(ctx, t).SymmetricKeyGroup(ctx, t)
		owner, stranger := openAs(ctx, env, t, group.Device(t)), openAs(ctx, env, t, group.Device(t))
		operation := owner.registered(ctx, "1").OperationID
		t.Given("its own device finds the operation", func() { owner.expectPolled(owner.poll(ctx, "2", operation), operation) })
		stranger.registered(ctx, "1")
		t.Expect(stranger.poll(ctx, "2", operation).Code).To(Equal(404))
	},
}, {
	Requirement: "DPS-MQTT-038",
	Title:       "a register body that is not JSON, or not in UTF-8, is answered with 400",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		s.registered(ctx, "1")
		for _, body := range []string{"register", "{", `{"registrationId":"` + s.device.RegistrationID, "{}}", "{\"payload\":\"\xe4\"}"} {
			s.Publish(devwire.RegisterTopic("2"), 1, []byte(body))
			t.Expect(s.hear(ctx).Code).To(Equal(400), "answer to the body %q", body)
		}
	},
}, {
	Requirement: "DPS-MQTT-041",
	Title:       "a register body over 96 KB is refused",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		group := env.Service(ctx, t).SymmetricKeyGroup(ctx, t)
		withPayload := func(s session, size int) {
			s.Publish(devwire.RegisterTopic("1"), 1, []byte(`{"payload":{"filler":"`+strings.Repeat("x", size)+`"}}`))
		}
		t.Given("a register body with a payload is accepted", func() {
			s := openAs(ctx, env, t, group.Device(t))
			withPayload(s, 1<<10)
			t.Expect(s.hear(ctx).Code).To(Equal(202))
		})
		s := openAs(ctx, env, t, group.Device(t))
		withPayload(s, 96<<10)
		t.Expect(s.refusal(ctx)/100).To(BeElementOf(0, 4), "the class of the answer's code; 0 is a closed connection")
	},
}}

// refusal is the code of the next answer, 0 when the connection is closed instead.
func (s session) refusal(ctx context.Context) int {
	ctx, cancel := context.WithTimeout(ctx, s.env.Timeouts.Answer)
	defer cancel()
	for {
		cp, err := s.PacketConn.Next(ctx)
		if errors.Is(err, io.EOF) {
			return 0
		}
		s.t.Answered(err, "wait for a refusal")
		if m, ok := cp.(*packets.PublishPacket); ok {
			return s.read(m).Code
		}
	}
}
