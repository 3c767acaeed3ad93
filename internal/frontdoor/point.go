package frontdoor

import (
	"context"
	"crypto/tls"
	"net"

	"github.com/coder/websocket"

	"github.com/dpslab/dpslab/internal/point"
)

// The points of this package. On the shared addresses nothing but the listener is known
// at accept, so Accept is passed at the default host there.
var (
	Accept      = point.Define[Acceptance]("frontdoor.accept")
	ClientHello = point.Define[Hello]("frontdoor.client-hello")
	Upgrade     = point.Define[UpgradeReply]("frontdoor.upgrade")
)

// Steps at which the points are passed.
const (
	StepAccept  = "accept"
	StepHello   = "hello"
	StepUpgrade = "upgrade"
)

// Acceptance is what happens to a TCP connection that was accepted.
type Acceptance struct {
	Refuse bool // reset it
}

// Hello is the answer to a ClientHello.
type Hello struct {
	ServerName string // what the client asked for; for plans to read

	Alert             bool             // answer with a fatal alert
	Certificate       *tls.Certificate // present this one
	RequireClientCert bool             // refuse clients without a certificate in the handshake

	// Config changes the TLS configuration of this connection in ways that have no field
	// here; nil leaves it.
	Config func(*tls.Config)
}

// UpgradeReply is the answer to a WebSocket upgrade.
type UpgradeReply struct {
	Path string // what the client asked for; for plans to read

	Subprotocol string // what is echoed; "" sends no such header
	Refuse      bool   // answer 400; without a known subprotocol that is the answer, or else MQTT is spoken
	NoPong      bool   // leave pings unanswered
	// Stream replaces the byte stream that is made of the WebSocket: binary messages.
	Stream func(ctx context.Context, ws *websocket.Conn) net.Conn
}
