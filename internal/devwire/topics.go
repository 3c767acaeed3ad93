package devwire

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ResponseFilter is the only filter a device subscribes to at the service
// (device-api.md 2.5).
const ResponseFilter = "$dps/registrations/res/#"

const responsePrefix = "$dps/registrations/res/"

// RegisterTopic is where a register request is published.
func RegisterTopic(rid string) string { return "$dps/registrations/PUT/iotdps-register/?$rid=" + rid }

// PollTopic is where a poll is published.
func PollTopic(rid, operationID string) string {
	return "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=" + rid + "&operationId=" + escape(operationID)
}

// MQTTUsername is the user name of the identity's CONNECT (device-api.md 2.2).
func MQTTUsername(id Identity) string {
	return id.Scope + "/registrations/" + id.RegistrationID + "/api-version=" + id.apiVersion()
}

// ResponseTopic is what a device reads from the topic of an answer.
type ResponseTopic struct {
	Code          int
	RID           string
	RetryAfter    time.Duration
	HasRetryAfter bool
}

// ParseResponseTopic reads a topic of the shape
//
//	$dps/registrations/res/{code}/?$rid={rid}[&retry-after={seconds}]
//
// with $rid first and an = in every pair: the shape that every SDK's parser takes
// (device-api.md 2.6).
func ParseResponseTopic(topic string) (ResponseTopic, error) {
	var r ResponseTopic
	rest, ok := strings.CutPrefix(topic, responsePrefix)
	code, query, found := strings.Cut(rest, "/?")
	if !ok || !found {
		return r, fmt.Errorf("topic %q is not %s{code}/?…", topic, responsePrefix)
	}
	n, err := strconv.ParseUint(code, 10, 16)
	if err != nil || len(code) != 3 || n < 100 {
		return r, fmt.Errorf("topic %q has no code of three digits", topic)
	}
	r.Code = int(n)
	for i, pair := range strings.Split(query, "&") {
		name, value, equals := strings.Cut(pair, "=")
		switch {
		case !equals:
			return r, fmt.Errorf("topic %q has a pair without =", topic)
		case (i == 0) != (name == "$rid"):
			return r, fmt.Errorf("topic %q does not have $rid first and once", topic)
		case i == 0:
			r.RID = value
		case name == "retry-after":
			if r.RetryAfter, r.HasRetryAfter = seconds(value); !r.HasRetryAfter {
				return r, fmt.Errorf("topic %q has a retry-after that is no number of seconds", topic)
			}
		}
	}
	return r, nil
}

// ParseMQTTAnswer reads a publish of the service as an answer. The error is a *Malformed.
func ParseMQTTAnswer(topic string, payload []byte) (Answer, ResponseTopic, error) {
	r, err := ParseResponseTopic(topic)
	if err != nil {
		return Answer{Raw: payload, Topic: topic}, r, &Malformed{What: err.Error(), Raw: payload}
	}
	a, err := ParseAnswer(r.Code, payload)
	a.Topic, a.RetryAfter, a.HasRetryAfter = topic, r.RetryAfter, r.HasRetryAfter
	return a, r, err
}
