package mqttfront

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	responseFilter = "$dps/registrations/res/#"
	registerTopic  = "$dps/registrations/PUT/iotdps-register/"
	pollTopic      = "$dps/registrations/GET/iotdps-get-operationstatus/"
)

// Steps of a device over MQTT, as points and faults name them.
const (
	stepConnect  = "connect"
	stepRegister = "register"
	stepPoll     = "poll"
)

// username is what a CONNECT says.
type username struct{ scope, registrationID, apiVersion string }

var errUsername = errors.New("the user name is not {idScope}/registrations/{registrationId}/api-version={version}")

// parseUsername splits at the first three slashes only: the client version behind may hold
// more of them (device-api.md 2.2). apiVersion stays empty where the name has none.
func parseUsername(s string) (username, error) {
	parts := strings.SplitN(s, "/", 4)
	if len(parts) != 4 || parts[0] == "" || parts[1] != "registrations" || parts[2] == "" {
		return username{}, errUsername
	}
	u := username{scope: parts[0], registrationID: parts[2]}
	for pair := range strings.SplitSeq(strings.TrimPrefix(parts[3], "?"), "&") {
		if name, value, _ := strings.Cut(pair, "="); name == "api-version" {
			u.apiVersion = value
		}
	}
	return u, nil
}

// request is what a PUBLISH topic asks.
type request struct {
	step        string
	rid         string // as received, undecoded: it is echoed
	operationID string
}

var errTopic = errors.New("devices may publish register and operation status requests only")

// parseTopic reads the parameters behind the question mark by name, in any order.
func parseTopic(topic string) (request, error) {
	var r request
	query, ok := strings.CutPrefix(topic, registerTopic+"?")
	r.step = stepRegister
	if !ok {
		query, ok = strings.CutPrefix(topic, pollTopic+"?")
		r.step = stepPoll
	}
	if !ok {
		return r, errTopic
	}
	hasRID := false
	for pair := range strings.SplitSeq(query, "&") {
		name, value, written := strings.Cut(pair, "=")
		switch name {
		case "$rid":
			r.rid, hasRID = value, written
		case "operationId":
			id, err := url.PathUnescape(value)
			if err != nil {
				return r, fmt.Errorf("operationId %q is not percent-encoded text", value)
			}
			r.operationID = id
		}
	}
	if !hasRID { // [DPS-MQTT-034]
		return r, errors.New("the topic has no $rid, so nothing could be answered")
	}
	return r, nil
}

// responseTopic has the one shape that every SDK parses: $rid first, then at most
// retry-after, a whole number of seconds (device-api.md 2.6).
func responseTopic(a Answer) string { // [DPS-MQTT-004]
	topic := "$dps/registrations/res/" + strconv.Itoa(a.Code) + "/?$rid=" + a.RID
	if a.HasRetryAfter {
		topic += "&retry-after=" + strconv.Itoa(int(a.RetryAfter/time.Second))
	}
	return topic
}
