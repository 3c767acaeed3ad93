package strict

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/dps"
)

// CSharp is azure-iot-sdk-csharp, its v1 line. Over MQTT it is a state machine: CONNACK,
// SUBACK, then a PUBACK and a PUBLISH for each request, and whatever else comes fails it.
// Over HTTPS it takes 202 alone for a register request, and over AMQP it parses the
// description of a rejection.
var CSharp = SDK{
	Name:       "azure-iot-sdk-csharp",
	Transports: []dps.Transport{dps.HTTPS, dps.MQTT, dps.MQTTWebSocket, dps.AMQP, dps.AMQPWebSocket},
	session:    served("DPS-HTTPS-052", "DPS-MQTT-057", "DPS-AMQP-062"),
	apiVersion: "2019-03-31",
	statuses:   words{known: []string{"unassigned", "assigning", "assigned", "failed", "disabled"}},
	token: spelling{
		resource: func(scope, id string) string { return upperHex(plain(scope, id)) },
		order:    []string{"sr", "sig", "se", "skn"}, policy: &registrationPolicy, life: 24 * time.Hour,
	},
	mqtt: mqttScript{
		clientVersion: strings.ReplaceAll(url.QueryEscape(csharpAgent), "+", "%20"),
		clean:         true, keepAlive: 0,
		subscribeQoS: 1, registerQoS: 1, pollQoS: 1,
		rid:      func(n int) string { return strconv.Itoa(n + 1) }, // the packet id: SUBSCRIBE had 1
		register: payloadAlone, poll: nothing, pollTopic: rawPollTopic,
		path: "/", subprotocol: "mqtt",
		inOrder: &Rule{
			Words: "CONNACK, SUBACK, and a PUBACK and a PUBLISH for each request come in that order, and nothing else",
			MQTT:  "DPS-MQTT-057",
		},
		noSession:   &Rule{Words: "no CONNACK says that a session is present", MQTT: "DPS-MQTT-002"},
		acknowledge: &Rule{Words: "answers come at QoS 1, for it acknowledges each", MQTT: "DPS-MQTT-015"},
	},
	amqp: amqpScript{
		style: styleOf("C#"), settles: true,
		data:      &Rule{Words: "an answer has a data section, which it reads as a stream", AMQP: "DPS-AMQP-022"},
		describes: &Rule{Words: "the description of a rejection is the error document", AMQP: "DPS-AMQP-037"},
	},
	https: httpsScript{
		register: func(s SDK, d Device) httpRequest {
			body := registration(d)
			return httpRequest{
				method: http.MethodPut, target: csharpPath(d) + "/register?api-version=" + s.apiVersion,
				header: append(csharpHeader(s, d), [2]string{"Content-Type", "application/json; charset=utf-8"},
					[2]string{"Content-Length", strconv.Itoa(len(body))}),
				body: body,
			}
		},
		poll: func(s SDK, d Device, operationID string) httpRequest {
			return httpRequest{
				method: http.MethodGet, target: csharpPath(d) + "/operations/" + upperHex(operationID) + "?api-version=" + s.apiVersion,
				header: csharpHeader(s, d),
			}
		},
	},
	patience: time.Minute,
	rules: []Rule{
		{
			Words: "a register request is answered with 202, an accepted poll with 200 or 202",
			HTTPS: "DPS-HTTPS-001",
			wrong: func(a Answer) string {
				if a.Code < 400 && a.Code != http.StatusAccepted && (!a.Poll || a.Code != http.StatusOK) {
					return fmt.Sprintf("the answer has code %d", a.Code)
				}
				return ""
			},
		},
		topicForm("a topic is $dps/registrations/res/{code}/?$rid={rid} and what follows", csharpReadsTopic),
		{
			Words: "a packet has at most 256 KiB",
			MQTT:  "DPS-MQTT-057",
			wrong: func(a Answer) string {
				if n := len(a.Topic) + len(a.Body); n > 256<<10 {
					return fmt.Sprintf("topic and body have %d bytes", n)
				}
				return ""
			},
		},
		errorIsJSON, namesOperation, operationFitsTopic,
		{
			Words: "the dates of a registrationState are ISO 8601",
			HTTPS: "DPS-HTTPS-038", MQTT: "DPS-MQTT-072", AMQP: "DPS-AMQP-072",
			wrong: func(a Answer) string {
				for _, name := range []string{"createdDateTimeUtc", "lastUpdatedDateTimeUtc"} {
					if _, err := time.Parse(time.RFC3339, a.state().text(name)); a.state().has(name) && err != nil {
						return fmt.Sprintf("%s is %s", name, a.state()[name])
					}
				}
				return ""
			},
		},
	},
}

const csharpAgent = "Microsoft.Azure.Devices.Provisioning.Client/1.19.4 (.NET 8.0.0; Linux 6.1; X64)"

var csharpTopic = regexp.MustCompile(`^\$dps/registrations/res/(.*?)/\?\$rid=(.*?)$`)

func csharpReadsTopic(a Answer) string {
	m := csharpTopic.FindStringSubmatch(a.Topic)
	if m == nil {
		return fmt.Sprintf("the topic is %q", a.Topic)
	}
	if _, err := strconv.ParseInt(m[1], 10, 32); err != nil {
		return fmt.Sprintf("the topic %q has no number for a code", a.Topic)
	}
	return ""
}

// payloadAlone is its body over MQTT: nothing, or the payload without a registrationId
// (device-api.md 0.1 item 11).
func payloadAlone(d Device) []byte {
	if d.Payload == nil {
		return nil
	}
	return marshal(struct {
		Payload json.RawMessage `json:"payload"`
	}{d.Payload})
}

func csharpPath(d Device) string {
	return "/" + upperHex(d.Identity.Scope) + "/registrations/" + upperHex(d.Identity.RegistrationID)
}

func csharpHeader(s SDK, d Device) [][2]string {
	return [][2]string{
		{"Host", d.Endpoint.Host}, {"Accept", "application/json"}, {"User-Agent", csharpAgent}, {"Authorization", s.Token(d)},
	}
}

// rawPollTopic is the topic of a poll as all but Python write it: the operation id goes in
// as it came (device-api.md 1.5, 2.5).
func rawPollTopic(rid, operationID string) string {
	return "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=" + rid + "&operationId=" + operationID
}
