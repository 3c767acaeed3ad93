package devicefront

import (
	"github.com/dpslab/dpslab/fakehub/registry"
	"github.com/dpslab/dpslab/internal/mqttserver"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/internal/sas"
	"github.com/dpslab/dpslab/internal/telemetry"
)

// The points of this package, beside those of internal/mqttserver and internal/amqpserver.
var (
	Checked  = point.Define[Check]("hub.mqtt-checked")
	Received = point.Define[Receipt]("hub.mqtt-received")
	Resumed  = point.Define[Resume]("hub.mqtt-resumed")
	Unknown  = point.Define[Stray]("hub.mqtt-unknown")
	Ended    = point.Define[End]("hub.mqtt-ended")
	Enqueued = point.Define[Message]("hub.telemetry-enqueued")
	LoggedIn = point.Define[Login]("hub.amqp-logged-in")
)

// Steps at which the points are passed, beside those of internal/mqttserver.
const (
	StepEnd       = "end"
	StepTelemetry = "telemetry"
)

// Check is the verdict on a CONNECT.
type Check struct {
	Connect  *mqttserver.Connect               // as it came; a plan may change CleanSession
	Token    *sas.Token                        // nil when it has none
	Identity func() (registry.Identity, error) // of the ClientID

	Reason  registry.Reason // why a credential was refused; "" when it was not, or for another reason
	Refusal error           // nil lets the device in
}

// Login is the verdict on a credential over AMQP.
type Login struct {
	DeviceID string
	Token    *sas.Token // nil when it is by certificate

	Reason  registry.Reason // why it was refused; "" when it was not
	Refusal error           // nil lets the device in
}

// Receipt is a PUBLISH of a device, before the hub looks at it.
type Receipt struct {
	Publish *mqttserver.Publish
	Err     error // not nil: the connection is closed
}

// Resume is what is known of a client that connects without clean session.
type Resume struct {
	Filters []string // in force from now on; a plan may take some away
	Present bool     // what CONNACK says
}

// Stray is a filter or a topic that the hub does not know.
type Stray struct {
	Name     string
	Tolerate bool // go on instead of closing the connection
}

// Reasons of an End.
const (
	TokenExpired = "the device's token expired"
	IdentityGone = "the identity was disabled or deleted"
)

// End is the hub's decision to close a device's connection.
type End struct {
	Reason string
	Ignore bool // leave it open
}

// Message is a telemetry event on its way to the store.
type Message struct {
	Event telemetry.Event
	Drop  bool
}
