package strict

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"time"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/google/uuid"
)

// Node is azure-iot-sdk-node. It finds an answer by the $rid, or over AMQP by the
// correlation-id, of a pending request, knows no status disabled, sends a body with a GET and
// a space with a poll, and unsubscribes before it leaves.
var Node = SDK{
	Name:       "azure-iot-sdk-node",
	Transports: []dps.Transport{dps.HTTPS, dps.MQTT, dps.MQTTWebSocket, dps.AMQP, dps.AMQPWebSocket},
	session:    served("DPS-HTTPS-054", "DPS-MQTT-059", "DPS-AMQP-064"),
	apiVersion: "2019-03-31",
	statuses:   words{known: []string{"registering", "assigning", "assigned", "failed"}, folds: true},
	token: spelling{
		resource: plain, order: []string{"sr", "sig", "skn", "se"}, policy: &registrationPolicy, life: time.Hour,
	},
	mqtt: mqttScript{
		clientVersion: "azure-iot-provisioning-device%2F1.9.3",
		clean:         true, keepAlive: 180,
		subscribeQoS: 1, registerQoS: 1, pollQoS: 1,
		rid: func(int) string { return uuid.NewString() }, register: registration, poll: blank, pollTopic: rawPollTopic,
		path: "/$iothub/websocket", subprotocol: "mqtt",
		unsubscribe: &Rule{Words: "an UNSUBSCRIBE is answered", MQTT: "DPS-MQTT-044"},
	},
	amqp: amqpScript{
		style: styleOf("Node"), settles: true,
		correlates: &Rule{Words: "an answer carries the correlation-id of a request that is pending", AMQP: "DPS-AMQP-023"},
	},
	https: httpsScript{
		register: func(s SDK, d Device) httpRequest {
			return nodeRequest(s, d, http.MethodPut, "/register", registration(d))
		},
		poll: func(s SDK, d Device, operationID string) httpRequest {
			return nodeRequest(s, d, http.MethodGet, "/operations/"+operationID, []byte("{}"))
		},
	},
	patience: 30 * time.Second,
	rules: []Rule{
		topicForm("a topic is $dps/registrations/res/{code}/?{query}, and the code is a number", nodeReadsTopic),
		{
			Words: "an answer carries the $rid of a request that is pending",
			MQTT:  "DPS-MQTT-007",
			wrong: func(a Answer) string {
				if m := nodeTopic.FindStringSubmatch(a.Topic); m != nil {
					if query, err := url.ParseQuery(m[2]); err != nil || query.Get("$rid") != a.RID {
						return fmt.Sprintf("the topic is %q and the request had $rid=%s", a.Topic, a.RID)
					}
				}
				return ""
			},
		},
		errorIsJSON, namesOperation, operationFitsTopic,
	},
}

var nodeTopic = regexp.MustCompile(`^\$dps/registrations/res/(.*)/\?(.*)$`)

func nodeReadsTopic(a Answer) string {
	m := nodeTopic.FindStringSubmatch(a.Topic)
	if m == nil {
		return fmt.Sprintf("the topic is %q", a.Topic)
	}
	if _, err := strconv.ParseUint(m[1], 10, 16); err != nil {
		return fmt.Sprintf("the topic %q has no number for a code", a.Topic)
	}
	return ""
}

func nodeRequest(s SDK, d Device, method, operation string, body []byte) httpRequest {
	return httpRequest{
		method: method, target: "/" + plain(d.Identity.Scope, d.Identity.RegistrationID) + operation + "?api-version=" + s.apiVersion,
		header: [][2]string{
			{"Accept", "application/json"}, {"Content-Type", "application/json; charset=utf-8"},
			{"Request-Id", uuid.NewString()}, {"User-Agent", "azure-iot-provisioning-device/1.9.3"},
			{"Authorization", s.Token(d)}, {"Host", d.Endpoint.Host}, {"Content-Length", strconv.Itoa(len(body))},
		},
		body: body,
	}
}
