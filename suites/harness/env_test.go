package harness_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/reports"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/dpslab/dpslab/suites/sut"
	. "github.com/onsi/gomega"
)

const key = "c2VjcmV0IHNlY3JldCBzZWNyZXQ="

// script is a control port, a service API and a hub in one, which takes whatever it is
// asked and remembers it.
type script struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
	fails string   // a request that is answered with 500
	links []string // addresses of the linked hubs that it was asked for
	// throttled is answered with 429, as often as throttles says.
	throttled string
	throttles int
	conflicts int      // so many register requests but the first are answered with 409
	states    []string // of registrations, by turns; "" is none; no turn left is the last one again
	// inside makes it tell of addresses and ports that only its network knows.
	inside bool
}

func startScript(t *testing.T) (*script, sut.Target) {
	t.Helper()
	root, err := pki.NewRoot("script", pki.Options{Now: clock.System().Now()})
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := root.Server([]string{"dps.test", "hub-1.test", "hub-2.test"}, []net.IP{net.IPv4(127, 0, 0, 1)}, pki.Options{Now: clock.System().Now()})
	if err != nil {
		t.Fatal(err)
	}
	s := &script{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(s.answer))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	s.StartTLS()
	t.Cleanup(s.Close)
	roots := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(roots, pki.PEM(root.Certificate), 0o600); err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	port, _ := strconv.Atoi(at.Port())
	ports := sut.Ports{HTTPS: port, MQTTS: port}
	return s, sut.Target{
		DPS: sut.DPS{
			Host: "dps.test", ServiceHost: "dps.test", IDScope: "0ne1", Address: "127.0.0.1", Ports: ports,
			ServiceConnectionString: "HostName=dps.test;SharedAccessKeyName=owner;SharedAccessKey=" + key,
		},
		CAFile: roots, Control: &sut.Control{URL: s.URL, Token: "token"},
		Hubs: []sut.Hub{{Host: "hub-1.test", Address: "127.0.0.1", Ports: ports, ConnectionString: "HostName=hub-1.test;SharedAccessKeyName=o;SharedAccessKey=" + key}},
	}
}

func (s *script) answer(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var record map[string]any
	json.Unmarshal(body, &record)
	what := r.Method + " " + r.URL.Path
	if list, ok := record["defects"]; ok {
		what += " armed with " + strings.Trim(strings.Join(strings.Fields(toText(list)), ","), "[]")
	}
	s.mu.Lock()
	s.asked = append(s.asked, what)
	fails := s.fails
	throttled := s.throttles > 0 && strings.HasPrefix(what, s.throttled)
	if throttled {
		s.throttles--
	}
	conflict := false
	if strings.HasSuffix(r.URL.Path, "/register") && slices.Contains(s.asked[:len(s.asked)-1], what) && s.conflicts > 0 {
		conflict = true
		s.conflicts--
	}
	var state *string
	if strings.HasPrefix(what, "GET /registrations/") && len(s.states) > 0 {
		state = &s.states[0]
		if len(s.states) > 1 {
			s.states = s.states[1:]
		}
	}
	links, _ := record["linkedHubs"].([]any)
	for _, link := range links {
		address, _ := link.(map[string]any)["address"].(string)
		s.links = append(s.links, address)
	}
	s.mu.Unlock()
	address, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	n, _ := strconv.Atoi(port)
	if s.inside {
		address, n = "192.0.2.1", 443
	}
	ports := map[string]any{"https": n, "mqtts": n}
	name, _ := record["name"].(string)
	reply := func(status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(v)
	}
	switch {
	case fails != "" && strings.HasPrefix(what, fails):
		reply(500, map[string]any{"error": "broken on purpose"})
	case throttled:
		w.Header().Set("Retry-After", "1")
		reply(429, map[string]any{"errorCode": 429001})
	case state != nil && *state == "":
		reply(404, map[string]any{"errorCode": 404201})
	case state != nil:
		reply(200, map[string]any{"status": *state, "assignedHub": "hub-1.test", "deviceId": "another"})
	case what == "GET /v1/info":
		reply(200, map[string]any{})
	case what == "GET /v1/catalogue":
		reply(200, []map[string]any{{"id": "of-the-service", "role": "reference"}, {"id": "of-the-hub", "role": "fakehub"}})
	case what == "GET /v1/transcript":
		reply(200, []map[string]any{{"side": "server", "kind": "injected", "summary": "of " + r.URL.Query().Get("service")}})
	case strings.HasPrefix(what, "POST /v1/hubs"):
		reply(201, map[string]any{"name": name, "host": "hub-1.test", "address": address, "ports": ports,
			"connectionString": "HostName=hub-1.test;SharedAccessKeyName=o;SharedAccessKey=" + key})
	case strings.HasPrefix(what, "POST /v1/services"):
		reply(201, map[string]any{"name": name, "idScope": "0ne2", "deviceHost": "dps.test", "serviceHost": "dps.test", "address": address, "ports": ports,
			"connectionString": "HostName=dps.test;SharedAccessKeyName=owner;SharedAccessKey=" + key})
	case r.Method == "DELETE":
		w.WriteHeader(204)
	case conflict:
		reply(409, map[string]any{"errorCode": 409203, "message": "Precondition failed."})
	case strings.Contains(r.URL.Path, "/operations/"):
		reply(200, map[string]any{"operationId": "5.1", "status": "assigned", "registrationState": map[string]any{
			"registrationId": "bench-1", "status": "assigned", "assignedHub": "hub-1.test", "deviceId": "bench-1", "substatus": "initialAssignment",
			"createdDateTimeUtc": "2030-01-01T00:00:00Z", "lastUpdatedDateTimeUtc": "2030-01-01T00:00:00Z", "etag": "e",
		}})
	case strings.HasSuffix(r.URL.Path, "/register"):
		reply(202, map[string]any{"operationId": "5.1", "status": "assigning"})
	default:
		reply(201, record) // a success, though not the one a service should answer
	}
}

