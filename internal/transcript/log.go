// Package transcript records what passed over connections and tells it as events.
//
// Both halves of dpslab write it: servers record what they saw and sent (a foreign
// device can only be judged from there), devwire records the client's side. Recording
// copies bytes and nothing more; they are decoded when somebody reads, by passive
// decoders that neither half uses for its own work. What leaves this package is
// redacted by structure: the bytes themselves never do.
package transcript

import (
	"sync"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
)

// Side is the half of dpslab that recorded an event.
type Side string

const (
	Server Side = "server"
	Client Side = "client"
)

// Direction of a chunk of bytes, as the recording side sees it.
type Direction uint8

const (
	Neither Direction = iota
	Received
	Sent
)

func (d Direction) String() string { return [...]string{"", "received", "sent"}[d] }

// Protocol tells the decoders what the bytes of a connection are.
type Protocol string

const (
	HTTP Protocol = "http" // an upgrade to WebSocket ends what is decoded here
	MQTT Protocol = "mqtt"
	AMQP Protocol = "amqp"
)

// Meta is what is known of a connection when it opens.
type Meta struct {
	Protocol Protocol
	Service  string // service or hub whose name was asked for, or the target's host
	Listener string // server side: the local address; client side: the remote one
	Peer     string
}

// Log holds the newest connections, up to a number of bytes. A nil Log records nothing.
type Log struct {
	side  Side
	clock clock.Clock
	limit int

	mu      sync.Mutex
	conns   []*Conn // oldest first
	nextID  uint64
	nextSeq uint64
	held    int
	changed chan struct{} // made by a reader that waits, closed and forgotten by the next change
}

// NewLog returns a log that keeps at most limit recorded bytes, dropping the oldest
// connections first.
func NewLog(side Side, c clock.Clock, limit int) *Log {
	return &Log{side: side, clock: c, limit: limit}
}

// Conn is one recorded connection. A nil Conn records nothing.
type Conn struct {
	log  *Log
	id   uint64
	meta Meta

	// The rest is guarded by log.mu.
	registration string
	records      []record
	size         int
	evicted      bool
}

// record is one thing that happened on a connection, undecoded.
type record struct {
	seq  uint64
	at   time.Time
	dir  Direction
	data []byte
	note *note
}

// note is a record that is not bytes.
type note struct{ kind, text string }

// cost is the memory the record takes, roughly.
func (r record) cost() int {
	n := 96 + len(r.data)
	if r.note != nil {
		n += len(r.note.text)
	}
	return n
}

// perConn bounds the memory spent on one connection's bytes; what a connection says
// beyond it is not kept, and a note tells so.
const perConn = 4 << 20

// Open starts recording a connection.
func (l *Log) Open(m Meta) *Conn {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.nextID++
	c := &Conn{log: l, id: l.nextID, meta: m}
	l.conns = append(l.conns, c)
	c.add(record{note: &note{KindOpened, string(m.Protocol) + " connection from " + m.Peer}})
	return c
}

// Received records bytes that came in. The slice is copied.
func (c *Conn) Received(b []byte) { c.bytes(Received, b) }

// Sent records bytes that went out. The slice is copied.
func (c *Conn) Sent(b []byte) { c.bytes(Sent, b) }

// Registration labels the connection with the registration or device id it serves.
func (c *Conn) Registration(id string) {
	if c == nil {
		return
	}
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	c.registration = id
	c.log.wake() // readers that select by registration begin with this connection now
}

// Note records a fact that is not bytes, such as the TLS version. It must hold no secret.
func (c *Conn) Note(text string) { c.noted(KindNote, text) }

// Injected records that a defect or fault acted here.
func (c *Conn) Injected(id, what string) { c.noted(KindInjected, id+" "+what) }

// Closed records the end of the connection and why.
func (c *Conn) Closed(why string) { c.noted(KindClosed, why) }

func (c *Conn) noted(kind, text string) {
	if c == nil {
		return
	}
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	c.add(record{note: &note{kind, text}})
}

func (c *Conn) bytes(dir Direction, b []byte) {
	if c == nil || len(b) == 0 {
		return
	}
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	if c.evicted || c.size >= perConn {
		return
	}
	r := record{dir: dir, data: append([]byte(nil), b...)}
	if c.size += r.cost(); c.size >= perConn {
		r = record{note: &note{KindNote, "more was said on this connection than is recorded"}}
	}
	c.add(r)
}

// add appends a record and evicts the oldest connections over the limit. log.mu is held.
func (c *Conn) add(r record) {
	if c.evicted {
		return
	}
	l := c.log
	l.nextSeq++
	r.seq, r.at = l.nextSeq, l.clock.Now()
	c.records = append(c.records, r)
	l.held += r.cost()
	for l.held > l.limit && len(l.conns) > 1 {
		oldest := l.conns[0]
		for _, r := range oldest.records {
			l.held -= r.cost()
		}
		oldest.evicted, oldest.records = true, nil
		l.conns[0] = nil // the array outlives the slice's start
		l.conns = l.conns[1:]
	}
	l.wake()
}

// wake lets the readers that wait look again. l.mu is held.
func (l *Log) wake() {
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}
