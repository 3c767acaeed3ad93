package sut

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// DefaultPrefix begins the name of whatever a run makes at a target.
const DefaultPrefix = "dpslab-"

// Words of Capabilities.
var (
	Transports   = []string{"https", "mqtt", "mqtt-ws", "amqp", "amqp-ws"}
	Attestations = []string{"symmetric-key", "x509", "tpm"}
)

// Capabilities are what a target claims. A list that is left out claims everything that
// the catalogue knows. What is not claimed is skipped; what is claimed is looked for at the
// start, and a claim that contradicts what is seen is a failure.
type Capabilities struct {
	Transports   []string `yaml:"transports,omitempty"`   // of devices: words of Transports
	Attestations []string `yaml:"attestations,omitempty"` // words of Attestations
	APIVersions  []string `yaml:"api_versions,omitempty"` // of the device API, such as 2019-03-31
}

// Quotas are the most that a run asks of a target. 0 is no limit; a foreign target has
// DocumentedQuotas where it says nothing.
type Quotas struct {
	ServiceRequestsPerMinute     int `yaml:"service_requests_per_minute,omitempty"`      // at the service API
	RegistrationsPerMinute       int `yaml:"registrations_per_minute,omitempty"`         // of all devices
	DevicePollsPer10Seconds      int `yaml:"device_polls_per_10_seconds,omitempty"`      // of one device
	HubRegistryRequestsPerMinute int `yaml:"hub_registry_requests_per_minute,omitempty"` // at one hub
	HubQueriesPerMinute          int `yaml:"hub_queries_per_minute,omitempty"`           // at one hub
}

// DocumentedQuotas are those of the service (device-api.md 8, service-api.md 6) and of a
// hub with one unit S1 (iot-hub.md 7.1).
var DocumentedQuotas = Quotas{
	ServiceRequestsPerMinute: 1000, RegistrationsPerMinute: 1000, DevicePollsPer10Seconds: 5,
	HubRegistryRequestsPerMinute: 100, HubQueriesPerMinute: 20,
}

// each are the quotas by the names they have in a file.
func (q *Quotas) each() map[string]*int {
	return map[string]*int{
		"service_requests_per_minute": &q.ServiceRequestsPerMinute, "registrations_per_minute": &q.RegistrationsPerMinute,
		"device_polls_per_10_seconds": &q.DevicePollsPer10Seconds, "hub_registry_requests_per_minute": &q.HubRegistryRequestsPerMinute,
		"hub_queries_per_minute": &q.HubQueriesPerMinute,
	}
}

var (
	// A prefix that is short or has no end would match what others made.
	prefixForm  = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{2,30}-$`)
	versionForm = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}(-preview)?$`)
)

// checkForeign returns the field that is wrong among those that a lab's file has not.
func (t Target) checkForeign() (string, error) {
	if !prefixForm.MatchString(t.Prefix) {
		return "prefix", fmt.Errorf("is %q; it takes 4 to 32 lower-case letters, digits and hyphens, the last a hyphen", t.Prefix)
	}
	for name, quota := range t.Quotas.each() {
		if *quota < 0 {
			return "quotas." + name, fmt.Errorf("is %d; leave it out for no limit", *quota)
		}
	}
	if ca := t.VerifiedCA; ca != nil && (ca.CertificateFile == "" || ca.KeyFile == "") {
		return "verified_ca", errors.New("has to name a certificate_file and a key_file")
	}
	for i, e := range t.Enrollments {
		if field, err := e.check(); err != nil {
			return strings.TrimSuffix(fmt.Sprintf("enrollments[%d].%s", i, field), "."), err
		}
	}
	if field, err := t.Hooks.check(); err != nil {
		return field, err
	}
	return t.Capabilities.check()
}

func (c Capabilities) check() (string, error) {
	for name, list := range map[string][]string{
		"transports": c.Transports, "attestations": c.Attestations, "api_versions": c.APIVersions,
	} {
		if list != nil && len(list) == 0 {
			return "capabilities." + name, errors.New("is empty; leave it out to claim everything")
		}
		for i, word := range list {
			at := fmt.Sprintf("capabilities.%s[%d]", name, i)
			if slices.Contains(list[:i], word) {
				return at, fmt.Errorf("is %q again", word)
			}
			known := map[string][]string{"transports": Transports, "attestations": Attestations}[name]
			switch {
			case known != nil && !slices.Contains(known, word):
				return at, fmt.Errorf("is %q; it takes %s", word, strings.Join(known, ", "))
			case known == nil && !versionForm.MatchString(word):
				return at, fmt.Errorf("is %q; a version looks like 2019-03-31 or 2021-11-01-preview", word)
			}
		}
	}
	return "", nil
}

// ServiceAPI reports whether the target has one that a run may use: its own, or those of
// the services that control makes.
func (t Target) ServiceAPI() bool { return t.DPS.ServiceConnectionString != "" || t.Control != nil }

// Claims reports whether a list of Capabilities claims a word.
func Claims(list []string, word string) bool { return len(list) == 0 || slices.Contains(list, word) }
