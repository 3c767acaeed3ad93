package strict

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/dps"
)

// Java is azure-iot-sdk-java. Its parser wants members that others do without, it names
// its api-version twice, signs a raw resource with an empty skn, keeps its MQTT session and
// takes the first message that comes for the answer. Over AMQP it settles nothing.
var Java = SDK{
	Name:       "azure-iot-sdk-java",
	Transports: []dps.Transport{dps.HTTPS, dps.MQTT, dps.MQTTWebSocket, dps.AMQP, dps.AMQPWebSocket},
	session:    served("DPS-HTTPS-053", "DPS-MQTT-058", "DPS-AMQP-063"),
	maxTLS:     tls.VersionTLS12, // device-api.md 6
	apiVersion: "2019-03-31",
	statuses:   words{known: []string{"unassigned", "assigning", "assigned", "failed", "disabled"}, folds: true},
	token: spelling{
		resource: plain, order: []string{"sr", "sig", "se", "skn"}, policy: new(string), life: time.Hour,
	},
	mqtt: mqttScript{
		clientVersion: "2019-03-31",
		clean:         false, keepAlive: 230,
		subscribeQoS: 1, registerQoS: 0, pollQoS: 0,
		rid: strconv.Itoa, register: payloadAsString, poll: nothing, pollTopic: rawPollTopic,
		path: "/mqtt", subprotocol: "mqtt",
		alone: &Rule{Words: "no message comes but the answer that it waits for", MQTT: "DPS-MQTT-018"},
	},
	amqp: amqpScript{
		style: styleOf("Java"), pipelined: true, payloadAsText: true,
		data:    &Rule{Words: "an answer is one data section, to which it is cast", AMQP: "DPS-AMQP-022"},
		outcome: &Rule{Words: "the disposition of a request has a state, which is dereferenced", AMQP: "DPS-AMQP-020"},
	},
	https: httpsScript{
		register: func(s SDK, d Device) httpRequest {
			return javaRequest(s, d, http.MethodPut, "/register", payloadAsString(d))
		},
		poll: func(s SDK, d Device, operationID string) httpRequest {
			return javaRequest(s, d, http.MethodGet, "/operations/"+operationID, nil)
		},
	},
	patience: time.Minute,
	rules: []Rule{
		topicForm("retry-after, where a topic has it, is a whole number that begins behind an &", javaReadsTopic),
		namesOperation, operationFitsTopic,
		{
			Words: "every answer that is no error has operationId and status",
			HTTPS: "DPS-HTTPS-049", MQTT: "DPS-MQTT-068", AMQP: "DPS-AMQP-070",
			wrong: func(a Answer) string {
				for _, name := range []string{"operationId", "status"} {
					if !a.refuses() && a.document().text(name) == "" {
						return fmt.Sprintf("the answer of code %d has no %s", a.Code, name)
					}
				}
				return ""
			},
		},
		{
			Words: "every registrationState has registrationId and status",
			HTTPS: "DPS-HTTPS-050", MQTT: "DPS-MQTT-069", AMQP: "DPS-AMQP-071",
			wrong: func(a Answer) string {
				for _, name := range []string{"registrationId", "status"} {
					if a.document().has("registrationState") && a.state().text(name) == "" {
						return "registrationState has no " + name
					}
				}
				return ""
			},
		},
		endsWithState("failed", "DPS-HTTPS-036", "DPS-MQTT-049", "DPS-AMQP-035"),
		endsWithState("disabled", "DPS-HTTPS-037", "DPS-MQTT-050", "DPS-AMQP-036"),
		{
			Words: "certificate information in x509 has all its eight members or is left out",
			HTTPS: "DPS-X509-015", MQTT: "DPS-X509-015", AMQP: "DPS-X509-015",
			wrong: func(a Answer) string {
				x509 := a.state().child("x509")
				for _, info := range []string{"certificateInfo", "signingCertificateInfo"} {
					for _, name := range certificateMembers {
						if x509.has(info) && !x509.child(info).has(name) {
							return "x509." + info + " has no " + name
						}
					}
				}
				return ""
			},
		},
		objectOrNothing,
	},
}

var certificateMembers = []string{
	"subjectName", "sha1Thumbprint", "sha256Thumbprint", "issuerName", "notBeforeUtc", "notAfterUtc", "serialNumber", "version",
}

// endsWithState is the rule on an end that is no success: the state is dereferenced
// unguarded (device-api.md 0.1 item 9).
func endsWithState(status, https, mqtt, amqp string) Rule {
	return Rule{
		Words: "the answer of status " + status + " has a registrationState",
		HTTPS: https, MQTT: mqtt, AMQP: amqp,
		wrong: func(a Answer) string {
			if !a.refuses() && strings.EqualFold(a.document().text("status"), status) && a.document().kind("registrationState") != structure {
				return "the status is " + status + " and there is no registrationState"
			}
			return ""
		},
	}
}

// javaReadsTopic looks at nothing of a topic but retry-after.
func javaReadsTopic(a Answer) string {
	if !strings.Contains(a.Topic, "retry-after") {
		return ""
	}
	for part := range strings.SplitSeq(a.Topic, "&") {
		value, found := strings.CutPrefix(part, "retry-after=")
		if !found {
			continue
		}
		value, _, _ = strings.Cut(value, ";")
		if _, err := strconv.ParseInt(value, 10, 32); err != nil {
			return fmt.Sprintf("retry-after in the topic %q is no whole number", a.Topic)
		}
		return ""
	}
	return fmt.Sprintf("retry-after in the topic %q does not begin behind an &", a.Topic)
}

// payloadAsString is its body: a payload goes as the text of its JSON (device-api.md 1.4).
func payloadAsString(d Device) []byte {
	return marshal(struct {
		RegistrationID string `json:"registrationId"`
		Payload        string `json:"payload,omitempty"`
	}{d.Identity.RegistrationID, string(d.Payload)})
}

func javaRequest(s SDK, d Device, method, operation string, body []byte) httpRequest {
	return httpRequest{
		method: method, target: "/" + plain(d.Identity.Scope, d.Identity.RegistrationID) + operation + "?api-version=" + s.apiVersion,
		header: [][2]string{
			{"Host", d.Endpoint.Host}, {"authorization", s.Token(d)},
			{"User-Agent", "com.microsoft.azure.sdk.iot.provisioning.device/2.1.3"}, {"Accept", "application/json"},
			{"Content-Type", "application/json; charset=utf-8"}, {"Content-Length", strconv.Itoa(len(body))},
		},
		body: body,
	}
}
