package reference_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/controlserver"
	"github.com/dpslab/dpslab/internal/pki"
)

const controlToken = "Bearer 0123456789abcdef0123456789abcdef"

// control mounts the services on a control port.
func (l *lab) control() func(method, path, body string) (int, map[string]any) {
	l.t.Helper()
	identity, err := root().Server([]string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}, pki.Options{Now: now})
	if err != nil {
		l.t.Fatal(err)
	}
	server, err := controlserver.Listen(controlserver.Options{Certificate: identity, Token: strings.TrimPrefix(controlToken, "Bearer ")})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { server.Close(context.Background()) })
	l.Mount(server)
	client := l.client(strings.TrimPrefix(server.URL(), "https://"))
	return func(method, path, body string) (int, map[string]any) {
		l.t.Helper()
		status, doc, err := do(client, method, server.URL()+path, controlToken, body)
		if err != nil {
			l.t.Fatalf("%s %s: %v", method, path, err)
		}
		return status, doc
	}
}

func TestControlMakesAndRemovesServices(t *testing.T) {
	l := newLab(t)
	hub := l.hub("hub-a")
	control := l.control()
	status, made := control("POST", "/v1/services", fmt.Sprintf(`{"name":"dps-a","allocationPolicy":"static","retryAfterSeconds":1,
		"linkedHubs":[{"connectionString":%q,"allocationWeight":7}],"defects":["missing-200"]}`, hub.ConnectionString()))
	if status != 201 || made["name"] != "dps-a" || made["idScope"] == "" || made["retryAfterSeconds"] != float64(1) ||
		fmt.Sprint(made["linkedHubs"]) != "["+hub.Host()+"]" {
		t.Fatalf("%d %v", status, made)
	}
	v, err := l.Service("dps-a")
	if err != nil {
		t.Fatal(err)
	}
	s := &service{v, t, l.client(l.shared())}
	if status, _ := s.operator("GET", "/enrollments/x", ""); status != 200 {
		t.Errorf("the defect is not armed: %d", status)
	}
	if status, shown := control("GET", "/v1/services/DPS-A", ""); status != 200 || shown["connectionString"] != v.ConnectionString() {
		t.Errorf("%d %v", status, shown)
	}
	if status, _ := control("GET", "/v1/services", ""); status != 200 {
		t.Errorf("the list is answered with %d", status)
	}
	if status, doc := control("POST", "/v1/services/dps-a/clock", `{"advanceSeconds":60}`); status != 200 {
		t.Errorf("the clock: %d %v", status, doc)
	}
	if status, doc := control("PUT", "/v1/services/dps-a/linkedHubs", `[]`); status != 200 || len(v.LinkedHubs()) != 0 {
		t.Errorf("without hubs: %d %v", status, doc)
	}
	if status, doc := control("PUT", "/v1/services/dps-a/latencies", `{"10.1.2.3/8":{"HUB-A":12.5}}`); status != 200 ||
		fmt.Sprint(doc["latencies"]) != "map[10.0.0.0/8:map[hub-a:12.5]]" {
		t.Errorf("the latencies: %d %v", status, doc)
	}
	if status, doc := control("PUT", "/v1/services/dps-a/latencies", `{}`); status != 200 || doc["latencies"] != nil {
		t.Errorf("no latencies: %d %v", status, doc)
	}
	if status, _ := control("DELETE", "/v1/services/dps-a", ""); status != 204 || len(l.Services()) != 0 {
		t.Errorf("removed with %d, %d services left", status, len(l.Services()))
	}
}

func TestControlRefuses(t *testing.T) {
	l := newLab(t)
	control := l.control()
	if status, _ := control("POST", "/v1/services", `{"name":"dps-a"}`); status != 201 {
		t.Fatalf("%d", status)
	}
	for _, c := range []struct {
		rule, method, path, body string
		status                   int
		says                     string
	}{
		{"a name that is none", "POST", "/v1/services", `{"name":"a"}`, 400, "3 to 50"},
		{"a name that is taken", "POST", "/v1/services", `{"name":"DPS-A"}`, 400, "taken"},
		{"an unknown policy", "POST", "/v1/services", `{"allocationPolicy":"random"}`, 400, "allocationPolicy"},
		{"a policy for enrollments alone", "POST", "/v1/services", `{"allocationPolicy":"custom"}`, 400, "allocationPolicy"},
		{"an unknown defect", "POST", "/v1/services", `{"defects":["put-201","none"]}`, 400, "no defect none"},
		{"a hub that cannot be linked", "POST", "/v1/services", `{"linkedHubs":[{"connectionString":"x"}]}`, 400, "linked hub"},
		{"a member that nobody knows", "POST", "/v1/services", `{"colour":"red"}`, 400, "colour"},
		{"links of a hub that cannot be linked", "PUT", "/v1/services/dps-a/linkedHubs", `[{"connectionString":"x"}]`, 400, "linked hub"},
		{"links that are no list", "PUT", "/v1/services/dps-a/linkedHubs", `{}`, 400, ""},
		{"a network that is none", "POST", "/v1/services", `{"latencies":{"10.0.0.0":{}}}`, 400, "10.0.0.0/8"},
		{"latencies from no network", "PUT", "/v1/services/dps-a/latencies", `{"10.0.0.0":{}}`, 400, "10.0.0.0/8"},
		{"a latency below nothing", "PUT", "/v1/services/dps-a/latencies", `{"10.0.0.0/8":{"hub-a":-1}}`, 400, "0 or more"},
		{"latencies at what is not there", "PUT", "/v1/services/none/latencies", `{}`, 404, "no service"},
		{"a service that is not there", "GET", "/v1/services/none", ``, 404, "no service"},
		{"removing what is not there", "DELETE", "/v1/services/none", ``, 404, "no service"},
		{"linking at what is not there", "PUT", "/v1/services/none/linkedHubs", `[]`, 404, "no service"},
		{"a clock that is not there", "POST", "/v1/services/none/clock", `{"advanceSeconds":1}`, 404, "no service"},
		{"points that are not there", "GET", "/v1/services/none/points", ``, 404, "no service"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			status, doc := control(c.method, c.path, c.body)
			if text, _ := doc["error"].(string); status != c.status || text == "" || !strings.Contains(text, c.says) {
				t.Errorf("%d %v, want %d with %q", status, doc, c.status, c.says)
			}
			if all := l.Services(); len(all) != 1 || all[0].Name() != "dps-a" {
				t.Errorf("%d services are there", len(all))
			}
		})
	}
}
