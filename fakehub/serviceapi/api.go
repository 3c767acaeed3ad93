package serviceapi

import (
	"context"
	"log/slog"
	"net/http"
	"strings"

	"github.com/dpslab/dpslab/fakehub/huberror"
	"github.com/dpslab/dpslab/fakehub/method"
	"github.com/dpslab/dpslab/fakehub/registry"
	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/internal/urlpath"
)

// Options make the API of one hub. Host, Registry, Methods and Keys are required.
type Options struct {
	Host     string
	Registry *registry.Registry
	Methods  *method.Exchange
	Keys     [2][]byte // of the policy iothubowner, primary and secondary
	Clock    clock.Clock
	Points   *point.Set
	Logger   *slog.Logger
}

// API answers the requests of service clients.
type API struct {
	Options
}

// New returns the API as an http.Handler.
func New(o Options) *API {
	if o.Clock == nil {
		o.Clock = clock.System()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Host = strings.ToLower(o.Host)
	return &API{o}
}

// request is one request with the parts of its path.
type request struct {
	*http.Request
	api      *API
	segments []string // decoded
	deviceID string   // "" for a request that names none
	step     string   // for points: the method and the kind of resource, as in "put device"
}

// ServeHTTP answers one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := &request{Request: r, api: a}
	answer, err := q.serve()
	if err != nil {
		answer = a.refusal(err)
	}
	a.write(w, q, answer)
}

func (q *request) serve() (reply, error) {
	q.segments = urlpath.Segments(q.URL)
	route, err := q.route()
	if err != nil {
		return reply{}, err
	}
	if err := q.authorize(); err != nil {
		return reply{}, err
	}
	if err := q.checkVersion(); err != nil {
		return reply{}, err
	}
	return route(q)
}

// route finds what answers the request and notes the device it is about.
func (q *request) route() (func(*request) (reply, error), error) {
	var kind string
	var methods map[string]func(*request) (reply, error)
	switch s := q.segments; {
	case len(s) == 1 && s[0] == "devices":
		kind, methods = "devices", map[string]func(*request) (reply, error){"GET": list, "POST": bulk}
	case len(s) == 2 && s[0] == "devices" && s[1] == "query" && q.Method == http.MethodPost:
		kind, methods = "query", map[string]func(*request) (reply, error){"POST": runQuery}
	case len(s) == 2 && s[0] == "devices":
		q.deviceID = s[1]
		kind, methods = "device", map[string]func(*request) (reply, error){"GET": get, "PUT": put, "DELETE": remove}
	case len(s) == 2 && s[0] == "twins":
		q.deviceID = s[1]
		kind, methods = "twin", map[string]func(*request) (reply, error){"GET": getTwin, "PATCH": patchTwin, "PUT": replaceTwin}
	case len(s) == 3 && s[0] == "twins" && s[2] == "methods":
		q.deviceID = s[1]
		kind, methods = "method", map[string]func(*request) (reply, error){"POST": invoke}
	case len(s) == 2 && s[0] == "statistics" && (s[1] == "devices" || s[1] == "service"):
		kind, methods = "statistics", map[string]func(*request) (reply, error){"GET": statistics}
	default:
		return nil, huberror.New(huberror.GenericNotFound, "there is nothing at %.200q", q.URL.Path)
	}
	q.step = strings.ToLower(q.Method) + " " + kind
	if h := methods[q.Method]; h != nil {
		return h, nil
	}
	return nil, huberror.New(huberror.MethodNotAllowed, "%.20q does not go with %.200q", q.Method, q.URL.Path)
}

// at describes the request to a point.
func (q *request) at(ctx context.Context) point.At {
	at := point.At{Step: q.step}
	if c := frontdoor.FromContext(ctx); c != nil {
		at = c.At(q.step)
	}
	at.Registration = q.deviceID
	return at
}
