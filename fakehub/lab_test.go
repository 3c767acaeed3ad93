package fakehub_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dpslab/dpslab/fakehub"
	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/internal/sas"
	"github.com/dpslab/dpslab/internal/telemetry"
	"github.com/dpslab/dpslab/internal/transcript"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

var now = clock.System().Now()

var root = sync.OnceValue(func() *pki.Authority {
	a, err := pki.NewRoot("lab", pki.Options{Now: now})
	if err != nil {
		panic(err)
	}
	return a
})

var roots = sync.OnceValue(func() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(root().Certificate)
	return pool
})

// lab is a server with a front door of its own.
type lab struct {
	*fakehub.Server
	t    testing.TB
	door *frontdoor.Door
}

func newLab(t testing.TB) *lab {
	t.Helper()
	door, err := frontdoor.Listen(frontdoor.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := fakehub.New(fakehub.Options{
		Door: door,
		Certificate: func(names ...string) (tls.Certificate, error) {
			return root().Server(names, nil, pki.Options{Now: now})
		},
		Log: transcript.NewLog(transcript.Server, clock.System(), 1<<20),
	})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := errors.Join(server.Close(ctx), door.Close(ctx)); err != nil {
			t.Error(err)
		}
	})
	return &lab{server, t, door}
}

// hub is one hub of a lab, with what a service client does to it.
type hub struct {
	*fakehub.Hub
	t    testing.TB
	door *frontdoor.Door
	http *http.Client
}

func (l *lab) hub(spec fakehub.HubSpec) *hub {
	l.t.Helper()
	h, err := l.AddHub(spec)
	if err != nil {
		l.t.Fatal(err)
	}
	one := &hub{Hub: h, t: l.t, door: l.door}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort(h.Address(), strconv.Itoa(l.door.Ports().HTTPS)))
		},
		TLSClientConfig: &tls.Config{RootCAs: roots(), ServerName: h.Host()},
	}
	one.http = &http.Client{Transport: transport, Timeout: patience}
	l.t.Cleanup(transport.CloseIdleConnections)
	return one
}

// rest sends a request of a service client and returns status and body.
func (h *hub) rest(verb, path, body string, header ...string) (int, string) {
	h.t.Helper()
	linked, err := sas.ParseConnectionString(h.ConnectionString())
	if err != nil {
		h.t.Fatal(err)
	}
	r, err := http.NewRequest(verb, "https://"+h.Host()+path+"?api-version=2021-04-12", strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Authorization", sas.Sign(h.Host(), linked.SharedAccessKey, h.Clock().Now().Add(time.Hour), linked.SharedAccessKeyName))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := h.http.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return answer.StatusCode, string(b)
}

// must is rest with an answer in the 200s.
func (h *hub) must(verb, path, body string, header ...string) string {
	h.t.Helper()
	status, answer := h.rest(verb, path, body, header...)
	if status >= 300 {
		h.t.Fatalf("%s %s: %d %s", verb, path, status, answer)
	}
	return answer
}

var primary, secondary = bytes.Repeat([]byte("p"), 32), bytes.Repeat([]byte("s"), 32)

// enroll registers a device of type sas with both keys.
func (h *hub) enroll(id string) {
	h.t.Helper()
	h.must("PUT", "/devices/"+url.PathEscape(id), fmt.Sprintf(`{"authentication":{"symmetricKey":{"primaryKey":%q,"secondaryKey":%q}}}`,
		base64.StdEncoding.EncodeToString(primary), base64.StdEncoding.EncodeToString(secondary)))
}

// arrived waits for the nth telemetry event of the hub.
func (h *hub) arrived(nth int) telemetry.Event {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for e := range h.Telemetry().Follow(ctx, telemetry.Filter{}) {
		if e.Seq == uint64(nth) {
			return e
		}
	}
	h.t.Fatalf("event %d does not come", nth)
	return telemetry.Event{}
}

func member(t testing.TB, body, name string) string {
	t.Helper()
	var doc map[string]json.RawMessage
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return string(doc[name])
}
