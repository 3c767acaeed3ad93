// Package sas checks shared access signatures: the tokens of devices in every spelling
// that SDKs have (docs/protocol/device-api.md 2.3), those that must be refused, and the
// same for the tokens of the service API (docs/protocol/service-api.md 3).
package sas

import (
	"slices"

	"github.com/dpslab/dpslab/suites/harness"
)

// Checks returns the checks of family SAS.
func Checks() []harness.Check { return slices.Concat(deviceChecks, serviceChecks) }
