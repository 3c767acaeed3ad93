package mqttserver

import (
	"bufio"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/point"
)

// Session is one client's connection, from its CONNECT to its end.
type Session struct {
	// Value is the handler's own state. The engine does not look at it.
	Value any

	server   *Server
	conn     *frontdoor.Conn
	in       reader
	clientID string
	ctx      context.Context // ends with the session
	cancel   context.CancelFunc
	done     chan struct{} // closed after Handler.Closed
	tasks    sync.WaitGroup

	writing sync.Mutex // one packet at a time
	held    []uint16   // PUBACKs that a fault holds back; guarded by writing

	mu        sync.Mutex
	closed    bool
	connected bool          // the CONNACK was sent, and what was postponed until then is done
	waiting   []func()      // postponed
	running   chan struct{} // a place per goroutine of Go; made at the first
	lastID    uint16
	unacked   map[uint16]struct{} // packet ids of QoS 1 messages without a PUBACK
}

// readAhead is the size of a session's read buffer. Larger packets are read around it.
const readAhead = 1 << 10

func newSession(ctx context.Context, srv *Server, c *frontdoor.Conn) *Session {
	s := &Session{server: srv, conn: c, done: make(chan struct{})}
	s.in = reader{from: bufio.NewReaderSize(c, readAhead), max: srv.options.MaxPacket}
	s.ctx, s.cancel = context.WithCancel(ctx)
	return s
}

// ClientID is the client's, from its CONNECT.
func (s *Session) ClientID() string { return s.clientID }

// Conn is the connection under the session.
func (s *Session) Conn() *frontdoor.Conn { return s.conn }

// At describes the session to a point; its registration is the ClientID.
func (s *Session) At(step string) point.At {
	at := s.conn.At(step)
	at.Registration = s.clientID
	return at
}

// maxTasks bounds the goroutines of one session.
const maxTasks = 32

// Go runs f in a goroutine of the session, whose context ends with the session and which
// Serve waits for. At most 32 run at once; then Go waits for a place, and with it the reader.
// Before the CONNACK f is kept until that is sent; after the session's end it is not run.
func (s *Session) Go(f func(ctx context.Context)) {
	if !s.postponed(func() { s.start(f) }) {
		s.start(f)
	}
}

func (s *Session) start(f func(ctx context.Context)) {
	s.mu.Lock()
	if s.running == nil {
		s.running = make(chan struct{}, maxTasks)
	}
	places := s.running
	s.mu.Unlock()
	select {
	case places <- struct{}{}:
	case <-s.ctx.Done():
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed { // Serve may be past waiting
		return
	}
	s.tasks.Go(func() {
		defer func() { <-places }()
		f(s.ctx)
	})
}

// postponed keeps f until the CONNACK is sent, or reports false when that has been done:
// the CONNACK is the first packet that a client sees. [MQTT-3.2.0-1]
func (s *Session) postponed(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.connected || s.closed {
		return false
	}
	s.waiting = append(s.waiting, f)
	return true
}

// begin, once the CONNACK is sent, does what was postponed, in order, and marks the session
// as connected when nothing of it is left.
func (s *Session) begin() {
	for {
		s.mu.Lock()
		waiting := s.waiting
		s.waiting = nil
		s.connected = len(waiting) == 0
		s.mu.Unlock()
		if len(waiting) == 0 {
			return
		}
		for _, f := range waiting {
			f()
		}
	}
}

// ErrClosed is the error of a Session that has ended.
var ErrClosed = errors.New("the mqtt session has ended")

// longAgo as a deadline makes pending reads and writes return.
var longAgo = time.Unix(1, 0)

// Close ends the session; why is for the transcript and must hold no secret. It does not
// wait: the reader closes the connection, calls Handler.Closed and returns from Serve.
func (s *Session) Close(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	s.conn.Because(why)
	s.cancel()
	s.conn.SetDeadline(longAgo)
}

// readBy sets the time for what is read next; 0 is any time. On a session that was closed
// it does nothing, so that the deadline that wakes the reader stands.
func (s *Session) readBy(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
	case d == 0:
		s.conn.SetReadDeadline(time.Time{})
	default:
		s.conn.SetReadDeadline(clock.SocketDeadline(d))
	}
}

// writeBy sets the time for the next write, or reports that the session has ended.
func (s *Session) writeBy(d time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	s.conn.SetWriteDeadline(clock.SocketDeadline(d))
	return nil
}
