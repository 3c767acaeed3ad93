// Package https checks the device API over HTTPS (docs/protocol/device-api.md 1): what a
// register request, a poll and a status lookup are answered, which requests are taken and
// which refused, how an error looks, and the TLS that every transport stands on.
package https

import (
	"slices"

	"github.com/dpslab/dpslab/suites/harness"
)

// Checks returns the checks of family HTTPS.
func Checks() []harness.Check {
	return slices.Concat(operationChecks, stateChecks, outcomeChecks, answerChecks,
		requestChecks, versionChecks, refusalChecks, errorChecks, tlsChecks)
}
