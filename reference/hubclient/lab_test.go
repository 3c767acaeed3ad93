package hubclient_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/internal/sas"
	"github.com/dpslab/dpslab/reference/hubclient"
)

const (
	host   = "hub-a.azure-devices.net"
	policy = "iothubowner"
)

var (
	noon = time.Date(2030, 1, 2, 12, 0, 0, 0, time.UTC)
	key  = []byte("0123456789abcdef")
)

// asked is a request as the hub saw it.
type asked struct {
	Method, Path, Query, Host, Body string
	Header                          http.Header
	From                            string // the client's end of the connection
}

// hub is an HTTPS server of the hub's name that answers what the test says.
type hub struct {
	*hubclient.Hub
	clock   *clock.Movable
	address string // where it listens

	mu     sync.Mutex
	asked  []asked
	answer func(asked) (status int, body string)
}

// open starts a hub and links it.
func open(t *testing.T, answer func(asked) (int, string)) *hub {
	t.Helper()
	h := &hub{clock: clock.NewMovable(clock.Frozen(noon)), answer: answer}
	root, err := pki.NewRoot("lab", pki.Options{Now: noon})
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := root.Server([]string{host}, nil, pki.Options{Now: noon})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	server.StartTLS()
	t.Cleanup(server.Close)
	h.address = server.Listener.Addr().String()
	roots := x509.NewCertPool()
	roots.AddCert(root.Certificate)
	h.Hub, err = hubclient.New(connectionString(), hubclient.Options{
		Roots: roots, Clock: h.clock,
		Address: func(name string) string {
			if name != host {
				t.Errorf("the address of %q is asked for", name)
			}
			return h.address
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

func connectionString() string {
	return "HostName=" + host + ";SharedAccessKeyName=" + policy + ";SharedAccessKey=" + base64.StdEncoding.EncodeToString(key)
}

func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	one := asked{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, r.Host, string(body), r.Header, r.RemoteAddr}
	h.mu.Lock()
	h.asked = append(h.asked, one)
	h.mu.Unlock()
	status, text := h.answer(one)
	w.Header().Set("Location", "/elsewhere")
	w.WriteHeader(status)
	io.WriteString(w, text)
}

// requests are what the hub was asked, in order.
func (h *hub) requests() []asked {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.asked
}

// always answers everything alike.
func always(status int, body string) func(asked) (int, string) {
	return func(asked) (int, string) { return status, body }
}

// token is the one that a request carried.
func token(t *testing.T, a asked) sas.Token {
	t.Helper()
	parsed, err := sas.Parse(a.Header.Get("Authorization"))
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}
