package harness

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/dpslab/dpslab/internal/controlapi"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/sut"
)

// Hub is a hub that a check may use: one of its own where the target has a control port,
// one of the target's elsewhere.
type Hub struct {
	Name             string // at the control port; "" for one of the target's
	Host             string
	Endpoint         devwire.Endpoint
	ConnectionString string
	API              *devwire.HubServiceClient // nil where its connection string is not known
	// Inside is the "host:port" where the service reaches the hub, empty where its name says.
	Inside string

	env     *Env
	control *controlapi.Client
	shared  bool
}

// Control is the control port of the hub's process, where the hub is known by its Name; nil
// for one of the target's.
func (h *Hub) Control() *controlapi.Client { return h.control }

// Hub returns a hub for this check, and at each call another one. A target without a
// control port has only its own: asking for more skips.
func (e *Env) Hub(ctx context.Context, t *T) *Hub {
	if e.Control == nil {
		known := e.knownHubs()
		n := t.nextHub()
		if n >= len(known) {
			t.Skip(fmt.Sprintf("needs %d hubs with a connection string or a hook: the target file names %d", n+1, len(known)))
		}
		return e.targetHub(t, known[n])
	}
	at := e.homes.take()
	made, err := at.control.CreateHub(ctx, controlapi.HubSpec{Name: t.Name(), Defects: e.defects(t, "fakehub")})
	t.Must(err, "make a hub")
	t.record(made.Name, func() *controlapi.Client { return at.control })
	t.Cleanup(func(ctx context.Context) { t.Must(at.control.DeleteHub(ctx, made.Name), "remove the hub") })
	return e.openHub(t, &Hub{
		Name: made.Name, Host: made.Host, Endpoint: at.endpoint(made), ConnectionString: made.ConnectionString,
		Inside: at.where.Inside, control: at.control,
	})
}

// Hubs returns n hubs.
func (e *Env) Hubs(ctx context.Context, t *T, n int) []*Hub {
	hubs := make([]*Hub, n)
	for i := range hubs {
		hubs[i] = e.Hub(ctx, t)
	}
	return hubs
}

func (t *T) nextHub() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hubs++
	return t.hubs - 1
}

func (e *Env) targetHub(t *T, h sut.Hub) *Hub {
	return e.openHub(t, &Hub{
		Host: h.Host, Endpoint: e.Target.Endpoint(h), ConnectionString: h.ConnectionString.Reveal(), shared: true,
	})
}

func (e *Env) openHub(t *T, h *Hub) *Hub {
	var err error
	if h.env = e; h.ConnectionString == "" {
		return h
	}
	h.API, err = e.Wire.HubService(h.Endpoint, h.ConnectionString)
	t.Must(err, "the hub's connection string")
	t.Cleanup(func(context.Context) { h.API.Close() })
	return h
}

// Operator is API, for a check that cannot do without; it skips where the hub has none.
func (h *Hub) Operator(t *T) *devwire.HubServiceClient {
	if h.API == nil {
		t.Skip("needs hub: this check asks the service API of " + h.Host + ", and the target file names no connection string of it")
	}
	return h.API
}

// Do sends one request to the hub's service API and returns the answer, of whatever
// status. An identity that it may make is removed when the check ends.
func (h *Hub) Do(ctx context.Context, t *T, r devwire.ServiceRequest) devwire.HTTPResponse {
	api := h.Operator(t)
	var id string
	if r.Method == http.MethodPut {
		if _, err := fmt.Sscanf(r.Path, "/devices/%s", &id); err == nil {
			if id, err = url.PathUnescape(id); err == nil {
				h.remove(t, id)
			}
		}
	}
	var answer devwire.HTTPResponse
	t.unthrottled(ctx, h.env, r.Method+" "+r.Path, func() (int, time.Duration) {
		var err error
		answer, err = api.Do(ctx, r)
		t.Answered(err, r.Method+" "+r.Path)
		return answer.Status, retryAfter(answer)
	})
	return answer
}

