package harness

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/controlapi"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
)

// Service is a provisioning service that a check may use: one of its own where the target
// has a control port, the target's only one elsewhere.
type Service struct {
	Name             string // at the control port; "" for the target's own
	Scope            string // id scope
	Device           devwire.Endpoint
	Endpoint         devwire.Endpoint // of the service API
	ConnectionString string
	API              *devwire.ServiceClient // nil where the target has no service API
	Hubs             []*Hub                 // linked, as far as this check knows them

	env    *Env
	shared bool // the target's own: what is made in it is removed one by one
}

// ServiceOption asks for a service that is not the default one: a name of its own, one
// hub of its own linked, hashed allocation, poll after one second. Without a control port
// an option is a reason to skip.
type ServiceOption func(*serviceSpec)

type serviceSpec struct {
	controlapi.ServiceSpec
	hubs     []*Hub
	replaced bool // the default hub is not wanted
}

// WithHubs links exactly these hubs; none links none.
func WithHubs(hubs ...*Hub) ServiceOption {
	return func(s *serviceSpec) {
		s.replaced = true
		for _, h := range hubs {
			s.link(h, controlapi.LinkedHub{})
		}
	}
}

// WithHubAt links a hub as if it were at an "host:port" where it is not.
func WithHubAt(h *Hub, address string) ServiceOption {
	return func(s *serviceSpec) { s.link(h, controlapi.LinkedHub{Address: address}) }
}

// WithWeightedHub links a hub with an allocation weight.
func WithWeightedHub(h *Hub, weight int) ServiceOption {
	return func(s *serviceSpec) {
		s.link(h, controlapi.LinkedHub{AllocationWeight: &weight})
	}
}

// WithIdleHub links a hub that takes no part in allocation (applyAllocationPolicy false).
func WithIdleHub(h *Hub) ServiceOption {
	apply := false
	return func(s *serviceSpec) {
		s.link(h, controlapi.LinkedHub{ApplyAllocationPolicy: &apply})
	}
}

// WithLink links a hub by another connection string than its own.
func WithLink(h *Hub, connectionString string) ServiceOption {
	return func(s *serviceSpec) { s.link(h, controlapi.LinkedHub{ConnectionString: connectionString}) }
}

// WithAllocation sets the service's own policy: hashed, geoLatency or static.
func WithAllocation(p dps.Policy) ServiceOption {
	return func(s *serviceSpec) { s.AllocationPolicy = policyWord(p) }
}

// WithPolicy gives the service a shared access policy, with one key in both places.
func WithPolicy(name string, key []byte, rights string) ServiceOption {
	return func(s *serviceSpec) {
		s.Policies = append(s.Policies, controlapi.AccessPolicy{Name: name, PrimaryKey: key, SecondaryKey: key, Rights: rights})
	}
}

// WithRetryAfter sets what the service tells devices that are assigning.
func WithRetryAfter(seconds int) ServiceOption {
	return func(s *serviceSpec) { s.RetryAfterSeconds = &seconds }
}

// WithNaiveREST turns the naive REST extension of the service API on.
func WithNaiveREST() ServiceOption {
	return func(s *serviceSpec) { on := true; s.NaiveREST = &on }
}

// WithOwnAddress gives the service a loopback address of its own.
func WithOwnAddress() ServiceOption { return func(s *serviceSpec) { s.OwnAddress = true } }

// link completes a link with what the service needs to reach the hub.
func (s *serviceSpec) link(h *Hub, l controlapi.LinkedHub) {
	if l.ConnectionString == "" {
		l.ConnectionString = h.ConnectionString
	}
	if l.Address == "" {
		l.Address = h.Inside
	}
	s.replaced = true
	s.hubs, s.LinkedHubs = append(s.hubs, h), append(s.LinkedHubs, l)
}

// defaultRetryAfter keeps checks short; what a service tells by default is a check's own
// business (WithRetryAfter).
const defaultRetryAfter = 1

// Service returns a service for this check.
func (e *Env) Service(ctx context.Context, t *T, options ...ServiceOption) *Service {
	if e.Control == nil {
		return e.ownService(t, options)
	}
	spec := e.serviceSpec(ctx, t, options)
	if spec.OwnAddress && !e.onLoopback() {
		t.Skip(e.lacksNeed([]Need{NeedLoopback}))
	}
	spec.Name, spec.Defects = t.Name(), e.defects(t, "reference")
	made, err := e.Control.CreateService(ctx, spec.ServiceSpec)
	t.Must(err, "make a service")
	t.record(made.Name, func() *controlapi.Client { return e.Control })
	t.Cleanup(func(ctx context.Context) { t.Must(e.Control.DeleteService(ctx, made.Name), "remove the service") })
	s := &Service{
		Name: made.Name, Scope: made.IDScope, ConnectionString: made.ConnectionString, Hubs: spec.hubs, env: e,
		Device: e.serviceEndpoint(made.DeviceHost, made, spec.OwnAddress), Endpoint: e.serviceEndpoint(made.ServiceHost, made, spec.OwnAddress),
	}
	s.open(t)
	return s
}

