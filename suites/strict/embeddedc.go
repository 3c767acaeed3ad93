package strict

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/dps"
)

// EmbeddedC is azure-sdk-for-c, as its samples use it: MQTT alone, every request with
// $rid=1, no body with a token. Its parser looks at the kind of every token.
var EmbeddedC = SDK{
	Name:       "azure-sdk-for-c",
	Transports: []dps.Transport{dps.MQTT},
	session:    served("", "DPS-MQTT-062", ""),
	apiVersion: "2019-03-31",
	statuses:   words{known: []string{"unassigned", "assigning", "assigned", "failed", "disabled"}},
	token:      embeddedToken,
	mqtt: mqttScript{
		clientVersion: "azsdk-c/1.6.0 (linux; x86)", // raw: its user name is not escaped
		clean:         false, keepAlive: 240,
		subscribeQoS: 1, registerQoS: 1, pollQoS: 0,
		rid: always1, register: certificateSpeaks, poll: nothing, pollTopic: rawPollTopic,
	},
	rules: embeddedRules,
}

// FreeRTOS is azure-iot-middleware-freertos: the embedded client with QoS 0 everywhere and
// a body with every request.
var FreeRTOS = SDK{
	Name:       "azure-iot-middleware-freertos",
	Transports: []dps.Transport{dps.MQTT},
	session:    served("", "DPS-MQTT-063", ""),
	apiVersion: "2019-03-31",
	statuses:   words{known: []string{"unassigned", "assigning", "assigned", "failed", "disabled"}},
	token:      embeddedToken,
	mqtt: mqttScript{
		clean: true, keepAlive: 240,
		subscribeQoS: 0, registerQoS: 0, pollQoS: 0,
		rid: always1, register: registration, poll: registration, pollTopic: rawPollTopic,
	},
	rules: embeddedRules,
}

func always1(int) string { return "1" }

// embeddedToken has slashes in lower-case hex between parts in upper-case hex, and no skn.
var embeddedToken = spelling{
	resource: func(scope, id string) string { return upperHex(scope) + "%2fregistrations%2f" + upperHex(id) },
	order:    []string{"sr", "sig", "se"}, life: time.Hour,
}

// certificateSpeaks is the body of the samples: none with a token, a document with a
// certificate or a payload.
func certificateSpeaks(d Device) []byte {
	if d.Identity.Key != nil && d.Payload == nil {
		return nil
	}
	return registration(d)
}

// embeddedText are the members that have to be strings (device-api.md 0.1 item 6).
var embeddedText = []string{"assignedHub", "deviceId", "errorMessage", "lastUpdatedDateTimeUtc"}

// embeddedRules are those of its parser.
var embeddedRules = []Rule{
	topicForm("a topic begins with $dps/registrations/res/{code}/ and has retry-after, if at all, as a number of 32 bits", embeddedReadsTopic),
	{
		Words: "no answer has an empty body",
		MQTT:  "DPS-MQTT-042",
		wrong: func(a Answer) string {
			if len(a.Body) == 0 {
				return "the body is empty"
			}
			return ""
		},
	},
	namesOperation, operationFitsTopic,
	{
		Words: "an error has an errorCode, by whose thousands it is classed",
		MQTT:  "DPS-MQTT-042",
		wrong: func(a Answer) string {
			if !a.refuses() {
				return ""
			}
			if code, ok := a.document().unsigned("errorCode"); !ok || code < 1000 {
				return fmt.Sprintf("the error of code %d has no errorCode of six digits", a.Code)
			}
			return ""
		},
	},
	{
		Words: "no member is null that could be left out",
		MQTT:  "DPS-MQTT-051",
		wrong: func(a Answer) string {
			for _, name := range []string{"operationId", "status", "errorCode"} {
				if a.document().kind(name) == null {
					return name + " is null"
				}
			}
			for _, name := range append(slices.Clone(embeddedText), "errorCode") {
				if a.state().kind(name) == null {
					return "registrationState." + name + " is null"
				}
			}
			return ""
		},
	},
	{
		Words: "errorCode is a whole number, registrationState an object, and what else it reads a string",
		MQTT:  "DPS-MQTT-070",
		wrong: embeddedKinds,
	},
	{
		Words: "assignedHub and deviceId are both there or both left out",
		MQTT:  "DPS-MQTT-065",
		wrong: func(a Answer) string {
			if hub, id := a.state().kind("assignedHub"), a.state().kind("deviceId"); (hub == absent) != (id == absent) {
				return fmt.Sprintf("assignedHub is %s and deviceId is %s", hub, id)
			}
			return ""
		},
	},
	objectOrNothing,
}

func embeddedKinds(a Answer) string {
	doc, state := a.document(), a.state()
	expect := func(where string, o object, name string, want kind) string {
		if k := o.kind(name); k != want && k != absent && k != null {
			return fmt.Sprintf("%s%s is %s", where, name, k)
		}
		return ""
	}
	var wrong []string
	for _, name := range []string{"operationId", "status"} {
		wrong = append(wrong, expect("", doc, name, text))
	}
	wrong = append(wrong, expect("", doc, "registrationState", structure))
	for _, name := range embeddedText {
		wrong = append(wrong, expect("registrationState.", state, name, text))
	}
	for where, o := range map[string]object{"": doc, "registrationState.": state} {
		if _, ok := o.unsigned("errorCode"); o.has("errorCode") && !ok {
			wrong = append(wrong, where+"errorCode is no whole number of 32 bits")
		}
	}
	return strings.Join(slices.DeleteFunc(wrong, func(w string) bool { return w == "" }), ", ")
}

// embeddedReadsTopic reads the code until a slash and retry-after until an &.
func embeddedReadsTopic(a Answer) string {
	rest, ok := strings.CutPrefix(a.Topic, responsePrefix)
	code, query, found := strings.Cut(rest, "/")
	if _, err := strconv.ParseUint(code, 10, 32); !ok || !found || err != nil {
		return fmt.Sprintf("the topic is %q", a.Topic)
	}
	if _, behind, given := strings.Cut(query, "retry-after="); given {
		value, _, _ := strings.Cut(behind, "&")
		if n, err := strconv.ParseUint(value, 10, 64); err != nil || n > math.MaxUint32 {
			return fmt.Sprintf("retry-after in the topic %q is no number of 32 bits", a.Topic)
		}
	}
	return ""
}
