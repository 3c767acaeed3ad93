package devicefront

import (
	"errors"
	"strings"
)

// parseUsername reads {host}/{clientID}/?api-version=…, with or without the slash and the
// "?", and returns the model-id (iot-hub.md 1.2). The client id is compared, not cut out: it
// may hold a "?" itself. api-version may be any or missing, and unknown names are ignored.
func parseUsername(text, host, clientID string) (modelID string, err error) {
	if len(text) < len(host) || !strings.EqualFold(text[:len(host)], host) {
		return "", errors.New("the user name does not begin with the hub's host name")
	}
	query, ok := strings.CutPrefix(text[len(host):], "/"+clientID)
	if !ok || query != "" && query[0] != '/' && query[0] != '?' {
		return "", errors.New("the user name does not name the client id")
	}
	query = strings.TrimPrefix(query, "/")
	query = strings.TrimPrefix(query, "?") // [DPS-HUB-004]
	// Node leaves model-id unencoded, semicolons and all: only "&" separates. [DPS-HUB-005]
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if strings.ContainsAny(name, "/?") { // a module's, as in d1/m1/?api-version
			return "", errors.New("the user name goes on after the client id")
		}
		if name == "model-id" {
			modelID = unescape(value)
		}
	}
	return modelID, nil
}
