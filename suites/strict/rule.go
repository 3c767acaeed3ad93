package strict

import (
	"fmt"
	"net/http"

	"github.com/dpslab/dpslab/internal/dps"
)

// Rule is one thing that an SDK demands of the service.
type Rule struct {
	Words string // what the SDK demands: "the status of the answer to register is 202"
	// HTTPS, MQTT and AMQP are the requirement that a service breaks with it, by transport;
	// "" where the SDK does not demand it.
	HTTPS, MQTT, AMQP string

	// wrong says how an answer breaks the rule, "" when it keeps it. It is nil in rules
	// about a connection, which the session watches over.
	wrong func(a Answer) string
}

// Requirement is the id in the catalogue, "" when the rule is about the other transports.
func (r Rule) Requirement(over dps.Transport) string {
	switch over {
	case dps.HTTPS:
		return r.HTTPS
	case dps.AMQP, dps.AMQPWebSocket:
		return r.AMQP
	}
	return r.MQTT
}

// Broken says how the answer breaks the rule, "" when it keeps it or the rule is not about
// answers.
func (r Rule) Broken(a Answer) string {
	if r.wrong == nil {
		return ""
	}
	return r.wrong(a)
}

// Complaint is why an SDK cannot take what the service did.
type Complaint struct {
	SDK         string
	Rule        Rule
	Requirement string // of the rule, over the transport of the session
	What        string // what the service did
}

func (c *Complaint) Error() string {
	return fmt.Sprintf("%s would fail: %s; it demands that %s [%s]", c.SDK, c.What, c.Rule.Words, c.Requirement)
}

// Answer is one answer of the service as it came.
type Answer struct {
	Poll   bool        // to a poll, not to the register request
	Code   int         // HTTP status, or the number in the topic, 0 when that holds none; over AMQP what the answer amounts to
	Topic  string      // MQTT
	RID    string      // MQTT: of the request
	Header http.Header // HTTPS; over AMQP it has the wait alone
	Sized  bool        // HTTPS: it has a Content-Length
	Body   []byte
}

// refuses reports whether the answer is an error, by its code.
func (a Answer) refuses() bool { return a.Code >= 300 }

// document is the body as an object; without members when it is none.
func (a Answer) document() object {
	doc, _ := parseObject(a.Body)
	return doc
}

// state is the registration state of the answer, without members when it has none.
func (a Answer) state() object { return a.document().child("registrationState") }
