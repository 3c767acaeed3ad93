// Package controlserver is the control port: where a lab's services and hubs are made
// and removed, defects and faults armed, clocks moved, and the transcript read. It is no
// part of the protocol under test, so it has a port of its own.
//
// A request passes four gates before a route sees it: the Host header names this port
// (a page on another site that rebinds its name to us is refused), the Origin header is
// absent or ours, the bearer token is right, and the body is small. The package serves
// what belongs to the process; reference and fakehub mount the routes of what is theirs.
package controlserver

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/transcript"
)

// Options says where the control port listens and what it tells of its process.
type Options struct {
	Address     string          // host:port; empty is "127.0.0.1:0", port 0 picks a free one
	Hosts       []string        // names beside loopback that callers may use, such as a container's
	Certificate tls.Certificate // with chain
	Token       string          // what callers must present; required
	Info        func() any      // the answer to GET /v1/info, usually an Info; nil: no such route
	Log         *transcript.Log // nil: the transcript is empty
	Catalogue   []Entry         // what can be armed here
	Clock       clock.Clock     // paces the heartbeats of event streams; nil: the machine's
	Logger      *slog.Logger    // nil: silent
}

// Server is a control port that listens.
type Server struct {
	options  Options
	token    [sha256.Size]byte
	host     string // of the address that was asked for
	listener net.Listener
	mux      *http.ServeMux
	http     *http.Server
	cancel   context.CancelFunc
	served   chan struct{} // closed when the accept loop has ended
}

// Listen opens the control port and serves its own routes: /healthz, /v1/info,
// /v1/catalogue, /v1/transcript and /v1/events. Others are added by Handle at any time.
func Listen(o Options) (*Server, error) {
	if o.Token == "" {
		return nil, errors.New("the control port needs a token")
	}
	if len(o.Certificate.Certificate) == 0 {
		return nil, errors.New("the control port needs a certificate")
	}
	if o.Address == "" {
		o.Address = "127.0.0.1:0"
	}
	if o.Clock == nil {
		o.Clock = clock.System()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	host, _, err := net.SplitHostPort(o.Address)
	if err != nil {
		return nil, fmt.Errorf("the control port's address %q is not host:port", o.Address)
	}
	listener, err := net.Listen("tcp", o.Address)
	if err != nil {
		return nil, fmt.Errorf("control port %s: %w", o.Address, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{
		options: o, token: sha256.Sum256([]byte(o.Token)), host: host,
		listener: listener, mux: http.NewServeMux(), cancel: cancel, served: make(chan struct{}),
	}
	s.routes()

	var protocols http.Protocols
	protocols.SetHTTP1(true)
	s.http = &http.Server{
		Handler:           s,
		Protocols:         &protocols,
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{o.Certificate}, MinVersion: tls.VersionTLS12, Time: o.Clock.Now},
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      2 * time.Minute, // a whole transcript may be large
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context {
			return context.WithValue(ctx, serverKey{}, s)
		},
	}
	go func() {
		defer close(s.served)
		if err := s.http.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
			o.Logger.Error("the control port stopped", "error", err)
		}
	}()
	return s, nil
}

// serverKey finds the Server in a request's context.
type serverKey struct{}

// URL is where the control port answers, without a path. When it listens on every
// address, the URL names the loopback one.
func (s *Server) URL() string {
	at := s.listener.Addr().(*net.TCPAddr).AddrPort()
	ip := at.Addr().Unmap()
	if ip.IsUnspecified() {
		ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return "https://" + netip.AddrPortFrom(ip, at.Port()).String()
}

// Close ends the event streams, lets other requests finish until ctx ends, and closes
// the port.
func (s *Server) Close(ctx context.Context) error {
	s.cancel()
	err := s.http.Shutdown(ctx)
	if err != nil {
		s.http.Close()
	}
	<-s.served
	return err
}
