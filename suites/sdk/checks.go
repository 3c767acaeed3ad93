// Package sdk checks that devices of the official SDKs are served: whole registrations by
// the scripted clients of package strict, over every transport that an SDK knows
// (docs/protocol/device-api.md 0.1, 9). A red names the SDK that would fail and the clause
// that its rule stands for.
//
// Some of the clauses are about an SDK as a whole, others about what one SDK's parser
// demands of an answer; their ids belong to the families HTTPS, MQTT, SAS and X509.
package sdk

import (
	"slices"

	"github.com/dpslab/dpslab/suites/harness"
)

// Checks returns the checks by scripted clients.
func Checks() []harness.Check {
	return slices.Concat(sessionChecks, orderChecks, endChecks, refusalChecks, answerChecks, requestChecks)
}
