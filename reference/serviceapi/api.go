package serviceapi

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/apiversion"
	"github.com/dpslab/dpslab/reference/document"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/httpapi"
	"github.com/dpslab/dpslab/reference/problem"
	"github.com/dpslab/dpslab/reference/quota"
	"github.com/dpslab/dpslab/reference/registration"
)

// maxBody bounds a request body in bytes: certificates make enrollments large.
const maxBody = 1 << 20

// Replying is passed before an answer is written.
var Replying = point.Define[Reply]("serviceapi.replying")

// Reply is an answer on its way out, and the request that it answers, whose body is
// Received as far as it was read.
type Reply struct {
	Request  *http.Request
	Received []byte
	Status   int
	Header   http.Header
	Body     []byte
}

// Options make an API. All fields but Quota are needed.
type Options struct {
	Name          string   // service name, in points and logs
	Hosts         []string // names that a token may be for
	Policies      []Policy
	Enrollments   enrollment.Store
	Registrations registration.Store
	Linked        func(host string) bool
	Now           func() time.Time
	Points        *point.Set
	NaiveREST     bool
	Quota         *quota.Quota // nil: none
	Logger        *slog.Logger
}

// API answers operators.
type API struct {
	o          Options
	operations map[collection]map[operation]handle
}

// New returns the API of one service.
func New(o Options) *API {
	if o.Quota == nil {
		o.Quota = quota.New(quota.Limits{}, clock.System(), o.Points)
	}
	a := &API{o: o}
	a.operations = a.operationTable()
	return a
}

// exchange is one request on its way through the API.
type exchange struct {
	*http.Request
	route    route
	at       point.At
	tracking string
	received []byte // the body, once it was read
}

func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{Request: r, tracking: document.NewTrackingID()}
	x.at = frontdoor.FromContext(r.Context()).At("")
	reply, err := a.answer(r.Context(), x)
	if err != nil {
		reply = a.refuse(r.Context(), x, err)
	}
	httpapi.SetCommon(reply.Header, x.tracking)
	reply.Request, reply.Received = r, x.received
	Replying.Hit(r.Context(), a.o.Points, x.at, reply)
	for name, values := range reply.Header {
		w.Header()[name] = values
	}
	if reply.Status != http.StatusNoContent {
		w.Header().Set("Content-Length", strconv.Itoa(len(reply.Body)))
	}
	w.WriteHeader(reply.Status)
	w.Write(reply.Body)
}

func (a *API) answer(ctx context.Context, x *exchange) (*Reply, error) {
	var err error
	if x.route, err = parseRoute(x.Request); err != nil {
		return nil, err
	}
	x.at.Step, x.at.Registration = x.route.step(x.Method), x.route.id
	if err := a.authorize(ctx, x); err != nil {
		return nil, err
	}
	if err := a.o.Quota.Operate(ctx, x.at); err != nil { // [DPS-LIMIT-003]
		return nil, err
	}
	handle, known := a.operations[x.route.collection][operation{x.Method, x.route.shape}]
	if !known {
		return nil, problem.MethodNotAllowed()
	}
	version := x.URL.Query().Get("api-version")
	optional := x.route.shape == ofCollection && a.o.NaiveREST        // who sends the naive requests knows of no versions
	if !apiversion.Service(version) && !(version == "" && optional) { // [DPS-SVC-011]
		return nil, problem.UnsupportedAPIVersion(version)
	}
	return handle(ctx, x)
}

// handle answers one operation.
type handle func(context.Context, *exchange) (*Reply, error)

// operation is a method on what a path names.
type operation struct {
	method string
	shape  shape
}

// operationTable is the table of service-api.md 1.2, and what stands beside it.
func (a *API) operationTable() map[collection]map[operation]handle {
	records := map[operation]handle{
		{http.MethodGet, ofRecord}:      a.getEnrollment,
		{http.MethodPut, ofRecord}:      a.putEnrollment,
		{http.MethodDelete, ofRecord}:   a.deleteEnrollment,
		{http.MethodPost, ofQuery}:      a.queryEnrollments,
		{http.MethodPost, ofMechanism}:  a.attestationMechanism,
		{http.MethodPost, ofCollection}: a.postCollection,
	}
	if a.o.NaiveREST {
		records[operation{http.MethodGet, ofCollection}] = a.listEnrollments
	}
	return map[collection]map[operation]handle{enrollments: records, groups: records, registrations: {
		{http.MethodGet, ofRecord}:    a.getRegistration,
		{http.MethodDelete, ofRecord}: a.deleteRegistration,
		{http.MethodPost, ofQuery}:    a.queryRegistrations,
	}}
}

func (a *API) refuse(ctx context.Context, x *exchange, err error) *Reply {
	p := problem.As(err)
	if !errors.As(err, new(*problem.Error)) {
		a.o.Logger.ErrorContext(ctx, "service request failed", "service", a.o.Name, "path", x.URL.Path, "error", err)
	}
	status, header, body := httpapi.Refusal(p, x.tracking, a.o.Now())
	return &Reply{Status: status, Header: header, Body: body}
}

// body reads the request's document, or nothing where it has none.
func (x *exchange) body() ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(x.Body, maxBody+1))
	if err != nil {
		return nil, problem.InvalidArgument("The request body could not be read.")
	}
	x.received = b
	if len(b) > maxBody {
		return nil, problem.TooLarge()
	}
	if len(b) > 0 && !httpapi.IsJSON(x.Header.Get("Content-Type")) {
		return nil, problem.UnsupportedMediaType()
	}
	return b, nil
}