func toText(v any) string {
	b, _ := json.Marshal(v)
	return strings.ReplaceAll(string(b), `"`, "")
}

func (s *script) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

func open(t *testing.T, target sut.Target) *harness.Env {
	t.Helper()
	env, err := harness.Open(context.Background(), target)
	if err != nil {
		t.Fatal(err)
	}
	return env
}

// shape replaces the names that a run made up, so that requests can be compared.
func shape(requests []string) []string {
	var list []string
	for _, r := range requests {
		if i := strings.Index(r, "dps-svc-001-"); i >= 0 {
			_, rest, _ := strings.Cut(r[i:], "/")
			r = r[:i] + "NAME"
			if rest != "" {
				r += "/" + rest
			}
		}
		list = append(list, r)
	}
	return list
}

func TestAServiceOfOnesOwnIsMadeArmedAndRemoved(t *testing.T) {
	s, target := startScript(t)
	env := open(t, target)
	env.Defects = []string{"of-the-hub", "of-the-service"}
	r := run(t, env, plain, func(ctx context.Context, env *harness.Env, t *harness.T) {
		service := env.Service(ctx, t)
		t.Expect(service.Scope).To(Equal("0ne2"))
		t.Expect(service.Hub("HUB-1.test")).To(BeIdenticalTo(service.Hubs[0]))
		device := service.SymmetricKeyDevice(ctx, t, harness.Members{"deviceId": "other"})
		t.Expect(device.Record["deviceId"]).To(Equal("other"))
		t.Expect(device.Try(ctx, t)).To(harness.BeAccepted())
		t.Expect(1).To(Equal(2), "so that the exchange is read")
	})
	want := []string{
		"GET /v1/info", "GET /v1/catalogue",
		"POST /v1/hubs armed with of-the-hub", "POST /v1/services armed with of-the-service",
		"PUT /enrollments/NAME", "PUT /0ne2/registrations/NAME/register",
		"GET /v1/transcript", "GET /v1/transcript",
		"DELETE /v1/services/NAME", "DELETE /v1/hubs/NAME", // the hub last: the service is linked to it
	}
	if got := shape(s.requests()); !slices.Equal(got, want) {
		t.Errorf("asked %q", got)
	}
	if r.Outcome != reports.Failed || len(r.Exchange.Injected()) != 2 {
		t.Errorf("%s %s, injected %q", r.Outcome, r.Failure, r.Exchange.Injected())
	}
	said := r.Exchange.String()
	if !strings.Contains(said, "C> PUT /0ne2/registrations/") || strings.Contains(said, key) {
		t.Errorf("the exchange is\n%s", said)
	}
}

func TestWhatIsMadeInASharedTargetIsRemoved(t *testing.T) {
	s, target := startScript(t)
	target.Control = nil
	r := run(t, open(t, target), plain, func(ctx context.Context, env *harness.Env, t *harness.T) {
		service := env.Service(ctx, t)
		service.X509Device(ctx, t)
		service.SymmetricKeyGroup(ctx, t).Device(t)
		service.Hubs[0].Device(ctx, t)
		service.Post(ctx, t, "/enrollments", harness.Members{"registrationId": "by-post"})
		service.Post(ctx, t, "/enrollmentGroups/", harness.Members{"mode": "create", "enrollmentGroups": []harness.Members{
			{"enrollmentGroupId": "by-bulk-1"}, {"enrollmentGroupId": "by-bulk-2"},
		}})
		service.Post(ctx, t, "/enrollments/query", harness.Members{"query": "*"})
		t.Expect(1).To(Equal(1))
	})
	want := []string{
		"DELETE /devices/NAME", "DELETE /devices/NAME", "DELETE /devices/NAME", "DELETE /enrollmentGroups/NAME",
		"DELETE /enrollmentGroups/by-bulk-1", "DELETE /enrollmentGroups/by-bulk-2", "DELETE /enrollments/NAME",
		"DELETE /enrollments/by-post", "DELETE /registrations/NAME", "DELETE /registrations/NAME",
	}
	var deleted []string
	for _, request := range shape(s.requests()) {
		if strings.HasPrefix(request, "DELETE") {
			deleted = append(deleted, request)
		}
	}
	slices.Sort(deleted)
	if r.Outcome != reports.Passed || !slices.Equal(deleted, want) {
		t.Errorf("%s %s, deleted %q", r.Outcome, r.Failure, deleted)
	}
}

