// Package apiversion lists the API versions that shipping clients put on the wire
// (device-api.md 1.3, service-api.md 1.1).
package apiversion

// 2026-11-15-preview is none of them: examples of it stood in the specification for a while,
// under the name before 2026-11-02-preview, and no client sends it.
var device = set(
	"2017-08-31-preview", "2017-11-15", "2018-04-01", "2018-09-01-preview", "2018-11-01",
	"2019-03-31", "2021-06-01", "2021-10-01", "2021-11-01-preview", "2025-07-01-preview",
	"2026-11-02-preview",
)

var service = set(
	"2017-08-31-preview", "2017-11-15", "2018-04-01", "2018-09-01-preview", "2018-11-01",
	"2019-03-31", "2021-06-01", "2021-10-01", "2021-11-01-preview", "2025-07-01-preview",
	"2026-04-01",
)

// Device reports whether the device API knows the version.
func Device(v string) bool { return device[v] }

// Service reports whether the service API knows the version.
func Service(v string) bool { return service[v] }

// Sticky reports whether a device that speaks v keeps its hub when its enrollment has no
// reprovision policy (device-api.md 1.3). Dates sort as text.
func Sticky(v string) bool { return v <= "2018-04-01" }

// Form is how an api-version lets a device ask for a certificate (device-api.md 7).
type Form uint8

const (
	NoIssuance    Form = iota
	IssuancePEM        // clientCertificateCsr, answered with PEM text
	IssuanceChain      // csr, answered with a chain of DER
)

// Issuance is the form that the device API's version v knows.
func Issuance(v string) Form {
	switch v {
	case "2021-11-01-preview":
		return IssuancePEM
	case "2025-07-01-preview", "2026-11-02-preview":
		return IssuanceChain
	}
	return NoIssuance
}

func set(versions ...string) map[string]bool {
	m := make(map[string]bool, len(versions))
	for _, v := range versions {
		m[v] = true
	}
	return m
}
