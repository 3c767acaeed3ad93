package mqttserver

import (
	"context"
	"time"
)

// Connect is a CONNECT packet.
type Connect struct {
	ClientID     string
	Username     string
	HasUsername  bool
	Password     []byte
	HasPassword  bool
	CleanSession bool
	KeepAlive    time.Duration // 0: the client promises nothing
	Will         *Publish
}

// Publish is a message as a client sent it, or its will.
type Publish struct {
	Topic   string
	Payload []byte
	QoS     byte // 0 or 1; a will may ask for 2
	Retain  bool
	Dup     bool
}

// Return codes of a CONNACK (MQTT 3.1.1, 3.2.2.3).
const (
	Accepted                  byte = 0
	UnacceptableProtocolLevel byte = 1
	IdentifierRejected        byte = 2
	ServerUnavailable         byte = 3
	BadUsernameOrPassword     byte = 4
	NotAuthorized             byte = 5
)

// SubackFailure refuses a filter in a SUBACK.
const SubackFailure byte = 0x80

// Accept is the answer to a CONNECT. The zero value accepts.
type Accept struct {
	Code           byte
	SessionPresent bool
	// IdleTimeout is how long the client may send nothing; 0: one and a half times its
	// keep-alive, and any time for keep-alive 0.
	IdleTimeout time.Duration
}

// Handler decides what a server does. It is called from the goroutine that reads the
// session, so what may block goes through Session.Go. The context ends with the session.
// The text of an error is recorded as the reason for the end, so it holds no secret.
type Handler interface {
	// Connect decides; a non-zero code is sent and the connection closed. State for the
	// session goes into s.Value. What s.Publish and s.Go are given is kept until the CONNACK.
	Connect(ctx context.Context, s *Session, c Connect) Accept
	// Subscribe grants a QoS (0, 1) for a filter, or SubackFailure (0x80). An error closes
	// the connection without a SUBACK.
	Subscribe(ctx context.Context, s *Session, filter string, qos byte) (granted byte, err error)
	Unsubscribe(ctx context.Context, s *Session, filter string)
	// Publish decides on a PUBLISH before its PUBACK: an error closes the connection without
	// one. then, if not nil, runs on the reader after the PUBACK was written; what may block
	// goes through s.Go.
	Publish(ctx context.Context, s *Session, p Publish) (then func(), err error)
	// Closed runs once at the end of an accepted session. will is nil after a DISCONNECT.
	Closed(s *Session, will *Publish)
}

// SubscribedHandler is a Handler that wants to know when a subscription is complete.
type SubscribedHandler interface {
	Handler
	// Subscribed runs after the SUBACK was written, for each filter that was granted.
	Subscribed(ctx context.Context, s *Session, filter string, granted byte)
}
