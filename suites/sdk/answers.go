package sdk

import (
	"context"
	"encoding/json"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/dpslab/dpslab/suites/strict"
	. "github.com/onsi/gomega"
)

// answerChecks are what one SDK's parser demands of every answer. The documents are the
// same to all, so the answers may be another SDK's.
var answerChecks = []harness.Check{
	keeps("DPS-HTTPS-049", "an answer that is no error has operationId and status, as azure-iot-sdk-java reads it", strict.Java, dps.HTTPS),
	keeps("DPS-MQTT-068", "an answer that is no error has operationId and status, as azure-iot-sdk-java reads it", strict.Java, harness.OverMQTT...),
	keeps("DPS-HTTPS-050", "a registrationState has registrationId and status, as azure-iot-sdk-java reads it", strict.Java, dps.HTTPS),
	keeps("DPS-MQTT-069", "a registrationState has registrationId and status, as azure-iot-sdk-java reads it", strict.Java, harness.OverMQTT...),
	keeps("DPS-X509-015", "x509 is as azure-iot-sdk-java reads it, however a registration ends", strict.Java, harness.OverAll...),
	keeps("DPS-HTTPS-034", "an operationId fits into a path as azure-iot-sdk-node writes it", strict.Node, dps.HTTPS),
	keeps("DPS-MQTT-071", "an operationId fits into a topic as azure-sdk-for-c writes it", strict.EmbeddedC, harness.OverMQTT...),
	keeps("DPS-MQTT-064", "no status is unassigned, which azure-iot-sdk-c takes for the challenge of a TPM", strict.C, harness.OverMQTT...),
	keeps("DPS-MQTT-065", "assignedHub and deviceId come together, as azure-sdk-for-c reads them", strict.EmbeddedC, harness.OverMQTT...),
	keeps("DPS-MQTT-067", "a payload is an object or left out, as azure-sdk-for-c reads it", strict.EmbeddedC, harness.OverMQTT...),
	keeps("DPS-MQTT-051", "nothing is null that azure-sdk-for-c reads", strict.EmbeddedC, harness.OverMQTT...),
	keeps("DPS-MQTT-070", "every member is of the kind that azure-sdk-for-c reads", strict.EmbeddedC, harness.OverMQTT...),
	keeps("DPS-MQTT-042", "an error has what azure-sdk-for-c classes it by", strict.EmbeddedC, harness.OverMQTT...),
	keeps("DPS-AMQP-067", "no status is unassigned, which azure-iot-sdk-c takes for the challenge of a TPM", strict.C, harness.OverAMQP...),
	keeps("DPS-AMQP-069", "a payload is an object or left out, as azure-iot-sdk-java reads it", strict.Java, harness.OverAMQP...),
	keeps("DPS-AMQP-070", "an answer that is no error has operationId and status, as azure-iot-sdk-java reads it", strict.Java, harness.OverAMQP...),
	keeps("DPS-AMQP-071", "a registrationState has registrationId and status, as azure-iot-sdk-java reads it", strict.Java, harness.OverAMQP...),
	keeps("DPS-MQTT-004", "a topic is one that azure-iot-sdk-csharp reads", strict.CSharp, harness.OverMQTT...),
	keeps("DPS-MQTT-004", "a topic is one that azure-iot-sdk-java reads", strict.Java, harness.OverMQTT...),
	keeps("DPS-MQTT-004", "a topic is one that azure-iot-sdk-node reads", strict.Node, harness.OverMQTT...),
	keeps("DPS-MQTT-004", "a topic is one that azure-iot-sdk-python reads", strict.Python, harness.OverMQTT...),
	keeps("DPS-MQTT-004", "a topic is one that azure-iot-sdk-c reads", strict.C, harness.OverMQTT...),
	keeps("DPS-MQTT-004", "a topic is one that azure-sdk-for-c reads", strict.EmbeddedC, harness.OverMQTT...),
	dates("DPS-MQTT-072", harness.OverMQTT...), dates("DPS-AMQP-072", harness.OverAMQP...),
}

