package devwire

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// What a device subscribes to at its hub (iot-hub.md 1.7).
const (
	TwinResponseFilter = "$iothub/twin/res/#"
	DesiredFilter      = "$iothub/twin/PATCH/properties/desired/#"
	MethodFilter       = "$iothub/methods/POST/#"
)

const (
	twinResponsePrefix = "$iothub/twin/res/"
	desiredPrefix      = "$iothub/twin/PATCH/properties/desired/?$version="
	methodPrefix       = "$iothub/methods/POST/"
)

// TwinGetTopic, ReportTopic and MethodResponseTopic are where a device publishes.
func TwinGetTopic(rid string) string { return "$iothub/twin/GET/?$rid=" + rid }
func ReportTopic(rid string) string  { return "$iothub/twin/PATCH/properties/reported/?$rid=" + rid }
func MethodResponseTopic(status int, rid string) string {
	return "$iothub/methods/res/" + strconv.Itoa(status) + "/?$rid=" + rid
}

// TelemetryTopic is the topic of a message with properties: system properties by their
// short names, such as "$.ct", and application properties by theirs. They come in the
// order of their names (iot-hub.md 1.5).
func TelemetryTopic(deviceID string, properties map[string]string) string {
	var bag []string
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		bag = append(bag, escape(name)+"="+escape(properties[name]))
	}
	return "devices/" + deviceID + "/messages/events/" + strings.Join(bag, "&")
}

// HubUsername is the user name of a device's CONNECT at its hub (iot-hub.md 1.2).
func HubUsername(host, deviceID string) string {
	return host + "/" + deviceID + "/?api-version=" + DefaultHubAPIVersion
}

// twinTopic is what a device reads from the topic of an answer about its twin:
//
//	$iothub/twin/res/{status}/?$rid={rid}[&$version={n}]
type twinTopic struct {
	status  int
	rid     string
	version int64 // 0 when the topic has none
}

func parseTwinTopic(topic string) (twinTopic, error) {
	var t twinTopic
	status, query, found := strings.Cut(strings.TrimPrefix(topic, twinResponsePrefix), "/?$rid=")
	n, err := strconv.ParseUint(status, 10, 16)
	if !found || err != nil || len(status) != 3 {
		return t, fmt.Errorf("topic %q is not %s{status}/?$rid=…", topic, twinResponsePrefix)
	}
	t.status = int(n)
	rid, version, versioned := strings.Cut(query, "&$version=")
	t.rid = rid
	if versioned {
		if t.version, err = strconv.ParseInt(version, 10, 64); err != nil {
			return t, fmt.Errorf("topic %q has a $version that is no number", topic)
		}
	}
	return t, nil
}

// parseMethodTopic reads $iothub/methods/POST/{name}/?$rid={rid}.
func parseMethodTopic(topic string) (name, rid string, ok bool) {
	rest, ok := strings.CutPrefix(topic, methodPrefix)
	if !ok {
		return "", "", false
	}
	name, rid, ok = strings.Cut(rest, "/?$rid=")
	return name, rid, ok && name != "" && rid != ""
}
