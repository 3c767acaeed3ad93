package amqpfront

import (
	"strings"
)

// address is {idScope}/registrations/{registrationId} taken apart.
type address struct{ scope, registrationID string }

// parseAddress reads the address of a link, or the user of SASL PLAIN, in any spelling that
// a client has for it (device-api.md 3.2). ok is false for what is none.
func parseAddress(s string) (a address, ok bool) { // [DPS-AMQP-009]
	if _, rest, absolute := strings.Cut(s, "://"); absolute {
		if _, s, ok = strings.Cut(rest, "/"); !ok {
			return address{}, false
		}
	}
	parts := strings.Split(strings.TrimPrefix(s, "/"), "/")
	if len(parts) != 3 || parts[0] == "" || parts[1] != "registrations" || parts[2] == "" {
		return address{}, false
	}
	return address{parts[0], parts[2]}, true
}
