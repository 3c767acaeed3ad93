package device

import (
	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
)

// Names of what a device is made of, for those who embed this package. Package suites/wire
// names the rest of the client half of the wire.
type (
	Clock    = clock.Clock
	Wire     = devwire.Wire // trust, clock and recording of real connections
	Endpoint = devwire.Endpoint
	Identity = devwire.Identity
	Answer   = devwire.Answer
	Twin     = devwire.Twin
	HubError = devwire.HubError // what the hub refused

	// WireTransport is the protocol to the service or the hub, for OverWire.
	WireTransport = dps.Transport
)

const (
	HTTPS         = dps.HTTPS
	MQTT          = dps.MQTT
	MQTTWebSocket = dps.MQTTWebSocket
	AMQP          = dps.AMQP
	AMQPWebSocket = dps.AMQPWebSocket
)

// SystemClock is the machine's clock.
func SystemClock() Clock { return clock.System() }
