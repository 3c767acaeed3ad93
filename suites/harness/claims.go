package harness

import (
	"fmt"
	"slices"
	"sync"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/requirement"
	"github.com/dpslab/dpslab/reports"
	"github.com/dpslab/dpslab/suites/sut"
)

// APIVersions are the versions of the device API that shipping clients send
// (device-api.md 1.3).
func APIVersions() []string {
	return []string{
		"2018-09-01-preview", "2018-11-01", "2019-03-31", "2021-06-01", "2021-10-01", "2021-11-01-preview",
		"2025-07-01-preview", "2026-11-02-preview",
	}
}

// Versions are those that a check is about. A target that does not claim each of them is
// skipped: the others alone would not verify what the requirement says.
func (e *Env) Versions(t *T, all ...string) []string {
	claimed := e.Target.Capabilities.APIVersions
	for _, version := range all {
		if !sut.Claims(claimed, version) {
			t.Skip(fmt.Sprintf("api-version %s is not claimed (capabilities.api_versions of the target file)", version))
		}
	}
	return all
}

// transports are those that the catalogue is about, in the order in which a device of a
// check without a transport chooses.
var transports = sync.OnceValue(func() []dps.Transport {
	var list []dps.Transport
	for _, t := range []dps.Transport{dps.HTTPS, dps.MQTT, dps.MQTTWebSocket, dps.AMQP, dps.AMQPWebSocket} {
		if slices.ContainsFunc(requirement.All(), func(r Requirement) bool { return slices.Contains(r.Transports, t.String()) }) {
			list = append(list, t)
		}
	}
	return list
})

const (
	serviceAPI = "service API"
	transport  = "transport "
)

// unclaimed says why a transport is not used at the target, "" when it is.
func (e *Env) unclaimed(over dps.Transport) string {
	switch {
	case over == dps.TransportNone:
		return ""
	case !sut.Claims(e.Target.Capabilities.Transports, over.String()):
		return fmt.Sprintf("transport %s is not claimed (capabilities.transports of the target file)", over)
	case e.Control == nil && e.unseen(transport+over.String()):
		return fmt.Sprintf("transport %s is claimed and was not seen: see the claims", over)
	}
	return ""
}

// unseen reports whether Probe looked for something that is claimed and did not see it.
func (e *Env) unseen(name string) bool {
	return slices.ContainsFunc(e.Claims, func(c reports.Claim) bool { return c.Name == name && c.Claimed && c.Seen == reports.SeenNo })
}

// firstTransport is what a device uses where its check does not say.
func (e *Env) firstTransport() dps.Transport {
	for _, t := range transports() {
		if e.unclaimed(t) == "" {
			return t
		}
	}
	return dps.HTTPS
}
