package devicefront

import (
	"strconv"
	"strings"
)

// What the hub publishes (iot-hub.md 1.8 and 1.9). Parsers of the SDKs depend on the "/?"
// and on the order of what follows it.
func twinResponse(status int, rid string) string {
	return "$iothub/twin/res/" + strconv.Itoa(status) + "/?$rid=" + rid
}

func reportedResponse(rid string, version int64) string {
	return twinResponse(204, rid) + "&$version=" + strconv.FormatInt(version, 10)
}

func desiredTopic(version int64) string {
	return "$iothub/twin/PATCH/properties/desired/?$version=" + strconv.FormatInt(version, 10)
}

// methodTopic has the rid as its only argument. [DPS-HUB-034] [DPS-HUB-035]
func methodTopic(name, rid string) string {
	return "$iothub/methods/POST/" + name + "/?$rid=" + rid
}

// What a device publishes on $iothub, before the arguments.
const (
	twinGet      = "$iothub/twin/GET"
	twinReport   = "$iothub/twin/PATCH/properties/reported"
	methodAnswer = "$iothub/methods/res/"
)

// arguments takes the "/?name=value&…" off a topic. Values stay as they are: an echo must
// be byte for byte.
func arguments(topic string) (path string, values map[string]string) {
	path, query, _ := strings.Cut(topic, "/?")
	values = map[string]string{}
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		values[name] = value
	}
	return path, values
}

// eventsOf is the topic of a device's telemetry, without the slash before the bag.
func eventsOf(deviceID string) string { return "devices/" + deviceID + "/messages/events" }

// telemetryBag returns the property bag of a telemetry topic and whether it is one.
func telemetryBag(topic, deviceID string) (bag string, ok bool) {
	rest, ok := strings.CutPrefix(topic, eventsOf(deviceID))
	if !ok || rest != "" && rest[0] != '/' {
		return "", false
	}
	return strings.TrimPrefix(rest, "/"), true
}
