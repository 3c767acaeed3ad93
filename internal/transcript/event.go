package transcript

import "time"

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
	// Lines are its headers or fields, one each, and Body its payload as text.
	Lines []string `json:"lines,omitempty"`
	Body  string   `json:"body,omitempty"`
}

// Filter selects connections. Empty fields select all; Registration is compared
// case-insensitively and selects whole connections, from their first byte.
type Filter struct {
	Service      string
	Registration string
	After        uint64 // only events with a higher sequence number
}
