package mqttserver

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/point"
)

// Options of a Server. The zero value is usable.
type Options struct {
	Points    *point.Set
	MaxPacket int // bytes after the fixed header; 0 means 256 KiB
	Timeouts  Timeouts
	Logger    *slog.Logger
}

// Timeouts of a Server. A zero field means its default.
type Timeouts struct {
	Connect time.Duration // from the start of a connection to its complete CONNECT; 10 s
	Packet  time.Duration // from a packet's first byte to its last; 30 s
	Write   time.Duration // one packet; 10 s
}

// Server runs sessions for one Handler. At most one session of a ClientID is open.
type Server struct {
	handler    Handler
	subscribed SubscribedHandler // nil when the handler does not care
	options    Options

	mu       sync.Mutex
	sessions map[string]*Session
}

// New returns a server without sessions.
func New(h Handler, o Options) *Server {
	if o.MaxPacket == 0 {
		o.MaxPacket = 256 << 10
	}
	if o.Timeouts.Connect == 0 {
		o.Timeouts.Connect = 10 * time.Second
	}
	if o.Timeouts.Packet == 0 {
		o.Timeouts.Packet = 30 * time.Second
	}
	if o.Timeouts.Write == 0 {
		o.Timeouts.Write = 10 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	subscribed, _ := h.(SubscribedHandler)
	return &Server{handler: h, subscribed: subscribed, options: o, sessions: map[string]*Session{}}
}

// Serve runs the session on one connection and closes the connection. It returns when the
// session and its goroutines have ended; the end of ctx ends it.
func (srv *Server) Serve(ctx context.Context, c *frontdoor.Conn) {
	s := newSession(ctx, srv, c)
	stop := context.AfterFunc(ctx, func() { s.Close("the server is closing") })
	defer stop()

	ending := s.run()
	s.Close(ending.why)
	closed := make(chan struct{})
	go func() { // beside the rest: over a WebSocket, closing waits for the client's close frame
		defer close(closed)
		c.Close()
	}()
	s.tasks.Wait()
	if ending.accepted {
		srv.handler.Closed(s, ending.will)
		srv.leave(s)
	}
	close(s.done)
	<-closed
	srv.options.Logger.Debug("mqtt session ended", "client", s.clientID, "why", ending.why)
}

// Drop closes the connection of a client and reports whether there was one.
func (srv *Server) Drop(clientID string) bool {
	srv.mu.Lock()
	s := srv.sessions[clientID]
	srv.mu.Unlock()
	if s == nil {
		return false
	}
	s.Close("dropped by the service")
	return true
}

// enter makes s the session of its ClientID. An older one is closed and waited for, so that
// its Closed is called before the newer session begins. [MQTT-3.1.4-2]
func (srv *Server) enter(s *Session) {
	if s.clientID == "" { // nobody's, when a handler accepts it
		return
	}
	srv.mu.Lock()
	older := srv.sessions[s.clientID]
	srv.sessions[s.clientID] = s
	srv.mu.Unlock()
	if older == nil || older.breach(StepConnect, TakenOver) == nil {
		return
	}
	older.Close(TakenOver)
	patience := clock.System().NewTimer(srv.options.Timeouts.Connect)
	defer patience.Stop()
	select {
	case <-older.done:
	case <-s.ctx.Done():
	case <-patience.C():
	}
}

func (srv *Server) leave(s *Session) {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if srv.sessions[s.clientID] == s {
		delete(srv.sessions, s.clientID)
	}
}
