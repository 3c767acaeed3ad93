package mqtt

import (
	"context"
	"encoding/json"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/eclipse/paho.mqtt.golang/packets"
	. "github.com/onsi/gomega"
)

// topicForm is the one shape that every SDK's parser takes.
const topicForm = `^\$dps/registrations/res/[1-5]\d\d/\?\$rid=%s(&retry-after=\d+)?$`

// everyKind is one answer of each kind: assigning, a poll's, a refused poll's.
func (s session) everyKind(ctx context.Context) []*packets.PublishPacket {
	s.askRegister("one")
	answers := []*packets.PublishPacket{s.take(ctx)}
	s.askPoll("one", s.read(answers[0]).OperationID)
	answers = append(answers, s.take(ctx))
	s.askPoll("one", unknownOperation)
	return append(answers, s.take(ctx))
}

// What requests are published on that no helper of the client half would write.
var (
	registerTopic        = devwire.RegisterTopic("1")
	pollWithoutOperation = "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=1"
)

// unknownOperation has the shape of an operation id and belongs to none.
const unknownOperation = "5.0011223344556677.00000000-0000-4000-8000-000000000001"

// nulls lists the paths of members that are null.
func nulls(path string, value any) (found []string) {
	switch value := value.(type) {
	case nil:
		return []string{path}
	case map[string]any:
		for name, member := range value {
			found = append(found, nulls(path+"."+name, member)...)
		}
	case []any:
		for _, item := range value {
			found = append(found, nulls(path+"[]", item)...)
		}
	}
	return found
}

// answerChecks are about what an answer says, by its topic and in its document.
var answerChecks = []harness.Check{{
	Requirement: "DPS-MQTT-004",
	Title:       "the topic of every answer has the one form that SDKs parse",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		for _, m := range open(ctx, env, t).everyKind(ctx) {
			t.Expect(m.TopicName).To(MatchRegexp(topicForm, "one"))
		}
	},
}, {
	Requirement: "DPS-MQTT-005",
	Title:       "an accepted register request is answered with 202, retry-after, assigning and an operationId",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		a := open(ctx, env, t).register(ctx, "1")
		t.Expect(a.Code).To(Equal(202))
		t.Expect(a.HasRetryAfter).To(BeTrue(), "the topic has to hold retry-after: %q", a.Topic)
		t.Expect(a.Status).To(Equal(dps.StatusAssigning))
		t.Expect(a.OperationID).NotTo(BeEmpty())
	},
}, {
	Requirement: "DPS-MQTT-006",
	Title:       "a terminal answer has code 200 and no retry-after",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		last := s.settle(ctx, s.registered(ctx, "1"))
		t.Expect(last.Code).To(Equal(200))
		t.Expect(last.HasRetryAfter).To(BeFalse(), "the topic must not hold retry-after: %q", last.Topic)
	},
}, {
	Requirement: "DPS-MQTT-007",
	Title:       "an answer carries the $rid of its request as it was sent",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		operation := s.registered(ctx, "0").OperationID
		for _, rid := range []string{"7", "8F0D1B52-3C4E-4a5b-9c6d-7e8f90a1b2c3", "a%2Fb%20c%2bd", "r.i_d~!*"} {
			s.askPoll(rid, operation)
			topic, err := devwire.ParseResponseTopic(s.take(ctx).TopicName)
			t.Answered(err, "read the topic of the answer")
			t.Expect(topic.RID).To(Equal(rid))
		}
	},
}, {
	Requirement: "DPS-MQTT-042",
	Title:       "an error is a JSON document whose errorCode begins with the code of the topic",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		s.registered(ctx, "0")
		requests := map[string]func(){
			"a poll of an unknown operation": func() { s.askPoll("1", unknownOperation) },
			"a poll without operationId":     func() { s.Publish(pollWithoutOperation, 1, nil) },
			"a register body that is broken": func() { s.Publish(registerTopic, 1, []byte(`{"registrationId":`)) },
		}
		for what, send := range requests {
			send()
			a := s.hear(ctx)
			t.Expect(a.Code).To(BeNumerically(">=", 400), what)
			t.Expect(a.Error.ErrorCode/1000).To(Equal(a.Code), "errorCode %d of %s", a.Error.ErrorCode, what)
		}
	},
}, {
	Requirement: "DPS-MQTT-051",
	Title:       "no member of an answer is null",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		s.askRegister("1")
		first := s.take(ctx)
		expectNoNull(t, first.Payload)
		expectNoNull(t, s.settle(ctx, s.read(first)).Raw)
		s.askPoll("2", unknownOperation)
		expectNoNull(t, s.take(ctx).Payload)
	},
}, {
	Requirement: "DPS-MQTT-056",
	Title:       "register requests and polls are answered within 60 seconds",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		first := s.within(ctx, time.Minute, func() { s.askRegister("1") })
		s.within(ctx, time.Minute, func() { s.askPoll("2", s.read(first).OperationID) })
		s.within(ctx, time.Minute, func() { s.askPoll("3", unknownOperation) })
	},
}}

// within sends a request and asserts that something answers it in that time.
func (s session) within(ctx context.Context, limit time.Duration, send func()) *packets.PublishPacket {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	send()
	m := s.take(ctx)
	s.t.Expect(m.Payload).NotTo(BeEmpty())
	return m
}

func expectNoNull(t *harness.T, body []byte) {
	var document any
	t.Answered(json.Unmarshal(body, &document), "read the answer's JSON")
	t.Expect(nulls("", document)).To(BeEmpty(), "members that are null in %s", body)
}
