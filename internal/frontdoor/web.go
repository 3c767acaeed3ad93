package frontdoor

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
)

// web is the HTTP server of the door: one net/http server for all hosts, whose listener is
// a channel of connections that are through their TLS handshake.
type web struct {
	door   *Door
	server *http.Server
	addr   net.Addr
	conns  chan *Conn
	done   chan struct{}
	once   sync.Once
}

func newWeb(d *Door, addr net.Addr) *web {
	w := &web{door: d, addr: addr, conns: make(chan *Conn), done: make(chan struct{})}
	w.server = &http.Server{
		Handler:           http.HandlerFunc(w.serveHTTP),
		ReadHeaderTimeout: d.timeouts.HeaderRead,
		ReadTimeout:       d.timeouts.Body,
		IdleTimeout:       d.timeouts.Idle,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(d.logger.Handler(), slog.LevelDebug),
		ConnContext:       connContext,
		ConnState:         connState,
		// The hosts answer "OPTIONS *" themselves, as they answer everything.
		DisableGeneralOptionsHandler: true,
	}
	return w
}

func (w *web) serve() { w.server.Serve(w) }

// take hands a connection to the server, or reports false when it is closed.
func (w *web) take(c *Conn) bool {
	select {
	case w.conns <- c:
		return true
	case <-w.done:
		return false
	}
}

func (w *web) Accept() (net.Conn, error) {
	select {
	case c := <-w.conns:
		return c, nil
	case <-w.done:
		return nil, net.ErrClosed
	}
}

func (w *web) Addr() net.Addr { return w.addr }

// Close ends the listener's half of the server.
func (w *web) Close() error {
	w.once.Do(func() { close(w.done) })
	return nil
}

func (w *web) close() {
	w.Close()
	w.server.Close()
}

func connContext(ctx context.Context, nc net.Conn) context.Context {
	c := nc.(*Conn)
	ctx, cancel := context.WithCancel(withConn(ctx, c))
	c.arrival.mu.Lock()
	defer c.arrival.mu.Unlock()
	c.arrival.cancelWeb = cancel
	return ctx
}

// connState follows a connection from request to request, so that a host that leaves can
// end it between two.
func connState(nc net.Conn, s http.ConnState) {
	a := nc.(*Conn).arrival
	a.mu.Lock()
	defer a.mu.Unlock()
	switch s {
	case http.StateActive:
		a.answering = true
	case http.StateIdle:
		a.answering = false
		if a.leaving {
			a.raw.Close()
		}
	case http.StateHijacked:
		a.hijacked = true
	case http.StateClosed:
		a.cancelWeb()
		a.end()
	}
}

func (w *web) serveHTTP(rw http.ResponseWriter, r *http.Request) {
	c := FromContext(r.Context())
	defer c.endIfHijacked()
	host := c.arrival.host
	state := c.TLS()
	r.TLS = &state // net/http sets it for a *tls.Conn only
	if c.arrival.isLeaving() {
		rw.Header().Set("Connection", "close")
	}
	if asksForWebSocket(r) {
		w.door.upgrade(rw, r, c)
		return
	}
	if host.HTTP == nil {
		http.NotFound(rw, r)
		return
	}
	host.HTTP.ServeHTTP(rw, r)
}

func (a *arrival) isLeaving() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.leaving
}

// endIfHijacked closes a connection that was taken over from the server: it ends with its
// handler.
func (c *Conn) endIfHijacked() {
	a := c.arrival
	a.mu.Lock()
	hijacked := a.hijacked
	a.mu.Unlock()
	if hijacked {
		c.Close()
		a.cancelWeb()
		a.end()
	}
}
