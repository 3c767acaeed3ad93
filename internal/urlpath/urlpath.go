// Package urlpath splits the path of a request into what it names. Both servers read their
// paths by it, so that an id which a client encodes in one of them is the same id in the
// other.
package urlpath

import (
	"net/url"
	"strings"
)

// Segments splits a path at its slashes, slashes at either end aside, and percent-decodes
// each segment once: clients encode ids or send them raw, and an id may hold %2F
// (device-api.md 1.1, service-api.md 1.1, iot-hub.md 4.2).
func Segments(u *url.URL) []string {
	segments := strings.Split(strings.Trim(u.EscapedPath(), "/"), "/")
	for i, s := range segments {
		segments[i], _ = url.PathUnescape(s) // what EscapedPath returns is well encoded
	}
	return segments
}
