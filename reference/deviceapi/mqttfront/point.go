package mqttfront

import (
	"time"

	"github.com/dpslab/dpslab/internal/mqttserver"
	"github.com/dpslab/dpslab/internal/point"
)

// Connecting is passed when a CONNECT of a known scope was judged.
var Connecting = point.Define[Connection]("mqttfront.connecting")

// Connection is a CONNECT and what it is answered.
type Connection struct {
	Connect mqttserver.Connect
	Accept  mqttserver.Accept
}

// Subscribing is passed when a filter was judged.
var Subscribing = point.Define[Subscription]("mqttfront.subscribing")

// Subscription is a filter and the QoS that it gets; mqttserver.SubackFailure refuses it.
type Subscription struct {
	Session        *mqttserver.Session // whose it is; for plans that publish unasked
	Filter         string
	Asked, Granted byte
}

// Leaving is passed when a session has ended.
var Leaving = point.Define[Leave]("mqttfront.leaving")

// Leave is the end of a session.
type Leave struct {
	Will *mqttserver.Publish // nil after a DISCONNECT or without one; for plans to read
}

// Publishing is passed when a topic was judged.
var Publishing = point.Define[Judgement]("mqttfront.publishing")

// Judgement is a PUBLISH and what is wrong with its topic; nil lets it through.
type Judgement struct {
	Topic  string
	Retain bool
	Err    error
}

// Answering is passed before an answer is published.
var Answering = point.Define[Answer]("mqttfront.answering")

// Answer is a response on its way out, and the request that it answers.
type Answer struct {
	Request       mqttserver.Publish
	Code          int
	RID           string
	HasRetryAfter bool
	RetryAfter    time.Duration
	Body          []byte
	Topic         string // made from the others after the point, unless a plan sets it
	QoS           byte   // as the subscription was granted
	Copies        int    // how often it is published: once, not at all to a device that did not subscribe
}
