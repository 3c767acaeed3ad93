// Package httpapi holds what the device API and the service API have in common over HTTPS:
// what counts as JSON, what every answer's header says, and how a refusal is told.
package httpapi

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dpslab/dpslab/reference/document"
	"github.com/dpslab/dpslab/reference/problem"
)

// IsJSON reports whether a Content-Type names JSON, whatever its parameters.
func IsJSON(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && strings.EqualFold(media, "application/json")
}

// SetCommon writes what the header of every answer says.
func SetCommon(h http.Header, trackingID string) {
	h.Set("Content-Type", "application/json; charset=utf-8") // [DPS-HTTPS-010] [DPS-SVC-012] clients read JSON only where it is called JSON
	h.Set("x-ms-request-id", trackingID)
	h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
}

// SetRetryAfter asks for d, in whole seconds.
func SetRetryAfter(h http.Header, d time.Duration) {
	h.Set("Retry-After", strconv.Itoa(int(d/time.Second)))
}

// Refusal is the answer that tells a problem: its status, what its header says beside the
// common members, and the error document.
func Refusal(p *problem.Error, trackingID string, now time.Time) (status int, h http.Header, body []byte) {
	h = http.Header{}
	h.Set("x-ms-error-code", strconv.Itoa(p.Code)) // [DPS-HTTPS-030] [DPS-SVC-016]
	if p.RetryAfter > 0 {
		SetRetryAfter(h, p.RetryAfter)
	}
	return p.Class(), h, document.Problem(p, trackingID, now)
}
