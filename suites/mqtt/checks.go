// Package mqtt checks the device API over MQTT 3.1.1, on its own port and over WebSocket
// (docs/protocol/device-api.md 2): which connections are taken, in which order, on which
// topics and at which quality of service requests are answered, what is no request, and how
// a connection lives and ends.
package mqtt

import (
	"slices"

	"github.com/dpslab/dpslab/suites/harness"
)

// Checks returns the checks of family MQTT.
func Checks() []harness.Check {
	return slices.Concat(connectChecks, refusedChecks, answerChecks, deliveryChecks, requestChecks, outcomeChecks,
		subscribeChecks, badTopicChecks, badRequestChecks, lifeChecks)
}
