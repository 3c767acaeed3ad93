package amqpserver

import (
	"bufio"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/point"
)

// Conn is one client's connection.
type Conn struct {
	// Value is the handler's own state. The engine does not look at it.
	Value any

	server *Server
	conn   *frontdoor.Conn
	in     *bufio.Reader
	at     point.At
	ctx    context.Context // ends with the connection
	cancel context.CancelFunc
	tasks  sync.WaitGroup
	words  sync.WaitGroup // the last ones: a close being written

	// Known once SASL and open are done, and not changed any more.
	mechanism  amqp.Symbol
	limits     Limits
	maxFrame   uint32 // the client's
	channelMax uint16 // likewise
	quiet      time.Duration
	accepted   bool // Handler.Closed is due

	born                time.Time    // on the server's clock
	lastRead, lastWrite atomic.Int64 // nanoseconds after that

	// Where both locks are held, writing was taken first.
	writing sync.Mutex
	opened  bool           // the open was sent, and may be followed by a close
	silent  bool           // nothing is sent any more
	late    []lateSettling // held back by a fault

	mu       sync.Mutex
	identity string
	closing  bool // ends; nothing new is begun
	ended    bool // the reader is done, and nothing more is said
	running  int  // goroutines of Go
	sessions map[uint16]*session
	links    int
	held     int // bytes of messages
	timer    clock.Timer
}

// readAhead is the size of a connection's read buffer. Larger frames are read around it.
const readAhead = 512

func newConn(ctx context.Context, srv *Server, conn *frontdoor.Conn) *Conn {
	c := &Conn{server: srv, conn: conn, in: bufio.NewReaderSize(conn, readAhead), at: conn.At(""), maxFrame: amqp.MinMaxFrameSize, born: srv.options.Clock.Now()}
	c.limits.MaxFrame = maxSASLFrame
	c.ctx, c.cancel = context.WithCancel(ctx)
	return c
}

// Conn is the connection under it, with the client's certificate.
func (c *Conn) Conn() *frontdoor.Conn { return c.conn }

// Mechanism is the SASL mechanism by which the client was authenticated; "" when it did
// without SASL.
func (c *Conn) Mechanism() amqp.Symbol { return c.mechanism }

// Identify says who the client is: for Server.Drop, for points and for the transcript. A
// connection that speaks for several is left without; their links are identified.
func (c *Conn) Identify(identity string) {
	c.mu.Lock()
	c.identity = identity
	c.mu.Unlock()
	c.conn.Transcript().Registration(identity)
}

// Identity is what Identify was last told.
func (c *Conn) Identity() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.identity
}

// At describes the connection to a point; its registration is the identity.
func (c *Conn) At(step string) point.At {
	at := c.at
	at.Step, at.Registration = step, c.Identity()
	return at
}

func (c *Conn) points() *point.Set { return c.server.options.Points }

// maxTasks bounds the goroutines of one connection. A client that reaches it has given the
// credit for none of so many answers.
const maxTasks = 4096

// Go runs f in a goroutine of the connection, whose context ends with it and which Serve
// waits for. After the connection's end it is not run. More than 4096 at once end the
// connection.
func (c *Conn) Go(f func(ctx context.Context)) {
	c.mu.Lock()
	crowded := c.running == maxTasks
	c.mu.Unlock()
	if crowded {
		c.Close(amqp.Errorf(amqp.ResourceLimitExceeded, "%d requests are without an answer", maxTasks))
	}
	if c.enter() {
		go func() {
			defer c.leave()
			f(c.ctx)
		}()
	}
}

// enter lets a goroutine in, which finish then waits for; not when the connection ends.
func (c *Conn) enter() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return false
	}
	c.running++
	c.tasks.Add(1)
	return true
}

func (c *Conn) leave() {
	c.mu.Lock()
	c.running--
	c.mu.Unlock()
	c.tasks.Done()
}

// ErrClosed is the error of a connection that has ended.
var ErrClosed = errors.New("the amqp connection has ended")

// longAgo as a deadline makes pending reads and writes return.
var longAgo = time.Unix(1, 0)

// Close ends the connection with a close frame; err, which may be nil, is for the client
// and for the transcript. It does not wait: the client gets Timeouts.Linger to answer, and
// the connection's own goroutines end.
func (c *Conn) Close(err *amqp.Error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return
	}
	c.closing = true
	if err != nil {
		c.conn.Because(err.Error())
	}
	c.cancel()
	if c.ended {
		return
	}
	c.conn.SetWriteDeadline(clock.SocketDeadline(c.server.options.Timeouts.Linger)) // for a write that is stuck, too
	c.words.Go(func() {
		patience := longAgo
		if c.sayClose(err) {
			patience = clock.SocketDeadline(c.server.options.Timeouts.Linger)
		}
		c.conn.SetReadDeadline(patience)
	})
}

// abandon ends the connection without a word: half a frame may be out.
func (c *Conn) abandon(why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closing = true
	c.conn.Because(why)
	c.cancel()
	c.conn.SetDeadline(longAgo)
}

func (c *Conn) drop(identity string, why *amqp.Error) (dropped int) {
	c.mu.Lock()
	whole := c.identity == identity && !c.closing
	var links []*Link
	for _, s := range c.sessions {
		for _, l := range s.links {
			if !whole && l.identity == identity && l.state != linkDetached {
				links = append(links, l)
			}
		}
	}
	c.mu.Unlock()
	if whole {
		if why == nil {
			why = amqp.Errorf(amqp.ConnectionForced, "dropped by the service")
		}
		c.Close(why)
		return 1
	}
	if why == nil {
		why = amqp.Errorf(amqp.DetachForced, "dropped by the service")
	}
	for _, l := range links {
		l.Detach(why)
	}
	return len(links)
}

// finish ends what the connection has begun.
func (c *Conn) finish() {
	c.mu.Lock()
	c.closing = true
	if c.timer != nil {
		c.timer.Stop()
	}
	sessions := c.sessions
	c.sessions = nil
	c.mu.Unlock()
	c.cancel()
	for _, s := range sessions {
		s.over()
	}
	c.tasks.Wait()
	if c.accepted {
		c.server.handler.Closed(c)
	}
}

// readBy sets the time for what is read next; 0 is any time. On a connection that closes
// it does nothing, so that the deadline that wakes the reader stands.
func (c *Conn) readBy(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closing:
	case d == 0:
		c.conn.SetReadDeadline(time.Time{})
	default:
		c.conn.SetReadDeadline(clock.SocketDeadline(d))
	}
}

// writeBy sets the time for the next write. On a connection that closes there is a
// deadline for the last words already.
func (c *Conn) writeBy(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closing {
		c.conn.SetWriteDeadline(clock.SocketDeadline(d))
	}
}

func (c *Conn) isClosing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closing
}
