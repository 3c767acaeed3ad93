package amqpserver

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/point"
)

// Options of a Server. The zero value is usable.
type Options struct {
	ContainerID string // "" means dpslab
	Points      *point.Set
	MaxFrame    uint32 // bytes of a frame from a client; 0 means 64 KiB
	MaxMessage  uint64 // bytes of a message from a client; 0 means 256 KiB
	// MaxHeld bounds the bytes of messages that a client has begun to send and that are not
	// settled and done with; 0 means 16 MiB.
	MaxHeld int
	// ChannelMax and HandleMax are the highest channel number, and handle in a session, that
	// a client may use; 0 means 8191 and 262143 (iot-hub.md 2.1). MaxLinks bounds all links
	// of a connection; 0 means 16384.
	ChannelMax uint16
	HandleMax  uint32
	MaxLinks   int
	Credit     uint32 // what a client may send on a link beyond what is settled; 0 means 100
	Window     uint32 // transfer frames that a client may send on a session before a flow; 0 means 5000
	// IdleTimeout is how long a client may send nothing; 0 means 4 minutes, less than 0 any
	// time.
	IdleTimeout time.Duration
	Timeouts    Timeouts
	// Clock times idleness, both ways. It is a socket's business: a clock that a service's
	// control moves would cut every quiet client off. nil means the machine's.
	Clock  clock.Clock
	Logger *slog.Logger
}

// Timeouts of a Server. A zero field means its default.
type Timeouts struct {
	Header time.Duration // from the start of a connection, or the end of SASL, to a protocol header; 10 s
	SASL   time.Duration // each answer of the client in SASL, for which it may ask its TPM; 30 s
	Open   time.Duration // from the protocol header to the open; 10 s
	Frame  time.Duration // from a frame's first byte to its last; 30 s
	Write  time.Duration // one frame; 10 s
	Linger time.Duration // what a client gets to answer or read the server's last words; 1 s
}

// Server runs connections for one Handler.
type Server struct {
	handler Handler
	options Options

	mu    sync.Mutex
	conns map[*Conn]struct{}
}

// New returns a server without connections.
func New(h Handler, o Options) *Server {
	defaults(&o.ContainerID, "dpslab")
	defaults(&o.MaxFrame, 64<<10)
	defaults(&o.MaxMessage, 256<<10)
	defaults(&o.MaxHeld, 16<<20)
	defaults(&o.ChannelMax, 8191)
	defaults(&o.HandleMax, 262143)
	defaults(&o.MaxLinks, 16<<10)
	defaults(&o.Credit, 100)
	defaults(&o.Window, 5000)
	defaults(&o.IdleTimeout, 4*time.Minute)
	defaults(&o.Timeouts.Header, 10*time.Second)
	defaults(&o.Timeouts.SASL, 30*time.Second)
	defaults(&o.Timeouts.Open, 10*time.Second)
	defaults(&o.Timeouts.Frame, 30*time.Second)
	defaults(&o.Timeouts.Write, 10*time.Second)
	defaults(&o.Timeouts.Linger, time.Second)
	o.MaxFrame = max(o.MaxFrame, amqp.MinMaxFrameSize)
	o.IdleTimeout = max(o.IdleTimeout, 0)
	if o.Clock == nil {
		o.Clock = clock.System()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Server{handler: h, options: o, conns: map[*Conn]struct{}{}}
}

func defaults[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Serve runs one connection and closes it. It returns when the connection and its
// goroutines have ended; the end of ctx ends it.
func (srv *Server) Serve(ctx context.Context, conn *frontdoor.Conn) {
	c := newConn(ctx, srv, conn)
	srv.mu.Lock()
	srv.conns[c] = struct{}{}
	srv.mu.Unlock()
	stop := context.AfterFunc(ctx, func() { c.Close(amqp.Errorf(amqp.ConnectionForced, "the server is closing")) })
	defer stop()

	why := c.run()
	closed := make(chan struct{})
	go func() { // beside the rest: over a WebSocket, closing waits for the client's close frame
		defer close(closed)
		c.conn.Because(why)
		c.conn.Close()
	}()
	c.finish()
	srv.mu.Lock()
	delete(srv.conns, c)
	srv.mu.Unlock()
	<-closed
	srv.options.Logger.Debug("amqp connection ended", "identity", c.Identity(), "why", why)
}

// Drop closes the connections that were identified as identity, and detaches links of
// other connections that were, because of why; nil stands for the standard's "forced". It
// returns how many there were.
func (srv *Server) Drop(identity string, why *amqp.Error) int {
	if identity == "" {
		return 0
	}
	srv.mu.Lock()
	conns := slices.Collect(maps.Keys(srv.conns))
	srv.mu.Unlock()
	dropped := 0
	for _, c := range conns {
		dropped += c.drop(identity, why)
	}
	return dropped
}
