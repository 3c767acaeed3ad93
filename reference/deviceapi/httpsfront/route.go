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

func (r route) operationURL(operationID string) string {
	return "https://" + r.host + "/" + url.PathEscape(r.scope) + "/registrations/" +
		url.PathEscape(r.registrationID) + "/operations/" + url.PathEscape(operationID)
}
