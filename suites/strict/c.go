package strict

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/dps"
)

// C is azure-iot-sdk-c. It offers its WebSocket subprotocol in capitals, escapes in
// lower-case hex, and over HTTPS fails on an answer without Content-Length; unassigned it
// takes for the challenge of a TPM.
var C = SDK{
	Name:       "azure-iot-sdk-c",
	Transports: []dps.Transport{dps.HTTPS, dps.MQTT, dps.MQTTWebSocket, dps.AMQP, dps.AMQPWebSocket},
	session:    served("DPS-HTTPS-055", "DPS-MQTT-061", "DPS-AMQP-065"),
	apiVersion: "2021-06-01",
	statuses:   words{known: []string{"unassigned", "assigning", "assigned", "failed", "disabled", "blacklisted"}},
	token: spelling{
		resource: func(scope, id string) string { return lowerHex(plain(scope, id)) },
		order:    []string{"sr", "sig", "se", "skn"}, policy: &registrationPolicy, life: 2400 * time.Second,
	},
	mqtt: mqttScript{
		clientVersion: "1.15.0",
		clean:         true, keepAlive: 0,
		subscribeQoS: 1, registerQoS: 0, pollQoS: 0,
		rid: strconv.Itoa, register: registration, poll: registration, pollTopic: rawPollTopic,
		path: "/$iothub/websocket", subprotocol: "MQTT",
		subscribed: &Rule{Words: "its subscription is granted", MQTT: "DPS-MQTT-015"},
	},
	amqp: amqpScript{
		style: styleOf("C"), pipelined: true, settles: true,
		data:  &Rule{Words: "an answer is one data section", AMQP: "DPS-AMQP-022"},
		waits: &Rule{Words: "retry-after is an int or a string", AMQP: "DPS-AMQP-029"},
	},
	https: httpsScript{
		register: func(s SDK, d Device) httpRequest {
			return cRequest(s, d, http.MethodPut, "/register", registration(d))
		},
		poll: func(s SDK, d Device, operationID string) httpRequest {
			return cRequest(s, d, http.MethodGet, "/operations/"+lowerHex(operationID), nil)
		},
	},
	rules: []Rule{
		{
			Words: "answers have a Content-Length", // device-api.md 0.1 item 20
			HTTPS: "DPS-HTTPS-011",
			wrong: func(a Answer) string {
				if !a.Sized {
					return "the answer has no Content-Length"
				}
				return ""
			},
		},
		topicForm("the code of a topic stands right behind $dps/registrations/res/", cReadsTopic),
		namesOperation, operationFitsTopic,
		{
			Words: "a status unassigned comes with the challenge of a TPM",
			HTTPS: "DPS-HTTPS-003", MQTT: "DPS-MQTT-064", AMQP: "DPS-AMQP-067",
			wrong: func(a Answer) string {
				doc := a.document()
				if doc.text("status") == "unassigned" && (doc.text("authenticationKey") == "" || doc.text("keyName") == "") {
					return "the status is unassigned and there is no authenticationKey or no keyName"
				}
				return ""
			},
		},
	},
}

// cReadsTopic reads digits behind the prefix until something else comes.
func cReadsTopic(a Answer) string {
	rest, ok := strings.CutPrefix(a.Topic, responsePrefix)
	if !ok || strings.IndexAny(rest, "123456789") != 0 {
		return fmt.Sprintf("the topic is %q", a.Topic)
	}
	return ""
}

// cRequest has header names in lower case, a port with its host, and a Content-Type with
// its GET too (device-api.md 1.2).
func cRequest(s SDK, d Device, method, operation string, body []byte) httpRequest {
	q := httpRequest{
		method: method,
		target: "/" + lowerHex(d.Identity.Scope) + "/registrations/" + lowerHex(d.Identity.RegistrationID) + operation + "?api-version=" + s.apiVersion,
		header: [][2]string{
			{"host", d.Endpoint.Host + ":" + strconv.Itoa(d.Endpoint.HTTPSPort)}, {"useragent", "prov_device_client/1.0"},
			{"accept", "application/json"}, {"connection", "keep-alive"},
			{"content-type", "application/json; charset=utf-8"}, {"authorization", s.Token(d)},
		},
		body: body,
	}
	if body != nil {
		q.header = append(q.header, [2]string{"content-length", strconv.Itoa(len(body))})
	}
	return q
}
