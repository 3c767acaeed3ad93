package strict

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
)

// SDK is an official client, restated. The variables of this package are all there are.
type SDK struct {
	Name       string // of its repository
	Transports []dps.Transport

	session    Rule   // that it is served at all
	maxTLS     uint16 // the newest version that it speaks; 0: any
	apiVersion string
	statuses   words
	token      spelling
	mqtt       mqttScript
	amqp       amqpScript
	https      httpsScript
	rules      []Rule        // of answers, in the order in which they are applied
	patience   time.Duration // for one answer; 0: the SDK waits for ever
	hasty      bool          // the first poll comes at once
}

// All are the clients, one for each SDK.
var All = []SDK{CSharp, Java, Node, Python, C, EmbeddedC, FreeRTOS, Edge}

// Over lists the clients that know a transport.
func Over(t dps.Transport) (known []SDK) {
	for _, s := range All {
		for _, over := range s.Transports {
			if over == t {
				known = append(known, s)
			}
		}
	}
	return known
}

// Rules lists what the SDK demands over a transport: of the connection first, then of the
// answers.
func (s SDK) Rules(over dps.Transport) (rules []Rule) {
	all := []Rule{s.session}
	if s.patience > 0 {
		all = append(all, answersInTime)
	}
	switch over {
	case dps.MQTT, dps.MQTTWebSocket:
		all = append(all, s.mqtt.rules(over)...)
	case dps.AMQP, dps.AMQPWebSocket:
		all = append(all, s.amqp.rules(over)...)
	}
	for _, r := range append(all, s.judging()...) {
		if r.Requirement(over) != "" {
			rules = append(rules, r)
		}
	}
	return rules
}

// judging are the rules that judge an answer.
func (s SDK) judging() []Rule { return append(slices.Clone(s.rules), s.statuses.rule(), assignedNames) }

// Knows reports whether a status means something to the SDK. What does not ends a
// registration with an error.
func (s SDK) Knows(status string) bool { return s.statuses.know(status) }

// Device is the device that registers by an SDK.
type Device struct {
	Wire     *devwire.Wire
	Endpoint devwire.Endpoint
	Identity devwire.Identity // its APIVersion does not count: the SDK has its own
	Payload  json.RawMessage  // custom payload; nil: none
	// Heard is told of each answer as it came, before it is judged; nil: nobody is.
	Heard func(Answer)
}

func (d Device) clock() clock.Clock {
	if d.Wire.Clock == nil {
		return clock.System()
	}
	return d.Wire.Clock
}

// Outcome is what a registration came to, and what was heard meanwhile.
type Outcome struct {
	Status        string // the last one, as the service spelt it
	Hub, DeviceID string
	ErrorCode     int      // of a failed registration
	Refused       int      // code of the refusal that ended it, 0: none
	Connack       byte     // MQTT: code of a refused CONNECT, 0: none
	Answers       []Answer // in order, the one that was complained of among them
	Heard         []string // MQTT: the kinds of all packets that came
}

// Register runs a whole registration over a transport that the SDK knows. The error is a
// *Complaint where the SDK could not take what the service did; the outcome beside it tells
// how far it came.
func (s SDK) Register(ctx context.Context, over dps.Transport, d Device) (Outcome, error) {
	r := &run{sdk: s, over: over, device: d}
	err := r.register(ctx)
	return r.out, err
}