func (e *Env) serviceSpec(ctx context.Context, t *T, options []ServiceOption) *serviceSpec {
	retryAfter := defaultRetryAfter
	spec := &serviceSpec{ServiceSpec: controlapi.ServiceSpec{RetryAfterSeconds: &retryAfter}}
	for _, o := range options {
		o(spec)
	}
	if !spec.replaced {
		WithHubs(e.Hub(ctx, t))(spec)
	}
	return spec
}

// ownService is the target's only service, which nobody can change.
func (e *Env) ownService(t *T, options []ServiceOption) *Service {
	if len(options) > 0 {
		t.Skip("needs control: this check asks for a service of its own making")
	}
	if len(e.Defects) > 0 {
		t.Must(errors.New("the target has no control port"), "arm the run's defects")
	}
	s := &Service{
		Scope: e.Target.DPS.IDScope, ConnectionString: e.Target.DPS.ServiceConnectionString.Reveal(), env: e, shared: true,
		Device: e.Target.Device(), Endpoint: e.Target.Service(),
	}
	for _, h := range e.Target.Hubs {
		if !e.unseen("hub " + h.Host) {
			s.Hubs = append(s.Hubs, e.targetHub(t, h))
		}
	}
	if s.ConnectionString != "" {
		s.open(t)
		s.unregisterOthers(t)
	}
	return s
}

func (s *Service) open(t *T) {
	var err error
	s.API, err = s.env.Wire.Service(s.Endpoint, s.ConnectionString)
	t.Must(err, "the service's connection string")
	t.Cleanup(func(context.Context) { s.API.Close() })
}

func controlled(host, address string, p controlapi.Ports) devwire.Endpoint {
	return devwire.Endpoint{Host: host, Address: address, HTTPSPort: p.HTTPS, MQTTSPort: p.MQTTS, AMQPSPort: p.AMQPS}
}

// Link replaces the hubs linked to the service, as the options of Env.Service say.
func (s *Service) Link(ctx context.Context, t *T, options ...ServiceOption) {
	s.needsControl(t)
	spec := &serviceSpec{}
	for _, o := range options {
		o(spec)
	}
	t.Must(s.env.Control.SetLinkedHubs(ctx, s.Name, spec.LinkedHubs), "link other hubs")
	s.Hubs = spec.hubs
}

// From is the service as a device sees it that has this address of its own.
func (s *Service) From(address netip.Addr) *Service {
	seen := *s
	seen.Device.From = address
	return &seen
}

// Limit replaces the limits of the service.
func (s *Service) Limit(ctx context.Context, t *T, l controlapi.Limits) {
	s.needsControl(t)
	t.Must(s.env.Control.SetLimits(ctx, s.Name, l), "set the service's limits")
}

// Advance moves the service's clock ahead.
func (s *Service) Advance(ctx context.Context, t *T, d time.Duration) {
	s.needsControl(t)
	_, err := s.env.Control.AdvanceService(ctx, s.Name, d)
	t.Must(err, "move the service's clock")
}

func (s *Service) needsControl(t *T) {
	if s.shared {
		t.Skip("needs control: this check changes the service")
	}
}

// Hub is the linked hub with that host name, nil when this check knows none of it.
func (s *Service) Hub(host string) *Hub {
	i := slices.IndexFunc(s.Hubs, func(h *Hub) bool { return strings.EqualFold(h.Host, host) })
	if i < 0 {
		return nil
	}
	return s.Hubs[i]
}

// Operator is API, for a check that cannot do without; it skips where the target has none.
func (s *Service) Operator(t *T) *devwire.ServiceClient {
	if s.API == nil {
		t.Skip("needs service-api: this check asks the service API, and the target file names no service_connection_string")
	}
	return s.API
}

// Do sends one request to the service API and returns the answer, of whatever status.
// Records that it may make are removed when the check ends.
func (s *Service) Do(ctx context.Context, t *T, r devwire.ServiceRequest) devwire.HTTPResponse {
	api := s.Operator(t)
	if r.Method == http.MethodPut || r.Method == http.MethodPost {
		s.forget(t, r)
	}
	var answer devwire.HTTPResponse
	t.unthrottled(ctx, s.env, r.Method+" "+r.Path, func() (int, time.Duration) {
		var err error
		answer, err = api.Do(ctx, r)
		t.Answered(err, r.Method+" "+r.Path)
		return answer.Status, retryAfter(answer)
	})
	return answer
}

