package etag

import (
	"errors"
	"net/http"
	"slices"
	"strings"
)

// ErrInvalid is the error for an If-Match that is no list of entity tags.
var ErrInvalid = errors.New("ETag is invalid")

// maxValue bounds an If-Match; the service's own tags have 36 characters.
const maxValue = 1 << 10

// Condition is a parsed If-Match. The zero Condition is a request without the header.
type Condition struct {
	tags []string // as received, without W/ and quotes; "*" is any
}

// ParseIfMatch reads the If-Match header. Without one it returns the zero Condition; an
// empty or malformed one is ErrInvalid.
func ParseIfMatch(h http.Header) (Condition, error) {
	values := h.Values("If-Match")
	if len(values) == 0 {
		return Condition{}, nil
	}
	return Parse(strings.Join(values, ","))
}

// Parse reads the value of an If-Match, or an etag that stands in a body for one, as in
// the bulk mode updateIfMatchETag. Tags may be quoted, quoted at one end only, bare, or weak.
func Parse(value string) (Condition, error) {
	if len(value) > maxValue {
		return Condition{}, ErrInvalid
	}
	var c Condition
	for tag := range strings.SplitSeq(value, ",") {
		tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
		tag = strings.TrimSuffix(strings.TrimPrefix(tag, `"`), `"`)
		if tag == "" || strings.ContainsFunc(tag, illegal) {
			return Condition{}, ErrInvalid
		}
		c.tags = append(c.tags, tag)
	}
	return c, nil
}

// illegal reports what cannot stand inside an entity tag (RFC 9110 8.8.3).
func illegal(r rune) bool { return r <= ' ' || r == '"' || r == 0x7f }

// Given reports whether the header was there.
func (c Condition) Given() bool { return len(c.tags) > 0 }

// Any reports whether the header was "*", quoted or not.
func (c Condition) Any() bool { return slices.Contains(c.tags, "*") }

// Matches reports whether the condition holds for a record that exists and carries e. A
// condition that was not given holds.
func (c Condition) Matches(e ETag) bool {
	return !c.Given() || c.Any() || slices.Contains(c.tags, string(e)) || slices.Contains(c.tags, e.Base64())
}
