package strict

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Rules that several SDKs share. Those of one SDK stand in its file.
var (
	// namesOperation: what every SDK polls with, it has from the first answer
	// (device-api.md 0.1 item 2).
	namesOperation = Rule{
		Words: "an accepted register request is answered with a JSON object that names the operation",
		HTTPS: "DPS-HTTPS-002", MQTT: "DPS-MQTT-005", AMQP: "DPS-AMQP-021",
		wrong: func(a Answer) string {
			if a.Poll || a.refuses() {
				return ""
			}
			doc, err := parseObject(a.Body)
			if err != nil {
				return fmt.Sprintf("the answer to register is no JSON object: %v", err)
			}
			if doc.text("operationId") == "" {
				return "the answer to register has no operationId"
			}
			return ""
		},
	}

	// assignedNames: a device cannot go on without the two.
	assignedNames = Rule{
		Words: "an assigned registration names its hub and its device id",
		HTTPS: "DPS-HTTPS-005", MQTT: "DPS-MQTT-048", AMQP: "DPS-AMQP-028",
		wrong: func(a Answer) string {
			if a.refuses() || !strings.EqualFold(a.document().text("status"), "assigned") {
				return ""
			}
			for _, name := range []string{"assignedHub", "deviceId"} {
				if a.state().text(name) == "" {
					return "the status is assigned and registrationState has no " + name
				}
			}
			return ""
		},
	}

	// errorIsJSON: their parsers run over the body of an error unguarded (device-api.md 1.6).
	errorIsJSON = Rule{
		Words: "the body of an error is a JSON document",
		HTTPS: "DPS-HTTPS-027", MQTT: "DPS-MQTT-042", AMQP: "DPS-AMQP-037",
		wrong: func(a Answer) string {
			if a.refuses() && !json.Valid(a.Body) {
				return fmt.Sprintf("the error of code %d is no JSON", a.Code)
			}
			return ""
		},
	}

	// operationFitsTopic: the operation id is put into a path or topic unescaped (device-api.md
	// 1.5).
	operationFitsTopic = Rule{
		Words: "an operationId has at most 128 characters, and none that a path or topic gives a meaning",
		HTTPS: "DPS-HTTPS-034", MQTT: "DPS-MQTT-071",
		wrong: func(a Answer) string {
			id := a.document().text("operationId")
			switch {
			case a.refuses():
				return ""
			case len(id) > 128:
				return fmt.Sprintf("the operationId has %d characters", len(id))
			case strings.ContainsAny(id, "/?&#+$= "):
				return fmt.Sprintf("the operationId %q holds a character that would have to be escaped", id)
			}
			return ""
		},
	}
)

// words are the statuses that an SDK knows, in lower case unless it folds case itself
// (device-api.md 5, 9).
type words struct {
	known []string
	folds bool
}

func (w words) know(status string) bool {
	if w.folds {
		status = strings.ToLower(status)
	}
	return slices.Contains(w.known, status)
}

func (w words) rule() Rule {
	return Rule{
		Words: "the status is one of " + strings.Join(w.known, ", "),
		HTTPS: "DPS-HTTPS-003", MQTT: "DPS-MQTT-064", AMQP: "DPS-AMQP-067",
		wrong: func(a Answer) string {
			if status := a.document().text("status"); !a.refuses() && !w.know(status) {
				return fmt.Sprintf("the status is %q", status)
			}
			return ""
		},
	}
}

// objectOrNothing is the rule on the payload that the service hands back (device-api.md 0.1
// item 7).
var objectOrNothing = Rule{
	Words: "a payload in registrationState is a JSON object",
	HTTPS: "DPS-HTTPS-040", MQTT: "DPS-MQTT-067", AMQP: "DPS-AMQP-069",
	wrong: func(a Answer) string {
		switch k := a.state().kind("payload"); k {
		case structure, null, absent:
			return ""
		default:
			return fmt.Sprintf("the payload is %s", k)
		}
	},
}

// topicForm is a rule on the topic of an answer (device-api.md 0.1 item 5, 2.6).
func topicForm(words string, wrong func(a Answer) string) Rule {
	return Rule{Words: words, MQTT: "DPS-MQTT-004", wrong: wrong}
}

// registration is the JSON body that most SDKs send.
func registration(d Device) []byte {
	return marshal(struct {
		RegistrationID string          `json:"registrationId"`
		Payload        json.RawMessage `json:"payload,omitempty"`
	}{d.Identity.RegistrationID, d.Payload})
}

// nothing is the body that says nothing, blank that of Node's and Python's polls.
func nothing(Device) []byte { return nil }

func blank(Device) []byte { return []byte(" ") }

// marshal writes a body. What the callers pass always marshals, but for a payload that is
// no JSON: that is sent as it is, for the service to refuse.
func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return []byte(err.Error())
	}
	return b
}
