// Package httpapitest lets a test reach an HTTP front as clients do: over TLS, through a
// front door of its own.
package httpapitest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/internal/transcript"
)

// patience is how long a client waits for an answer.
const patience = 20 * time.Second

// Serve puts a handler behind a door until the test ends, and returns a client that finds
// it at https://{host}/.
func Serve(t testing.TB, host string, h http.Handler) *http.Client {
	t.Helper()
	o := pki.Options{Now: clock.System().Now()}
	root, err := pki.NewRoot("lab", o)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := root.Server([]string{host}, nil, o)
	if err != nil {
		t.Fatal(err)
	}
	door, err := frontdoor.Listen(frontdoor.Options{MQTTSPort: -1, AMQPSPort: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { door.Close(context.Background()) })
	err = door.Add(&frontdoor.Host{
		Names: []string{host}, Certificate: certificate, HTTP: h, Log: transcript.NewLog(transcript.Server, clock.System(), 1<<20),
	})
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(root.Certificate)
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", strconv.Itoa(door.Ports().HTTPS)))
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

// SetHeader sets header pairs, name and value, over what is there; an empty value leaves
// the header out.
func SetHeader(h http.Header, pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
		if pairs[i+1] == "" {
			h.Del(pairs[i])
		}
	}
}
