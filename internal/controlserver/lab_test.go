package controlserver_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/controlapi"
	"github.com/dpslab/dpslab/internal/controlserver"
	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/internal/telemetry"
	"github.com/dpslab/dpslab/internal/transcript"
)

const token = "0123456789abcdef0123456789abcdef"

// identity is one certificate for all tests: making it is most of what they cost.
var identity = sync.OnceValues(func() (tls.Certificate, *x509.CertPool) {
	now := clock.System().Now()
	root, err := pki.NewRoot("control test", pki.Options{Now: now})
	if err != nil {
		panic(err)
	}
	cert, err := root.Server([]string{"localhost", "lab"}, []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, pki.Options{Now: now})
	if err != nil {
		panic(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(root.Certificate)
	return cert, pool
})

var passed = point.Define[int]("test.passed")

var catalogue = point.Catalogue{
	{ID: "answers-500", Summary: "answers 500", Catches: []string{"DPS-X-001"},
		Build: point.Always(passed.Plan(func(_ point.Call, n *int) { *n = 500 }))},
	{ID: "waits", Summary: "waits", Params: []string{"for"},
		Build: point.Always(passed.Plan(func(point.Call, *int) {}))},
}

// lab is a control port with one service and one hub, both called "one".
type lab struct {
	*controlserver.Server
	log    *transcript.Log
	points *point.Set
	clock  *clock.Movable // of the service and the hub
	beats  *clock.Movable // paces the heartbeats
	stored *telemetry.Store
	client *controlapi.Client
}

func newLab(t *testing.T) *lab {
	t.Helper()
	cert, roots := identity()
	frozen := clock.Frozen(time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC))
	l := &lab{
		log:    transcript.NewLog(transcript.Server, frozen, 1<<20),
		clock:  clock.NewMovable(frozen),
		beats:  clock.NewMovable(clock.Frozen(clock.System().Now())),
		stored: telemetry.NewStore(frozen, 0),
	}
	l.points = point.NewSet(l.clock)
	server, err := controlserver.Listen(controlserver.Options{
		Certificate: cert, Token: token, Log: l.log, Clock: l.beats, Hosts: []string{"lab"},
		Catalogue: controlserver.Entries("reference", catalogue),
		Info:      func() any { return controlserver.Info{Version: "v0", Roles: []string{"reference"}} },
	})
	if err != nil {
		t.Fatal(err)
	}
	l.Server = server
	l.client = controlapi.New(server.URL(), token, roots)
	t.Cleanup(func() {
		l.client.Close()
		if err := server.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	for _, collection := range []string{"/v1/services", "/v1/hubs"} {
		server.HandlePoints(collection, catalogue, func(name string) (*point.Set, error) { return l.points, one(name) })
		server.HandleClock(collection, func(name string) (*clock.Movable, error) { return l.clock, one(name) })
	}
	server.HandleTelemetry("/v1/hubs", func(name string) (*telemetry.Store, error) { return l.stored, one(name) })
	return l
}

func one(name string) error {
	if name != "one" {
		return controlserver.Errorf(http.StatusNotFound, "there is no %q", name)
	}
	return nil
}

// request builds a request with the right token, to be bent by the test.
func (l *lab) request(t *testing.T, method, path, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, l.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

// raw sends it with a client that knows nothing of the control port.
func raw(t *testing.T, r *http.Request) *http.Response {
	t.Helper()
	_, roots := identity()
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	res, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close(); transport.CloseIdleConnections() })
	return res
}
