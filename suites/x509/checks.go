// Package x509 checks certificates: that the handshake takes any of them and judges none
// (docs/protocol/device-api.md 2.1, 2.4), which leaf and which chain an enrollment lets in
// (docs/protocol/service-api.md 4.1), and what a hub is told of the certificate.
package x509

import (
	"slices"

	"github.com/dpslab/dpslab/suites/harness"
)

// Checks returns the checks of family X509.
func Checks() []harness.Check {
	return slices.Concat(handshakeChecks, individualChecks, groupChecks, resultChecks, issueChecks, serverChecks)
}
