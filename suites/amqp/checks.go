// Package amqp checks the device API over AMQP 1.0, on its own port and over WebSocket
// (docs/protocol/device-api.md 3): how devices log in and attach, how requests are settled
// and answered, how refusals are told, and what is kept of the standard's framing.
package amqp

import (
	"slices"

	"github.com/dpslab/dpslab/suites/harness"
)

// Checks returns the checks of family AMQP.
func Checks() []harness.Check {
	return slices.Concat(saslChecks, linkChecks, openingChecks, answerChecks, correlationChecks, requestChecks,
		deliveryChecks, outcomeChecks, refusalChecks, badRequestChecks, frameChecks, badFrameChecks, endChecks, webSocketChecks, versionChecks)
}
