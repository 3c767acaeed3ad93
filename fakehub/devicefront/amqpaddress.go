package devicefront

import (
	"net/url"
	"strings"

	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
)

// Properties of a link (iot-hub.md 2.3).
const (
	channelCorrelation = "com.microsoft:channel-correlation-id"
	modelIDProperty    = "com.microsoft:model-id"
)

// purpose is what a link of a device is for.
type purpose uint8

const (
	forNothing purpose = iota
	forTelemetry
	forCloudToDevice
	forMethods
	forTwin
)

// purposes are the ends of addresses, in lower case.
var purposes = map[string]purpose{
	"messages/events": forTelemetry, "messages/devicebound": forCloudToDevice, "methods/devicebound": forMethods, "twin": forTwin,
}

// parseAmqpAddress takes apart /devices/{deviceId}/{what}, with or without a scheme and an
// authority before it. Its fixed words compare without regard to case.
func parseAmqpAddress(address string) (deviceID string, to purpose) {
	path := withoutAuthority(address)
	rest, ok := cutPrefixFold(strings.TrimPrefix(path, "/"), "devices/")
	if !ok {
		return "", forNothing
	}
	id, what, _ := strings.Cut(rest, "/")
	return unescape(id), purposes[strings.ToLower(what)]
}

// parseAudience reads whose token is put at $cbs: {host}/devices/{deviceId}, escaped or not,
// with or without a scheme (iot-hub.md 2.2).
func parseAudience(audience, host string) (deviceID string, ok bool) {
	if !strings.Contains(audience, "/") {
		audience = unescape(audience)
	}
	if _, rest, absolute := strings.Cut(audience, "://"); absolute {
		audience = rest
	}
	rest, ok := cutPrefixFold(audience, host+"/devices/")
	id := unescape(rest)
	return id, ok && id != "" && !strings.Contains(rest, "/")
}

// withoutAuthority is the path of an absolute address; any other is one already.
func withoutAuthority(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return address
	}
	return u.EscapedPath()
}

func cutPrefixFold(s, prefix string) (rest string, ok bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

func noSuchAddress(address string) *amqp.Error {
	return amqp.Errorf(amqp.NotFound, "the hub has nothing at %.200q", address)
}