// Get is Do without headers.
func (h *Hub) Get(ctx context.Context, t *T, path string) devwire.HTTPResponse {
	return h.Do(ctx, t, devwire.ServiceRequest{Method: http.MethodGet, Path: path})
}

// Put, Patch and Delete without an etag send no If-Match.
func (h *Hub) Put(ctx context.Context, t *T, path string, body any, etag ...string) devwire.HTTPResponse {
	return h.Do(ctx, t, devwire.ServiceRequest{Method: http.MethodPut, Path: path, Header: ifMatch(etag), Body: body})
}

func (h *Hub) Patch(ctx context.Context, t *T, path string, body any, etag ...string) devwire.HTTPResponse {
	return h.Do(ctx, t, devwire.ServiceRequest{Method: http.MethodPatch, Path: path, Header: ifMatch(etag), Body: body})
}

func (h *Hub) Delete(ctx context.Context, t *T, path string, etag ...string) devwire.HTTPResponse {
	return h.Do(ctx, t, devwire.ServiceRequest{Method: http.MethodDelete, Path: path, Header: ifMatch(etag)})
}

// Post is Do without headers.
func (h *Hub) Post(ctx context.Context, t *T, path string, body any) devwire.HTTPResponse {
	return h.Do(ctx, t, devwire.ServiceRequest{Method: http.MethodPost, Path: path, Body: body})
}

// remove deletes an identity of a hub that outlives the check.
func (h *Hub) remove(t *T, deviceID string) {
	if !h.shared || h.API == nil {
		return
	}
	t.Cleanup(func(ctx context.Context) {
		var answer devwire.HTTPResponse
		t.unthrottled(ctx, h.env, "remove the identity "+deviceID, func() (int, time.Duration) {
			var err error
			answer, err = h.API.Do(ctx, devwire.ServiceRequest{
				Method: http.MethodDelete, Path: IdentityPath(deviceID), Header: http.Header{"If-Match": {"*"}},
			})
			t.Must(err, "remove the identity "+deviceID)
			return answer.Status, retryAfter(answer)
		})
		if answer.Status >= 300 && answer.Status != http.StatusNotFound {
			t.Must(fmt.Errorf("answered %d", answer.Status), "remove the identity "+deviceID)
		}
	})
}

// IdentityPath and TwinPath are the paths of one device at a hub.
func IdentityPath(deviceID string) string { return "/devices/" + url.PathEscape(deviceID) }
func TwinPath(deviceID string) string     { return "/twins/" + url.PathEscape(deviceID) }

// Advance moves the hub's clock ahead.
func (h *Hub) Advance(ctx context.Context, t *T, d time.Duration) {
	if h.shared {
		t.Skip("needs control: this check moves the hub's clock")
	}
	_, err := h.control.AdvanceHub(ctx, h.Name, d)
	t.Must(err, "move the hub's clock")
}

// Telemetry returns the first n messages that the hub accepted of a device, and waits for
// them for Timeouts.Delivery. Fewer is a failure.
func (h *Hub) Telemetry(ctx context.Context, t *T, deviceID string, n int) []controlapi.Telemetry {
	if h.shared {
		t.Skip("needs control: this check reads the hub's telemetry")
	}
	waiting, cancel := context.WithTimeout(ctx, h.env.Timeouts.Delivery)
	defer cancel()
	var messages []controlapi.Telemetry
	for m, err := range h.control.FollowTelemetry(waiting, h.Name, controlapi.TelemetryFilter{Device: deviceID}) {
		t.Must(err, "read the hub's telemetry")
		if messages = append(messages, m); len(messages) == n {
			return messages
		}
	}
	t.Answered(errors.New("only these are there after "+h.env.Timeouts.Delivery.String()), fmt.Sprintf("%d of %d messages of %s", len(messages), n, deviceID))
	return messages
}
