package devwire_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/internal/transcript"
)

// noon is what the wires of these tests take for now, so that nothing in them depends on
// when they run.
var noon = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)

// proxied counts what reaches the proxy that the environment of every test names.
var proxied atomic.Int64

func TestMain(m *testing.M) {
	proxy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	go func() {
		for {
			c, err := proxy.Accept()
			if err != nil {
				return
			}
			proxied.Add(1)
			c.Close()
		}
	}()
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"} {
		os.Setenv(name, "http://user:proxy-secret@"+proxy.Addr().String())
	}
	os.Setenv("NO_PROXY", "")
	code := m.Run()
	proxy.Close()
	if n := proxied.Load(); n > 0 {
		fmt.Fprintf(os.Stderr, "%d connections went to the proxy of the environment\n", n)
		code = 1
	}
	os.Exit(code)
}

const (
	serviceHost = "lab.azure-devices-provisioning.net"
	hubHost     = "hub-a.azure-devices.net"
)

// lab is the certificate authority of these tests and one server's chain.
type lab struct {
	root        *pki.Authority
	certificate tls.Certificate
}

func newLab(t *testing.T) *lab {
	t.Helper()
	root, err := pki.NewRoot("test root", pki.Options{Now: noon, Permitted: pki.LabConstraints()})
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := root.Intermediate("test issuer", pki.Options{Now: noon})
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := issuer.Server([]string{serviceHost, hubHost}, nil, pki.Options{Now: noon})
	if err != nil {
		t.Fatal(err)
	}
	return &lab{root: root, certificate: certificate}
}

func (l *lab) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(l.root.Certificate)
	return p
}

// wire is a wire that believes the lab, at noon, with short waits.
func (l *lab) wire() *devwire.Wire {
	return &devwire.Wire{
		Roots: l.pool(), Clock: clock.NewMovable(clock.Frozen(noon)),
		Log:      transcript.NewLog(transcript.Client, clock.Frozen(noon), 1<<20),
		Timeouts: devwire.Timeouts{Dial: 5 * time.Second, Answer: 5 * time.Second},
	}
}

func (l *lab) tls() *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{l.certificate}, ClientAuth: tls.RequestClientCert,
		Time: func() time.Time { return noon },
	}
}

// serve accepts TLS connections and runs script on each, to its end.
func (l *lab) serve(t *testing.T, config *tls.Config, script func(c *tls.Conn)) (port int) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			c.SetDeadline(clock.SocketDeadline(10 * time.Second))
			inner := tls.Server(c, config)
			if inner.Handshake() == nil {
				script(inner)
			}
			inner.Close()
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		<-ended
	})
	return listener.Addr().(*net.TCPAddr).Port
}

// endpoint is a server on one port for every protocol.
func endpoint(host string, port int) devwire.Endpoint {
	return devwire.Endpoint{Host: host, Address: "127.0.0.1", HTTPSPort: port, MQTTSPort: port, AMQPSPort: port}
}

// soon is a context that ends a test which would hang.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithDeadline(context.Background(), clock.SocketDeadline(20*time.Second))
	t.Cleanup(cancel)
	return ctx
}

// serveHTTP serves HTTP on one connection until that is closed. A connection that handle
// took over is closed when handle returns.
func serveHTTP(c net.Conn, handle http.HandlerFunc) {
	listener := &oneListener{conn: c, closed: make(chan struct{})}
	var takenOver net.Conn
	server := http.Server{
		ConnState: func(conn net.Conn, s http.ConnState) {
			if s == http.StateHijacked {
				takenOver = conn // on handle's goroutine, within Hijack
			}
		},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			handle(w, r)
			if takenOver != nil {
				takenOver.Close()
			}
		}),
	}
	server.Serve(listener)
	<-listener.closed
}

// oneListener hands one connection to an http.Server.
type oneListener struct {
	conn   net.Conn
	taken  bool
	closed chan struct{}
}

func (l *oneListener) Accept() (net.Conn, error) {
	if l.taken {
		return nil, net.ErrClosed
	}
	l.taken = true
	return &oneConn{Conn: l.conn, closed: l.closed}, nil
}
func (l *oneListener) Close() error   { return nil }
func (l *oneListener) Addr() net.Addr { return l.conn.LocalAddr() }

// oneConn tells when it is closed.
type oneConn struct {
	net.Conn
	once   sync.Once
	closed chan struct{}
}

func (c *oneConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}