// dates checks that C# can read those of every state.
func dates(id string, over ...dps.Transport) harness.Check {
	return harness.Check{
		Requirement: id,
		Title:       "dates are ISO 8601 in UTC, and azure-iot-sdk-csharp reads them",
		Transports:  over,
		Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
			all := everyEnd(ctx, env, t)
			dates := 0
			for _, a := range answers(all) {
				expectRule(t, id, strict.CSharp, a)
				for _, name := range []string{"createdDateTimeUtc", "lastUpdatedDateTimeUtc"} {
					if date, there := state(a)[name]; there {
						dates++
						t.Expect(date).To(MatchRegexp(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$`), name)
					}
				}
			}
			expectEnds(t, all)
			t.Expect(dates).To(BeNumerically(">=", 2), "an assigned registration tells when it was made and changed")
		},
	}
}

// keeps checks that every kind of answer keeps what the SDK demands by that requirement.
func keeps(id, title string, sdk strict.SDK, over ...dps.Transport) harness.Check {
	return harness.Check{
		Requirement: id, Title: title, Transports: over,
		Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
			all := everyEnd(ctx, env, t)
			for _, a := range answers(all) {
				expectRule(t, id, sdk, a)
			}
			expectEnds(t, all)
		},
	}
}

// everyEnd registers devices whose registrations end in each of the four ways. The client
// is C's, which knows the words of all of them; whatever it complains of is for others to
// judge.
func everyEnd(ctx context.Context, env *harness.Env, t *harness.T) []ended {
	s := env.Service(ctx, t)
	stranger := s.X509Device(ctx, t)
	other := t.SelfSigned(env, stranger.RegistrationID)
	all := run(ctx, env, t,
		attempt{what: "assigned", sdk: strict.C, device: s.X509Group(ctx, t).Device(t)},
		attempt{what: "failed", sdk: strict.C, device: s.SymmetricKeyDevice(ctx, t, hubless)},
		attempt{what: "disabled", sdk: strict.C, device: s.SymmetricKeyDevice(ctx, t, disabled)},
		attempt{what: "refused", sdk: strict.C, device: stranger.With(func(id *devwire.Identity) { id.Certificate = &other })},
	)
	for _, e := range all {
		if e.complaint() == nil {
			t.Answered(e.err, "a device that is to be "+e.what)
		}
	}
	return all
}

func answers(all []ended) (list []strict.Answer) {
	for _, e := range all {
		list = append(list, e.Answers...)
	}
	return list
}

// expectRule asserts what the SDK demands of an answer by that requirement.
func expectRule(t *harness.T, id string, sdk strict.SDK, a strict.Answer) {
	for _, rule := range sdk.Rules(t.Transport()) {
		if rule.Requirement(t.Transport()) == id {
			t.Expect(rule.Broken(a)).To(BeEmpty(), "%s demands that %s; %d %s %s", sdk.Name, rule.Words, a.Code, a.Topic, a.Body)
		}
	}
}

// expectEnds makes sure that the registrations ended as they had to, or their answers would
// have been another kind. It comes after the assertions, so that what they find counts.
func expectEnds(t *harness.T, all []ended) {
	t.Given("registrations end assigned, failed, disabled and refused", func() {
		for _, e := range all {
			t.Answered(e.err, "a device that is to be "+e.what)
			if e.what == "refused" {
				t.Expect(e.Refused).To(Equal(401))
				continue
			}
			t.Expect(e.Status).To(Equal(e.what))
		}
	})
}

// state is the registrationState of an answer, without members when it has none.
func state(a strict.Answer) map[string]any {
	var doc struct {
		State map[string]any `json:"registrationState"`
	}
	_ = json.Unmarshal(a.Body, &doc) // no JSON has no state
	return doc.State
}