// Get, Delete and Post are Do without headers. Post without a body sends none.
func (s *Service) Get(ctx context.Context, t *T, path string) devwire.HTTPResponse {
	return s.Do(ctx, t, devwire.ServiceRequest{Method: http.MethodGet, Path: path})
}

// Delete without an etag sends no If-Match.
func (s *Service) Delete(ctx context.Context, t *T, path string, etag ...string) devwire.HTTPResponse {
	return s.Do(ctx, t, devwire.ServiceRequest{Method: http.MethodDelete, Path: path, Header: ifMatch(etag)})
}

// Put without an etag sends no If-Match. The body is sent as JSON, bytes as they are.
func (s *Service) Put(ctx context.Context, t *T, path string, body any, etag ...string) devwire.HTTPResponse {
	return s.Do(ctx, t, devwire.ServiceRequest{Method: http.MethodPut, Path: path, Header: ifMatch(etag), Body: body})
}

func (s *Service) Post(ctx context.Context, t *T, path string, body any) devwire.HTTPResponse {
	return s.Do(ctx, t, devwire.ServiceRequest{Method: http.MethodPost, Path: path, Body: body})
}

func ifMatch(etag []string) http.Header {
	if len(etag) == 0 {
		return nil
	}
	return http.Header{"If-Match": etag[:1]}
}

// forget removes at the end what a request may make in a service that outlives the check.
func (s *Service) forget(t *T, r devwire.ServiceRequest) {
	path := strings.TrimSuffix(r.Path, "/")
	collection, id, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	record, _ := r.Body.(Members)
	for _, made := range bulkPaths(collection, record) {
		s.remove(t, made)
	}
	switch {
	case !s.shared, strings.Contains(id, "/"):
		return
	case r.Method == http.MethodPost && record["registrationId"] != nil:
		path += "/" + fmt.Sprint(record["registrationId"])
	case r.Method == http.MethodPost && record["enrollmentGroupId"] != nil:
		path += "/" + fmt.Sprint(record["enrollmentGroupId"])
	case r.Method == http.MethodPost, collection == "", id == "":
		return
	}
	s.remove(t, path)
}

// bulkPaths is where the items of a bulk operation live.
func bulkPaths(collection string, operation Members) (paths []string) {
	for list, name := range map[string]string{"enrollments": "registrationId", "enrollmentGroups": "enrollmentGroupId"} {
		items, _ := operation[list].([]Members)
		for _, item := range items {
			if id, _ := item[name].(string); id != "" {
				paths = append(paths, "/"+collection+"/"+id)
			}
		}
	}
	return paths
}

// remove deletes a record of a shared service when the check ends.
func (s *Service) remove(t *T, path string) {
	if !s.shared || s.API == nil {
		return
	}
	t.Cleanup(func(ctx context.Context) {
		var answer devwire.HTTPResponse
		t.unthrottled(ctx, s.env, "remove "+path, func() (int, time.Duration) {
			var err error
			answer, err = s.API.Do(ctx, devwire.ServiceRequest{Method: http.MethodDelete, Path: path})
			t.Must(err, "remove "+path)
			return answer.Status, retryAfter(answer)
		})
		if answer.Status >= 300 && answer.Status != http.StatusNotFound && answer.Status != http.StatusBadRequest {
			t.Must(fmt.Errorf("answered %d", answer.Status), "remove "+path)
		}
	})
}

// made does a PUT that is set-up and returns the record that it made.
func (t *T) made(put func() devwire.HTTPResponse, idMember, id, what string) (record Members) {
	t.Given(what, func() {
		answer := put()
		if answer.Status/100 != 2 {
			t.Must(fmt.Errorf("the target answered %v", answer), what)
		}
		var err error
		record, err = answer.JSON()
		t.Must(err, what)
		if named, _ := record[idMember].(string); !strings.EqualFold(named, id) {
			t.Must(fmt.Errorf("the target answered %v, in which %s is not %q", answer, idMember, id), what)
		}
	})
	return record
}

func policyWord(p dps.Policy) string {
	return map[dps.Policy]string{
		dps.PolicyHashed: "hashed", dps.PolicyGeoLatency: "geoLatency", dps.PolicyStatic: "static", dps.PolicyCustom: "custom",
	}[p]
}

func base64Of(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
