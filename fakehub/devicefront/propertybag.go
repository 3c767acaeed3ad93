package devicefront

import (
	"net/url"
	"strings"
)

// systemNames are the names that an Event-Hub-compatible endpoint gives to the system
// properties of a bag (iot-hub.md 1.5, event-hubs.md 6.2).
var systemNames = map[string]string{
	"$.mid":     "message-id",
	"$.cid":     "correlation-id",
	"$.uid":     "user-id",
	"$.to":      "to",
	"$.ct":      "content-type",
	"$.ce":      "content-encoding",
	"$.exp":     "absolute-expiry-time",
	"$.ctime":   "iothub-creation-time-utc",
	"$.on":      "iothub-outputname",
	"$.ifid":    "iothub-interface-id",
	"$.sub":     "dt-subject",
	"$.schema":  "iothub-message-schema",
	"$.diagid":  "Diagnostic-Id",
	"$.diagctx": "Correlation-Context",
}

// claimed are system properties that say who sent the message. The hub knows, so what
// the device says is left out.
var claimed = map[string]bool{"$.cdid": true, "$.cmid": true}

// parseBag decodes a property bag: pairs joined by "&", percent-encoded, a plus sign being
// a plus sign. A name without "=" has no value (nil). Names that begin with "$.", encoded
// or not, are system properties when they are known. One slash may follow the bag.
func parseBag(bag string) (properties map[string]*string, system map[string]string) {
	properties, system = map[string]*string{}, map[string]string{}
	bag = strings.TrimSuffix(bag, "/") // [DPS-HUB-015]
	if bag == "" {
		return properties, system
	}
	for pair := range strings.SplitSeq(bag, "&") {
		name, value, given := strings.Cut(pair, "=")
		name, value = unescape(name), unescape(value)
		switch {
		case name == "":
		case claimed[name]:
		case systemNames[name] != "": // [DPS-HUB-014]
			system[systemNames[name]] = value
		case given:
			properties[name] = &value
		default:
			properties[name] = nil
		}
	}
	return properties, system
}

// unescape leaves a text alone that is not percent-encoded properly.
func unescape(s string) string {
	if decoded, err := url.PathUnescape(s); err == nil {
		return decoded
	}
	return s
}
