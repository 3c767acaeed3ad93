package strict

import (
	"net/url"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
)

// spelling is how an SDK writes its token (device-api.md 2.3).
type spelling struct {
	resource func(scope, registrationID string) string // signed and sent as it stands
	order    []string
	policy   *string // skn: nil leaves it out
	life     time.Duration
}

// Token is the token that the SDK sends for the device, "" when it has no key.
func (s SDK) Token(d Device) string {
	if d.Identity.Key == nil {
		return ""
	}
	return devwire.SAS{
		Resource: s.token.resource(d.Identity.Scope, d.Identity.RegistrationID), Key: d.Identity.Key,
		Expiry: d.clock().Now().Add(s.token.life), Order: s.token.order, Policy: s.token.policy,
	}.Token()
}

// registrationPolicy is the skn of most SDKs.
var registrationPolicy = "registration"

// plain is a token's resource without escapes.
func plain(scope, registrationID string) string { return scope + "/registrations/" + registrationID }

// upperHex escapes as .NET and Python do, lowerHex as the C SDK.
func upperHex(text string) string { return url.QueryEscape(text) }

func lowerHex(text string) string {
	parts := strings.Split(url.QueryEscape(text), "%")
	for i, p := range parts[1:] {
		parts[i+1] = strings.ToLower(p[:2]) + p[2:]
	}
	return strings.Join(parts, "%")
}
