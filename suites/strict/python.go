package strict

import (
	"crypto/tls"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/google/uuid"
)

// Python is azure-iot-sdk-python, its v2 line: MQTT alone, a session that is kept, a token
// without skn, a payload of null, and a topic that is read between its dollar signs.
var Python = SDK{
	Name:       "azure-iot-sdk-python",
	Transports: []dps.Transport{dps.MQTT, dps.MQTTWebSocket},
	session:    served("", "DPS-MQTT-060", ""),
	maxTLS:     tls.VersionTLS12, // device-api.md 6
	apiVersion: "2019-03-31",
	statuses:   words{known: []string{"assigning", "assigned", "failed"}},
	token: spelling{
		resource: func(scope, id string) string { return upperHex(plain(scope, id)) },
		order:    []string{"sr", "sig", "se"}, life: time.Hour,
	},
	mqtt: mqttScript{
		clientVersion: "azure-iot-device-provisioning-py%2F2.14.0%28python%203.11.2%3BLinux%3Bx86_64%29",
		clean:         false, keepAlive: 60,
		subscribeQoS: 1, registerQoS: 1, pollQoS: 1,
		rid: func(int) string { return uuid.NewString() }, register: sortedRegistration, poll: blank,
		pollTopic: func(rid, operationID string) string { return rawPollTopic(rid, url.QueryEscape(operationID)) },
		path:      "/$iothub/websocket", subprotocol: "mqtt",
	},
	patience: 30 * time.Second,
	rules: []Rule{
		topicForm("a topic has two dollar signs, a number for its code, and behind the second pairs with = whose names differ", pythonReadsTopic),
		namesOperation,
	},
}

// pythonReadsTopic takes the third part between dollar signs for the query, and the fourth
// between slashes for the code.
func pythonReadsTopic(a Answer) string {
	chunks := strings.Split(a.Topic, "$")
	segments := strings.Split(a.Topic, "/")
	if len(chunks) != 3 || len(segments) < 4 {
		return fmt.Sprintf("the topic is %q", a.Topic)
	}
	if _, err := strconv.Atoi(segments[3]); err != nil {
		return fmt.Sprintf("the topic %q has no number for a code", a.Topic)
	}
	seen := map[string]bool{}
	for pair := range strings.SplitSeq(chunks[2], "&") {
		name, _, equals := strings.Cut(pair, "=")
		if !equals || seen[name] {
			return fmt.Sprintf("the topic %q has a pair without =, or a name twice", a.Topic)
		}
		seen[name] = true
	}
	if !seen["rid"] {
		return fmt.Sprintf("the topic %q has no $rid", a.Topic)
	}
	return ""
}

// sortedRegistration has its members in the order of their names, spaces between them, and
// a payload in any case.
func sortedRegistration(d Device) []byte {
	payload := "null"
	if d.Payload != nil {
		payload = string(d.Payload)
	}
	return fmt.Appendf(nil, `{"payload": %s, "registrationId": %s}`, payload, marshal(d.Identity.RegistrationID))
}