func TestASharedTargetCannotBeChanged(t *testing.T) {
	_, target := startScript(t)
	target.Control = nil
	env := open(t, target)
	for rule, f := range map[string]func(ctx context.Context, env *harness.Env, t *harness.T){
		"an option":        func(ctx context.Context, env *harness.Env, t *harness.T) { env.Service(ctx, t, harness.WithHubs()) },
		"its clock":        func(ctx context.Context, env *harness.Env, t *harness.T) { env.Service(ctx, t).Advance(ctx, t, 1) },
		"its hubs":         func(ctx context.Context, env *harness.Env, t *harness.T) { env.Service(ctx, t).Link(ctx, t) },
		"a hub's clock":    func(ctx context.Context, env *harness.Env, t *harness.T) { env.Hub(ctx, t).Advance(ctx, t, 1) },
		"more hubs":        func(ctx context.Context, env *harness.Env, t *harness.T) { env.Hubs(ctx, t, 2) },
		"a hub's messages": func(ctx context.Context, env *harness.Env, t *harness.T) { env.Hub(ctx, t).Telemetry(ctx, t, "d", 1) },
	} {
		if r := run(t, env, plain, f); r.Outcome != reports.Skipped || !strings.Contains(r.Reason, "needs") {
			t.Errorf("%s: %s %s", rule, r.Outcome, r.Reason)
		}
	}
}

func TestDefectsNeedALabThatKnowsThem(t *testing.T) {
	_, target := startScript(t)
	makes := func(ctx context.Context, env *harness.Env, t *harness.T) {
		env.Service(ctx, t)
		t.Expect(1).To(Equal(1))
	}
	env := open(t, target)
	env.Defects = []string{"of-nobody"}
	if r := run(t, env, plain, makes); r.Outcome != reports.Error || !strings.Contains(r.Failure, "of-nobody") {
		t.Errorf("unknown: %s %s", r.Outcome, r.Failure)
	}
	target.Control = nil
	env = open(t, target)
	env.Defects = []string{"of-the-service"}
	if r := run(t, env, plain, makes); r.Outcome != reports.Error || !strings.Contains(r.Failure, "no control port") {
		t.Errorf("without control: %s %s", r.Outcome, r.Failure)
	}
}

func TestBrokenSetUpAndCleanUpAreErrors(t *testing.T) {
	for _, fails := range []string{"POST /v1/services", "PUT /enrollments/", "DELETE /v1/services/", "DELETE /v1/hubs/"} {
		s, target := startScript(t)
		s.fails = fails
		r := run(t, open(t, target), plain, func(ctx context.Context, env *harness.Env, t *harness.T) {
			env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
			t.Expect(1).To(Equal(1))
		})
		if r.Outcome != reports.Error || !strings.Contains(r.Failure, "broken on purpose") {
			t.Errorf("%s: %s %s", fails, r.Outcome, r.Failure)
		}
	}
}

// A closed port, which every check must report as an error and none as a pass or a failure
// of the target.
func TestADeadTargetIsAnError(t *testing.T) {
	s, target := startScript(t)
	target.Control = nil
	s.Close()
	env := open(t, target)
	for rule, f := range map[string]func(ctx context.Context, env *harness.Env, t *harness.T){
		"set-up": func(ctx context.Context, env *harness.Env, t *harness.T) {
			env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		},
		"a device over https": func(ctx context.Context, env *harness.Env, t *harness.T) {
			d := harness.Device{Service: env.Service(ctx, t), Identity: devwire.Identity{Scope: "0ne1", RegistrationID: "d"}}
			t.Expect(d.Try(ctx, t)).NotTo(harness.BeAccepted())
		},
		"packets": func(ctx context.Context, env *harness.Env, t *harness.T) {
			env.Packets(ctx, t, env.Target.Device(), devwire.DialOptions{}).ExpectClosed(ctx)
		},
	} {
		if r := run(t, env, plain, f); r.Outcome != reports.Error {
			t.Errorf("%s: %s %s", rule, r.Outcome, r.Failure)
		}
	}
	target.Control = &sut.Control{URL: s.URL, Token: "token"}
	if _, err := harness.Open(context.Background(), target); err == nil || !strings.Contains(err.Error(), "control port") {
		t.Errorf("opened: %v", err)
	}
}

func TestOverMQTTAScriptThatSpeaksHTTPIsNoRefusal(t *testing.T) {
	_, target := startScript(t)
	cases, err := harness.Cases([]harness.Check{{
		Requirement: "DPS-SAS-009", Title: "x", Transports: harness.Over(dps.MQTT),
		Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
			t.Expect(env.Service(ctx, t).SymmetricKeyDevice(ctx, t).Try(ctx, t)).To(harness.BeRefused())
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	env := open(t, target)
	env.Timeouts.Answer = 200 * time.Millisecond
	if r := cases[0].Run(context.Background(), env); r.Outcome != reports.Failed || !strings.Contains(r.Failure, "be refused with 401") {
		t.Errorf("%s %s", r.Outcome, r.Failure)
	}
}
