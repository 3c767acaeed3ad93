// Package hub checks the IoT hubs that devices are assigned to
// (docs/protocol/iot-hub.md): how a device connects over MQTT and AMQP, sends telemetry, reads its
// twin and answers methods, and what service clients do with identities, twins and methods.
package hub

import (
	"slices"

	"github.com/dpslab/dpslab/suites/harness"
)

// Checks returns the checks of family HUB.
func Checks() []harness.Check {
	return slices.Concat(connectChecks, credentialChecks, endChecks, telemetryChecks, subscribeChecks, keptChecks,
		twinChecks, methodChecks, callChecks, amqpLoginChecks, amqpMessageChecks, identityChecks, recordChecks, serviceTwinChecks,
		serviceChecks)
}
