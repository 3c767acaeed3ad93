package transcript

import (
	"strings"
	"time"
)

// Kinds of event.
const (
	KindOpened   = "opened"
	KindClosed   = "closed"
	KindNote     = "note"     // a fact about the connection, such as its TLS version
	KindInjected = "injected" // a defect or fault acted
	KindMessage  = "message"  // one HTTP message, MQTT packet or AMQP frame, decoded
	KindGarbage  = "garbage"  // bytes that the decoder of the protocol refuses
)

// Event is one thing that happened on a connection, decoded and redacted: safe to show.
type Event struct {
	// Seq orders the events of a log. A message has the number of the record that held its
	// last byte, so messages that ended in one read have the same.
	Seq          uint64    `json:"seq"`
	At           time.Time `json:"at"`
	Side         Side      `json:"side"`
	Conn         uint64    `json:"conn"`
	Protocol     Protocol  `json:"protocol"`
	Service      string    `json:"service,omitempty"`
	Listener     string    `json:"listener,omitempty"`
	Registration string    `json:"registration,omitempty"`
	Direction    string    `json:"direction,omitempty"` // received or sent
	Kind         string    `json:"kind"`
	// Summary is the message on one line: "PUBLISH q1 pid=3 $dps/…", "HTTP/1.1 202 Accepted".
	Summary string `json:"summary"`
	// Lines are its headers or fields, one each.
	Lines []string `json:"lines,omitempty"`
	// Body is its payload as text: at most 16 KiB, a note at its end when there was more.
	// Line feeds and tabs are kept, so that JSON stays JSON; all else that does not print
	// is escaped.
	Body string `json:"body,omitempty"`
}

// Filter selects connections. Empty fields select all; Registration is compared
// case-insensitively and selects whole connections, from their first byte.
type Filter struct {
	Service      string
	Registration string
	After        uint64 // only events with a higher sequence number
}

// selects reports whether the filter wants this connection. log.mu is held.
func (f Filter) selects(c *Conn) bool {
	return (f.Service == "" || strings.EqualFold(f.Service, c.meta.Service)) &&
		(f.Registration == "" || strings.EqualFold(f.Registration, c.registration))
}
