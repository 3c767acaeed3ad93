package httpsfront

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/dpslab/dpslab/internal/urlpath"
	"github.com/dpslab/dpslab/reference/problem"
)

// Steps of a device over HTTPS, as points and faults name them.
const (
	stepRegister = "register"
	stepPoll     = "poll"
	stepLookup   = "lookup"

	stepIssue       = "issue"       // asks for a certificate for a server
	stepIssuing     = "issuing"     // polls that
	stepCertificate = "certificate" // fetches it
)

// route is what a path says.
type route struct {
	scope, registrationID, operationID string
	step                               string
	host                               string
}

// parseRoute reads the path. Its fixed words compare without regard to case.
func parseRoute(r *http.Request) (route, error) {
	segments := urlpath.Segments(r.URL)
	if len(segments) == 5 && strings.EqualFold(segments[1], "devices") {
		return parseDeviceRoute(r, segments)
	}
	if len(segments) < 3 || !strings.EqualFold(segments[1], "registrations") {
		return route{}, problem.ResourceNotFound()
	}
	to := route{scope: segments[0], registrationID: segments[2], host: r.Host}
	method := http.MethodPost
	switch {
	case len(segments) == 3:
		to.step = stepLookup
	case len(segments) == 4 && strings.EqualFold(segments[3], "register"):
		to.step, method = stepRegister, http.MethodPut
	case len(segments) == 5 && strings.EqualFold(segments[3], "operations"):
		to.step, method, to.operationID = stepPoll, http.MethodGet, segments[4]
	default:
		return route{}, problem.ResourceNotFound()
	}
	if r.Method != method {
		return route{}, problem.MethodNotAllowed()
	}
	return to, nil
}

// parseDeviceRoute reads the paths of certificates for servers (device-api.md 7).
func parseDeviceRoute(r *http.Request, segments []string) (route, error) {
	to := route{scope: segments[0], registrationID: segments[2], host: r.Host}
	method := http.MethodGet
	switch {
	case strings.EqualFold(segments[3], "certificates") && strings.EqualFold(segments[4], "issue"):
		to.step, method = stepIssue, http.MethodPost
	case strings.EqualFold(segments[3], "certificates"):
		to.step, to.operationID = stepCertificate, segments[4]
	case strings.EqualFold(segments[3], "operations"):
		to.step, to.operationID = stepIssuing, segments[4]
	default:
		return route{}, problem.ResourceNotFound()
	}
	if r.Method != method {
		return route{}, problem.MethodNotAllowed()
	}
	return to, nil
}

// ofServers reports whether the path is of certificates for servers.
func (r route) ofServers() bool {
	return r.step == stepIssue || r.step == stepIssuing || r.step == stepCertificate
}

// deviceURL is that of an operation or a certificate of the device.
func (r route) deviceURL(kind, id string) string {
	return "https://" + r.host + "/" + url.PathEscape(r.scope) + "/devices/" +
		url.PathEscape(r.registrationID) + "/" + kind + "/" + url.PathEscape(id)
}

func (r route) operationURL(operationID string) string {
	return "https://" + r.host + "/" + url.PathEscape(r.scope) + "/registrations/" +
		url.PathEscape(r.registrationID) + "/operations/" + url.PathEscape(operationID)
}
