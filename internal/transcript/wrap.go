package transcript

import (
	"fmt"
	"net"
)

// Wrap returns a connection that behaves as nc and records what is read from it and
// written to it. It goes inside TLS: around the *tls.Conn, not under it. A nil Conn
// returns nc.
func (c *Conn) Wrap(nc net.Conn) net.Conn {
	if c == nil {
		return nc
	}
	return &recorded{Conn: nc, transcript: c}
}

type recorded struct {
	net.Conn
	transcript *Conn
}

func (r *recorded) Read(b []byte) (int, error) {
	n, err := r.Conn.Read(b)
	r.transcript.Received(b[:n])
	return n, err
}

// Write records before it writes: the peer's answer may be read, and recorded, before
// the inner Write has returned, and an answer must not stand before its question.
func (r *recorded) Write(b []byte) (int, error) {
	r.transcript.Sent(b)
	n, err := r.Conn.Write(b)
	if n < len(b) {
		r.transcript.Note(fmt.Sprintf("of the last %d bytes sent, %d were taken before the write failed", len(b), n))
	}
	return n, err
}
