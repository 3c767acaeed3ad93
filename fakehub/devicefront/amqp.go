package devicefront

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"strings"
	"sync"

	"github.com/dpslab/dpslab/fakehub/registry"
	"github.com/dpslab/dpslab/internal/amqpserver"
	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/sas"
)

// maxAMQPMessage is what hubs claim to take in one message, batches included (iot-hub.md
// 2.3).
const maxAMQPMessage = 1 << 20

// ServeAMQP runs one connection; it is the AMQP function of a frontdoor.Host.
func (f *Front) ServeAMQP(ctx context.Context, c *frontdoor.Conn) { f.amqp.Serve(ctx, c) }

func newAMQPServer(f *Front) *amqpserver.Server {
	var gateway [16]byte
	rand.Read(gateway[:]) // never fails
	return amqpserver.New(amqpHandler{f}, amqpserver.Options{
		ContainerID: "DeviceGateway_" + hex.EncodeToString(gateway[:]), Points: f.Points, MaxMessage: maxAMQPMessage, Logger: f.Logger,
	})
}

// amqpHandler is the Front as amqpserver sees it.
type amqpHandler struct{ *Front }

// The mechanisms of SASL (iot-hub.md 2.1).
const (
	mechanismExternal  amqp.Symbol = "EXTERNAL"
	mechanismCBS       amqp.Symbol = "MSSBCBS"
	mechanismAnonymous amqp.Symbol = "ANONYMOUS"
	mechanismPlain     amqp.Symbol = "PLAIN"
)

// Mechanisms are the same for everybody.
func (h amqpHandler) Mechanisms(*amqpserver.Conn) []amqp.Symbol {
	return []amqp.Symbol{mechanismExternal, mechanismCBS, mechanismAnonymous, mechanismPlain}
}

// Authenticate judges a token. Who brings none puts one at $cbs later, or has a certificate.
func (h amqpHandler) Authenticate(ctx context.Context, c *amqpserver.Conn, step amqpserver.SASLStep) amqpserver.SASLReply {
	accepted := true
	switch step.Mechanism {
	case mechanismPlain:
		accepted = h.plain(ctx, c, step.Response)
	case mechanismExternal:
		accepted = len(c.Conn().PeerCertificates()) > 0
	}
	if !accepted {
		return amqpserver.SASLReply{Code: amqp.SASLAuth}
	}
	return amqpserver.SASLReply{Code: amqp.SASLOK, AdditionalData: []byte("Welcome!")}
}

// plain takes the user {deviceId}@sas.{hub} with a token as password. [DPS-HUB-060]
func (h amqpHandler) plain(ctx context.Context, c *amqpserver.Conn, response []byte) bool {
	_, user, password, ok := amqpserver.ParsePlain(response)
	name, _, _ := strings.Cut(h.Host, ".")
	at := strings.LastIndex(user, "@sas.")
	if !ok || at < 0 || !strings.EqualFold(user[at+len("@sas."):], name) {
		return false
	}
	deviceID := user[:at]
	c.Identify(deviceID)
	token, err := sas.Parse(password)
	if err != nil {
		return false
	}
	return h.state(c).login(ctx, deviceID, registry.Credential{Token: &token}) == nil
}

// Open lets everybody in: who has proved nothing finds no link but $cbs.
func (h amqpHandler) Open(_ context.Context, c *amqpserver.Conn, _ *amqp.Open) *amqp.Error {
	h.state(c)
	return nil
}

// amqpConn is the state of one connection, which may speak for several devices.
type amqpConn struct {
	front *Front
	conn  *amqpserver.Conn

	mu      sync.Mutex
	logins  map[string]*amqpLogin  // tokens in force, by device
	devices map[string]*amqpDevice // that have links
	replies *amqpserver.Sender     // of $cbs
}

// state is the connection's, made when it is first asked for.
func (h amqpHandler) state(c *amqpserver.Conn) *amqpConn {
	if s, ok := c.Value.(*amqpConn); ok {
		return s
	}
	s := &amqpConn{front: h.Front, conn: c, logins: map[string]*amqpLogin{}, devices: map[string]*amqpDevice{}}
	c.Value = s
	return s
}

// Closed ends what the connection's tokens began. Its links have ended.
func (h amqpHandler) Closed(c *amqpserver.Conn) {
	s := h.state(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, login := range s.logins {
		login.stop()
	}
}

// Incoming takes what a device sends: tokens, telemetry, twin requests, method answers.
func (h amqpHandler) Incoming(ctx context.Context, r *amqpserver.Receiver, asked, _ *amqp.Attach) (amqpserver.Receive, *amqp.Error) {
	s := h.state(r.Conn())
	if r.Address() == cbsAddress {
		return s.putToken, nil
	}
	d, to, refused := s.attach(ctx, &r.Link, asked)
	if refused != nil {
		return nil, refused
	}
	switch to {
	case forTelemetry:
		return d.telemetry, nil
	case forTwin:
		pair := asked.Properties.Text(channelCorrelation)
		return func(ctx context.Context, delivery *amqpserver.Delivery) { d.twinRequest(ctx, pair, delivery) }, nil
	}
	return d.methodAnswer, nil
}

// Outgoing gives a device what is for it. Of messages from the cloud there are none yet.
func (h amqpHandler) Outgoing(ctx context.Context, out *amqpserver.Sender, asked, _ *amqp.Attach) *amqp.Error {
	s := h.state(out.Conn())
	if out.Address() == cbsAddress {
		s.mu.Lock()
		s.replies = out
		s.mu.Unlock()
		return nil
	}
	d, to, refused := s.attach(ctx, &out.Link, asked)
	if refused != nil {
		return refused
	}
	switch to {
	case forTwin:
		d.joinTwin(out, asked.Properties.Text(channelCorrelation))
	case forMethods:
		d.joinMethods(out)
	}
	return nil
}
