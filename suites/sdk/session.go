package sdk

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/dpslab/dpslab/suites/strict"
	. "github.com/onsi/gomega"
)

// sessionChecks are whole registrations: one clause for each SDK and family.
var sessionChecks = []harness.Check{
	provisions("DPS-HTTPS-052", strict.CSharp, dps.HTTPS),
	provisions("DPS-HTTPS-053", strict.Java, dps.HTTPS),
	provisions("DPS-HTTPS-054", strict.Node, dps.HTTPS),
	provisions("DPS-HTTPS-055", strict.C, dps.HTTPS),
	provisions("DPS-HTTPS-056", strict.Edge, dps.HTTPS),
	provisions("DPS-MQTT-057", strict.CSharp, harness.OverMQTT...),
	provisions("DPS-MQTT-058", strict.Java, harness.OverMQTT...),
	provisions("DPS-MQTT-059", strict.Node, harness.OverMQTT...),
	provisions("DPS-MQTT-060", strict.Python, harness.OverMQTT...),
	provisions("DPS-MQTT-061", strict.C, harness.OverMQTT...),
	provisions("DPS-MQTT-062", strict.EmbeddedC, dps.MQTT),
	provisions("DPS-MQTT-063", strict.FreeRTOS, dps.MQTT),
	provisions("DPS-AMQP-062", strict.CSharp, harness.OverAMQP...),
	provisions("DPS-AMQP-063", strict.Java, harness.OverAMQP...),
	provisions("DPS-AMQP-064", strict.Node, harness.OverAMQP...),
	provisions("DPS-AMQP-065", strict.C, harness.OverAMQP...),
}

// provisions checks that devices of the SDK are assigned by every kind of credential.
func provisions(id string, sdk strict.SDK, over ...dps.Transport) harness.Check {
	return harness.Check{
		Requirement: id,
		Title:       "a device of " + sdk.Name + " is assigned by key and by certificate, of an enrollment and of a group",
		Transports:  over,
		Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
			s := env.Service(ctx, t)
			for _, e := range run(ctx, env, t,
				// A colon is what the SDKs escape differently, in paths and in tokens.
				attempt{what: "a key of its own", sdk: sdk, device: s.SymmetricKeyDevice(ctx, t, harness.Members{"registrationId": t.Name() + ":1"})},
				attempt{what: "a payload", sdk: sdk, device: s.SymmetricKeyDevice(ctx, t), payload: json.RawMessage(`{"modelId":"dtmi:demo:thing;1"}`)},
				attempt{what: "the key of a group", sdk: sdk, device: s.SymmetricKeyGroup(ctx, t).Device(t)},
				attempt{what: "a certificate of its own", sdk: sdk, device: s.X509Device(ctx, t)},
				attempt{what: "the certificate of a group", sdk: sdk, device: s.X509Group(ctx, t).Device(t)},
			) {
				e.assigned(t)
			}
		},
	}
}

// orderChecks are about the packets of a connection, as C# counts them.
var orderChecks = []harness.Check{{
	Requirement: "DPS-MQTT-057",
	Title:       "azure-iot-sdk-csharp hears CONNACK, SUBACK, PUBACK and PUBLISH in that order and nothing else",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		e := run(ctx, env, t, attempt{what: "no payload", sdk: strict.CSharp, device: env.Service(ctx, t).SymmetricKeyDevice(ctx, t)})[0]
		e.assigned(t)
		due := []string{"CONNACK", "SUBACK"}
		for range e.Answers {
			due = append(due, "PUBACK", "PUBLISH")
		}
		t.Expect(e.Heard).To(Equal(due))
	},
}, hears("DPS-MQTT-056", "azure-iot-sdk-csharp hears each answer before it closes a silent connection", harness.OverMQTT),
	hears("DPS-AMQP-066", "azure-iot-sdk-csharp hears each answer before it gives up", harness.OverAMQP), {
		Requirement: "DPS-HTTPS-051",
		Title:       "azure-iot-sdk-node hears each answer within its 30 seconds",
		Transports:  harness.Over(dps.HTTPS),
		Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
			s := env.Service(ctx, t)
			d := s.SymmetricKeyDevice(ctx, t)
			all := run(ctx, env, t,
				attempt{what: "a device that is assigned", sdk: strict.Node, device: d},
				attempt{what: "a device with a wrong key", sdk: strict.Node, device: otherKey(s.SymmetricKeyDevice(ctx, t))},
			)
			all[0].assigned(t)
			all[1].refused(t)
		},
	}, {
		Requirement: "DPS-HTTPS-004",
		Title:       "every SDK polls on while it is told assigning",
		Transports:  harness.Over(dps.HTTPS),
		Needs:       []harness.Need{harness.NeedControl},
		Run:         polledAgain,
	}, {
		Requirement: "DPS-MQTT-045",
		Title:       "every SDK polls on, on its one connection, while it is told assigning",
		Transports:  harness.OverMQTT,
		Needs:       []harness.Need{harness.NeedControl},
		Run:         polledAgain,
	}}

// hears checks that C# is answered in the time that it waits.
func hears(id, title string, over []dps.Transport) harness.Check {
	return harness.Check{
		Requirement: id, Title: title, Transports: over,
		Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
			s := env.Service(ctx, t)
			for _, e := range run(ctx, env, t,
				attempt{what: "a device that is assigned", sdk: strict.CSharp, device: s.SymmetricKeyDevice(ctx, t)},
				attempt{what: "a device that is disabled", sdk: strict.CSharp, device: s.SymmetricKeyDevice(ctx, t, disabled)},
			) {
				t.Expect(e.complaint()).To(BeZero())
				t.Answered(e.err, e.what)
				t.Expect(len(e.Answers)).To(BeNumerically(">=", 2), "register and at least one poll")
			}
		},
	}
}

// polledAgain has a device of every SDK polled at least once while its hub cannot be
// reached, and then lets the service give up.
func polledAgain(ctx context.Context, env *harness.Env, t *harness.T) {
	s := env.Service(ctx, t, withLostHub(ctx, env, t))
	group := s.SymmetricKeyGroup(ctx, t)
	var attempts []attempt
	var all []ended
	polled := make(chan struct{}, 1000)
	for _, sdk := range strict.Over(t.Transport()) {
		attempts = append(attempts, attempt{what: "a hub that cannot be reached", sdk: sdk, device: group.Device(t), heard: func(a strict.Answer) {
			if a.Poll {
				polled <- struct{}{}
			}
		}})
	}
	running, stop := context.WithCancel(ctx)
	over := make(chan []ended, 1)
	go func() { over <- run(running, env, t, attempts...) }()
	t.Cleanup(func(context.Context) {
		stop()
		if len(all) == 0 {
			<-over
		}
	})

	for range attempts {
		t.Eventually(ctx, polled).WithTimeout(env.Timeouts.Assign).Should(Receive(), "every SDK has to be answered once while it is assigning")
	}
	t.Eventually(ctx, func() bool {
		s.Advance(ctx, t, 5*time.Second)
		select {
		case all = <-over:
			return true
		default:
			return false
		}
	}).WithTimeout(env.Timeouts.Assign).Should(BeTrue(), "every registration has to end once the service has given up")
	for _, e := range all {
		e.served(t, "failed")
		assigning := slices.IndexFunc(e.Answers, func(a strict.Answer) bool { return a.Poll && a.Code == 202 })
		t.Expect(assigning).To(BeNumerically(">", 0), "%s: a poll that is answered with 202", e.sdk.Name)
	}
}
