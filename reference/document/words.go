// Package document holds the JSON that device API and service API have in common: the
// state of a registration, the error document, timestamps, and the service's words for
// the vocabulary of internal/dps. The server half writes them here and nowhere else.
package document

import (
	"time"

	"github.com/dpslab/dpslab/internal/dps"
)

// Status is the wire word, in lower case: three SDKs compare exactly (device-api.md 5).
func Status(s dps.Status) string { return statuses[s] }

var statuses = map[dps.Status]string{
	dps.StatusUnassigned: "unassigned", dps.StatusAssigning: "assigning", dps.StatusAssigned: "assigned",
	dps.StatusFailed: "failed", dps.StatusDisabled: "disabled",
}

var substatuses = map[dps.Substatus]string{
	dps.SubstatusInitialAssignment:                "initialAssignment",
	dps.SubstatusDeviceDataMigrated:               "deviceDataMigrated",
	dps.SubstatusDeviceDataReset:                  "deviceDataReset",
	dps.SubstatusReprovisionedToInitialAssignment: "reprovisionedToInitialAssignment",
}

// Policies are the wire words of the allocation policies (service-api.md 2.1).
var Policies = map[dps.Policy]string{
	dps.PolicyHashed: "hashed", dps.PolicyGeoLatency: "geoLatency",
	dps.PolicyStatic: "static", dps.PolicyCustom: "custom",
}

// PolicyOf is the allocation policy of a wire word, letter by letter.
func PolicyOf(word string) (p dps.Policy, known bool) {
	for policy, w := range Policies {
		if w == word {
			return policy, true
		}
	}
	return dps.PolicyUnset, false
}

// Attestations are the wire words of the attestation types (service-api.md 2.3).
var Attestations = map[dps.Attestation]string{
	dps.AttestationTPM: "tpm", dps.AttestationX509: "x509", dps.AttestationSymmetricKey: "symmetricKey",
}

// Timestamp is ISO 8601 in UTC with seven fractional digits and a Z, as captured.
func Timestamp(t time.Time) string { // [DPS-HTTPS-038] [DPS-MQTT-072]
	return t.UTC().Format("2006-01-02T15:04:05.0000000Z")
}
