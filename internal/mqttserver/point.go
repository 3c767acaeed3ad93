package mqttserver

import "github.com/dpslab/dpslab/internal/point"

// The points of this package.
var (
	Connack  = point.Define[ConnackReply]("mqttserver.connack")
	Suback   = point.Define[SubackReply]("mqttserver.suback")
	Puback   = point.Define[PubackReply]("mqttserver.puback")
	Outgoing = point.Define[OutgoingPublish]("mqttserver.outgoing")
	Bare     = point.Define[BareReply]("mqttserver.bare")
	Breached = point.Define[Breach]("mqttserver.breached")
)

// Steps at which the points are passed.
const (
	StepConnect     = "connect"
	StepSubscribe   = "subscribe"
	StepUnsubscribe = "unsubscribe"
	StepPing        = "ping"
	StepPublish     = "publish" // what the client publishes
	StepDeliver     = "deliver" // what the server publishes
)

// BareReply is an UNSUBACK or a PINGRESP, by the step.
type BareReply struct {
	Drop bool // send nothing
}

// Reasons of a Breach.
const (
	SecondConnect = "a second one on the connection" // [MQTT-3.1.0-2]
	QoS2          = "QoS 2 is not supported"
	TakenOver     = "a newer connection of the same client took over" // [MQTT-3.1.4-2]
)

// Breach is a rule of MQTT that is about to end a connection.
type Breach struct {
	Reason string // for plans to read

	Ignore bool // leave the connection open: QoS 2 counts as QoS 1, a second CONNECT as nothing
}

// ConnackReply is an answer to a CONNECT. A plan that makes 0 of another code opens a
// session that the Handler refused: Session.Value is what Connect left there.
type ConnackReply struct {
	Code           byte
	SessionPresent bool
}

// SubackReply is an answer to a SUBSCRIBE.
type SubackReply struct {
	Codes []byte // one per filter, in the order asked
	Drop  bool   // send nothing
}

// PubackReply is an answer to a PUBLISH at QoS 1.
type PubackReply struct {
	Topic string // of the PUBLISH; for plans to read

	Drop        bool // send nothing
	AfterAnswer bool // hold it back until the next outgoing PUBLISH is sent
}

// OutgoingPublish is a message to the client. Its packet id is chosen afterwards.
type OutgoingPublish struct {
	Topic   string
	Payload []byte
	QoS     byte
	Retain  bool
	Dup     bool
	Drop    bool // send nothing
}
