package frontdoor_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/internal/transcript"
)

const (
	dpsName = "global.azure-devices-provisioning.net"
	hubName = "hub-1.azure-devices.net"
)

var root = sync.OnceValue(func() *pki.Authority {
	a, err := pki.NewRoot("lab", pki.Options{Now: clock.System().Now()})
	if err != nil {
		panic(err)
	}
	return a
})

func serverCertificate(t *testing.T, rsa bool, names ...string) tls.Certificate {
	t.Helper()
	c, err := root().Server(names, nil, pki.Options{Now: clock.System().Now(), RSA: rsa})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func deviceCertificate(t *testing.T, name string) tls.Certificate {
	t.Helper()
	c, err := pki.SelfSigned(name, pki.Options{Now: clock.System().Now()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// open opens a door on free ports that is closed with the test.
func open(t *testing.T, o frontdoor.Options) *frontdoor.Door {
	t.Helper()
	d, err := frontdoor.Listen(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return d
}

// host is one whose every function answers with the host's name.
func host(t *testing.T, names ...string) *frontdoor.Host {
	t.Helper()
	stream := func(kind string) func(context.Context, *frontdoor.Conn) {
		return func(_ context.Context, c *frontdoor.Conn) {
			fmt.Fprintln(c, kind, names[0])
			io.Copy(c, c)
		}
	}
	return &frontdoor.Host{
		Names:       names,
		Certificate: serverCertificate(t, false, names...),
		Points:      point.NewSet(clock.System()),
		Log:         transcript.NewLog(transcript.Server, clock.System(), 1<<20),
		HTTP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintln(w, "http", names[0])
		}),
		MQTT: stream("mqtt"),
		AMQP: stream("amqp"),
	}
}

func add(t *testing.T, d *frontdoor.Door, h *frontdoor.Host) *frontdoor.Host {
	t.Helper()
	if err := d.Add(h); err != nil {
		t.Fatal(err)
	}
	return h
}

func client(name string) *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(root().Certificate)
	return &tls.Config{RootCAs: roots, ServerName: name}
}

// strange is a client that names what it likes and trusts everything.
func strange(name string) *tls.Config {
	return &tls.Config{ServerName: name, InsecureSkipVerify: true}
}

func tcp(t *testing.T, ip string, port int) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", net.JoinHostPort(ip, strconv.Itoa(port)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(clock.SocketDeadline(20 * time.Second))
	return nc
}

// dial connects and reads a byte's worth of the server's verdict, which in TLS 1.3 comes
// after the client's half of the handshake.
func dial(t *testing.T, ip string, port int, c *tls.Config) (*tls.Conn, error) {
	t.Helper()
	conn := tls.Client(tcp(t, ip, port), c)
	return conn, conn.Handshake()
}

// line is the first line that a stream server sends.
func line(t *testing.T, ip string, port int, c *tls.Config) (string, *tls.Conn) {
	t.Helper()
	conn, err := dial(t, ip, port, c)
	if err != nil {
		t.Fatal(err)
	}
	text, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(text), conn
}

// browser is an HTTP client that reaches every name at one address.
func browser(t *testing.T, ip string, port int, c *tls.Config) *http.Client {
	t.Helper()
	transport := &http.Transport{
		TLSClientConfig: c,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(ip, strconv.Itoa(port)))
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func get(t *testing.T, c *http.Client, url string) (int, string) {
	t.Helper()
	r, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, strings.TrimSpace(string(body))
}

// arm arms a plan for the whole host.
func arm(t *testing.T, h *frontdoor.Host, plan point.Plan) {
	t.Helper()
	if _, err := h.Points.Arm(point.Entry{ID: "test-defect", Build: point.Always(plan)}, point.Address{}, nil); err != nil {
		t.Fatal(err)
	}
}

// told waits for an event of that kind in the log whose summary contains text.
func told(t *testing.T, l *transcript.Log, kind, text string) transcript.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for e := range l.Follow(ctx, transcript.Filter{}) {
		if e.Kind == kind && strings.Contains(e.Summary, text) {
			return e
		}
	}
	t.Fatalf("the transcript has no %s with %q: %+v", kind, text, l.Events(transcript.Filter{}))
	return transcript.Event{}
}

// within fails the test when ch is not closed or sent to in time.
func within[T any](t *testing.T, what string, ch <-chan T) T {
	t.Helper()
	timer := clock.System().NewTimer(20 * time.Second)
	defer timer.Stop()
	select {
	case v := <-ch:
		return v
	case <-timer.C():
		t.Fatalf("%s takes too long", what)
		panic("unreachable")
	}
}
