package devwire

import (
	"bufio"
	"net"
	"sync/atomic"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

// guard stands between a connection and paho. What paho reads are whole packets that
// passed readFrame, and it keeps the CONNACK, of which paho takes a code it does not know
// for an acceptance.
// frameBuffer is small: a device at its hub hears little, and thousands stand in one process.
const frameBuffer = 512

type guard struct {
	net.Conn
	frames  *bufio.Reader
	left    []byte // of the last frame, not yet read by paho
	idle    time.Duration
	refusal atomic.Pointer[ConnectRefused]
	err     atomic.Pointer[error] // why frames ended
}

func newGuard(c net.Conn, idle time.Duration) *guard {
	return &guard{Conn: c, frames: bufio.NewReaderSize(c, frameBuffer), idle: idle}
}

// Read is called by one goroutine at a time: paho's Connect, then its reader.
func (g *guard) Read(b []byte) (int, error) {
	if len(g.left) == 0 {
		frame, err := g.frame()
		if err != nil {
			g.err.CompareAndSwap(nil, &err)
			return 0, err
		}
		g.left = frame
	}
	n := copy(b, g.left)
	g.left = g.left[n:]
	return n, nil
}

func (g *guard) frame() ([]byte, error) {
	g.Conn.SetReadDeadline(clock.SocketDeadline(g.idle))
	frame, err := readFrame(g.frames)
	if err != nil {
		return nil, err
	}
	switch frame[0] >> 4 {
	case packets.Connack:
		if code := frame[3]; code != 0 {
			refused := &ConnectRefused{Code: code}
			g.refusal.Store(refused)
			return nil, refused
		}
	case packets.Suback:
		// Every SUBSCRIBE of this client holds one filter.
		if len(frame) != 5 {
			return nil, &Malformed{What: "SUBACK with more codes than filters", Raw: frame}
		}
	}
	return frame, nil
}

// SetDeadline is called by paho around its handshake: it sets one, then clears it. The
// read side is the guard's own, set before each packet.
func (g *guard) SetDeadline(t time.Time) error { return g.Conn.SetWriteDeadline(t) }
