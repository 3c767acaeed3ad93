package mqtt

import (
	"context"
	"fmt"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/eclipse/paho.mqtt.golang/packets"
	. "github.com/onsi/gomega"
)

// expectRegistered sends a register request with that body and asserts that it is accepted.
func (s session) expectRegistered(ctx context.Context, body string) {
	s.Publish(devwire.RegisterTopic("1"), 1, []byte(body))
	a := s.hear(ctx)
	s.t.Expect(a.Code).To(Equal(202), "answer to the body %q: %s", body, a.Raw)
}

// expectPolled asserts that an answer is that of a poll of this operation.
func (s session) expectPolled(a devwire.Answer, operationID string) {
	s.t.Expect(a.Code).To(BeNumerically("<", 300), "%s", a.Raw)
	s.t.Expect(a.OperationID).To(Equal(operationID))
}

// escaped is a text with every byte of it percent-encoded.
func escaped(text string) (all string) {
	for _, b := range []byte(text) {
		all += fmt.Sprintf("%%%02X", b)
	}
	return all
}

// requestChecks are requests in the spellings of SDKs, which have to be taken.
var requestChecks = []harness.Check{{
	Requirement: "DPS-MQTT-008",
	Title:       "requests with the same $rid are answered one after the other",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		first := s.register(ctx, "1")
		t.Expect(first.Code).To(Equal(202), "%s", first.Raw)
		for range 3 {
			s.expectPolled(s.poll(ctx, "1", first.OperationID), first.OperationID)
		}
	},
}, {
	Requirement: "DPS-MQTT-009",
	Title:       "the operationId of a poll may be percent-encoded",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		operation := s.registered(ctx, "1").OperationID
		t.Given("the operationId is taken as it is", func() { s.expectPolled(s.poll(ctx, "2", operation), operation) })
		s.Publish(pollWithoutOperation+"&operationId="+escaped(operation), 1, nil)
		s.expectPolled(s.hear(ctx), operation)
	},
}, {
	Requirement: "DPS-MQTT-010",
	Title:       "a register request with an empty body is accepted",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		open(ctx, env, t).expectRegistered(ctx, "")
	},
}, {
	Requirement: "DPS-MQTT-011",
	Title:       "a register body without registrationId is accepted",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		group := env.Service(ctx, t).SymmetricKeyGroup(ctx, t)
		for _, body := range []string{`{}`, `{"payload":{"modelId":"dtmi:demo:thing;1"}}`} {
			openAs(ctx, env, t, group.Device(t)).expectRegistered(ctx, body)
		}
	},
}, {
	Requirement: "DPS-MQTT-012",
	Title:       "the body of a poll is ignored",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		operation := s.registered(ctx, "1").OperationID
		for _, body := range []string{"", " ", string(s.body()), "{", "iotdps-get-operationstatus"} {
			s.Publish(devwire.PollTopic("2", operation), 1, []byte(body))
			s.expectPolled(s.hear(ctx), operation)
		}
	},
}, {
	Requirement: "DPS-MQTT-045",
	Title:       "the register request and all polls go over one connection",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		last := s.settle(ctx, s.register(ctx, "1"))
		t.Expect(last.Status).To(Equal(dps.StatusAssigned), "%s", last.Raw)
		s.expectPolled(s.poll(ctx, "2", last.OperationID), last.OperationID)
	},
}, {
	Requirement: "DPS-MQTT-046",
	Title:       "requests that are under way at the same time are all answered",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		operation := s.registered(ctx, "0").OperationID
		waiting := map[string]bool{"1": true, "2": true, "3": true, "4": true}
		for rid := range waiting {
			s.askPoll(rid, operation)
		}
		for range len(waiting) {
			m := s.take(ctx)
			s.expectPolled(s.read(m), operation)
			topic, err := devwire.ParseResponseTopic(m.TopicName)
			t.Answered(err, "read the topic of the answer")
			t.Expect(topic.RID).To(BeKeyOf(waiting), "each request has to have one answer")
			delete(waiting, topic.RID)
		}
	},
}, {
	Requirement: "DPS-MQTT-052",
	Title:       "a request with the RETAIN flag is answered, and retained nowhere",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		request := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
		request.TopicName, request.Retain, request.Payload = devwire.RegisterTopic("1"), true, s.body()
		s.Write(request)
		a := s.hear(ctx)
		t.Expect(a.Code).To(Equal(202), "%s", a.Raw)
		s.disconnect()
		openAs(ctx, env, t, s.device).ExpectSilence(ctx)
	},
}}
