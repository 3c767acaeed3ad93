package frontdoor

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/internal/transcript"
)

// Host is one service or hub behind the door.
type Host struct {
	Names       []string                           // TLS and HTTP names; the first is the name in transcripts when Service is ""
	Service     string                             // the service's or hub's name
	Default     bool                               // takes connections without SNI or with an unknown name on the shared addresses
	Address     string                             // own IP ("127.3.4.5"): its listeners serve this host whatever the SNI
	Certificate tls.Certificate                    // with chain
	Clock       clock.Clock                        // the time of the TLS stack; nil: the system's
	Points      *point.Set                         // nil: nothing can be armed
	Log         *transcript.Log                    // nil: not recorded
	HTTP        http.Handler                       // every request on the HTTPS port but WebSocket upgrades; nil: 404
	MQTT        func(ctx context.Context, c *Conn) // one MQTT byte stream, from the MQTTS port or subprotocol mqtt; returns when done
	AMQP        func(ctx context.Context, c *Conn) // likewise for AMQP; nil: the port closes the connection, the subprotocol is refused
}

// hosted is a Host that was added, with its connections.
type hosted struct {
	*Host
	door      *Door
	name      string
	names     []string
	address   netip.Addr // invalid without an own address
	web       *tls.Config
	stream    *tls.Config
	listeners []net.Listener

	mu       sync.Mutex
	arrivals map[*arrival]struct{}
	leaving  bool
	gone     chan struct{} // closed when leaving and the last arrival has left
}

func newHosted(d *Door, h *Host) (*hosted, error) {
	if len(h.Names) == 0 {
		return nil, errors.New("a host needs at least one name")
	}
	if len(h.Certificate.Certificate) == 0 {
		return nil, fmt.Errorf("host %q has no certificate", h.Names[0])
	}
	one := &hosted{Host: h, door: d, name: h.Service, arrivals: map[*arrival]struct{}{}, gone: make(chan struct{})}
	for _, name := range h.Names {
		one.names = append(one.names, strings.ToLower(name))
	}
	if one.name == "" {
		one.name = one.names[0]
	}
	if h.Address != "" {
		ip, err := netip.ParseAddr(h.Address)
		if err != nil {
			return nil, fmt.Errorf("host %q: address %q is no IP address; give one such as 127.3.4.5", h.Names[0], h.Address)
		}
		one.address = ip
	}
	one.stream = one.tlsConfig()
	one.web = one.stream.Clone()
	// Only here: a client that offers another protocol on the MQTTS or AMQPS port must
	// still connect, and a server with a list refuses what is not on it.
	one.web.NextProtos = []string{"http/1.1"}
	return one, nil
}

// cipherSuites are the documented ones that Go has (device-api.md 6); of AES-256-CBC it
// has the SHA-1 forms only. TLS 1.3 has its own.
var cipherSuites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
}

func (h *hosted) tlsConfig() *tls.Config {
	now := clock.System().Now
	if h.Clock != nil {
		now = h.Clock.Now
	}
	c := &tls.Config{
		Certificates: []tls.Certificate{h.Certificate},
		ClientAuth:   tls.RequestClientCert, // [DPS-X509-001] [DPS-HUB-002]
		MinVersion:   tls.VersionTLS12,      // [DPS-SEC-001]
		CipherSuites: cipherSuites,          // [DPS-SEC-002] [DPS-SEC-003]
		Time:         now,
	}
	// Without keys of its own a config that GetConfigForClient returns shares those of
	// the greeting, and a ticket of one host would open a session at another.
	var key [32]byte
	rand.Read(key[:])
	c.SetSessionTicketKeys([][32]byte{key})
	return c
}

// config is the host's TLS configuration for a port, bent as the point said.
func (h *hosted) config(p protocol, bent Hello) *tls.Config {
	c := h.stream
	if p == https {
		c = h.web
	}
	if bent.Certificate == nil && !bent.RequireClientCert && bent.Config == nil {
		return c
	}
	c = c.Clone()
	// A resumed session shows no certificate and asks for none.
	c.SessionTicketsDisabled = true
	if bent.Certificate != nil {
		c.Certificates = []tls.Certificate{*bent.Certificate}
	}
	if bent.RequireClientCert {
		c.ClientAuth = tls.RequireAnyClientCert
	}
	if bent.Config != nil {
		bent.Config(c)
	}
	return c
}

// enter counts an arrival as the host's, or reports false when the host is leaving.
func (h *hosted) enter(a *arrival) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.leaving {
		return false
	}
	h.arrivals[a] = struct{}{}
	return true
}

func (h *hosted) leave(a *arrival) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, here := h.arrivals[a]; !here {
		return
	}
	delete(h.arrivals, a)
	if h.leaving && len(h.arrivals) == 0 {
		close(h.gone)
	}
}

// shutdown asks every connection to end, cuts those that do not, and waits for all.
func (h *hosted) shutdown(ctx context.Context) error {
	h.mu.Lock()
	if !h.leaving {
		h.leaving = true
		if len(h.arrivals) == 0 {
			close(h.gone)
		}
	}
	h.mu.Unlock()

	h.each((*arrival).askToEnd)
	if h.emptied(ctx) {
		return nil
	}
	h.each((*arrival).cut)
	if h.emptied(ctx) {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return fmt.Errorf("host %s: %d connections do not end; a handler ignores its context", h.name, len(h.arrivals))
}

func (h *hosted) each(f func(*arrival)) {
	h.mu.Lock()
	all := make([]*arrival, 0, len(h.arrivals))
	for a := range h.arrivals {
		all = append(all, a)
	}
	h.mu.Unlock()
	for _, a := range all {
		f(a)
	}
}

// emptied waits for the last connection, for as long as Timeouts.Shutdown and ctx allow.
func (h *hosted) emptied(ctx context.Context) bool {
	grace := clock.System().NewTimer(h.door.timeouts.Shutdown)
	defer grace.Stop()
	select {
	case <-h.gone:
		return true
	case <-grace.C():
	case <-ctx.Done():
	}
	return false
}
