package mqttserver_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/mqttserver"
)

// handler is scripted by a test; what it leaves out accepts everything.
type handler struct {
	connect     func(*mqttserver.Session, mqttserver.Connect) mqttserver.Accept
	subscribe   func(filter string, qos byte) (byte, error)
	subscribed  func(s *mqttserver.Session, filter string, granted byte)
	unsubscribe func(filter string)
	publish     func(context.Context, *mqttserver.Session, mqttserver.Publish) (func(), error)
	closed      func(*mqttserver.Session, *mqttserver.Publish)
}

func (h *handler) Connect(_ context.Context, s *mqttserver.Session, c mqttserver.Connect) mqttserver.Accept {
	if h.connect == nil {
		return mqttserver.Accept{}
	}
	return h.connect(s, c)
}

func (h *handler) Subscribe(_ context.Context, _ *mqttserver.Session, filter string, qos byte) (byte, error) {
	if h.subscribe == nil {
		return min(qos, 1), nil
	}
	return h.subscribe(filter, qos)
}

func (h *handler) Subscribed(_ context.Context, s *mqttserver.Session, filter string, granted byte) {
	if h.subscribed != nil {
		h.subscribed(s, filter, granted)
	}
}

func (h *handler) Unsubscribe(_ context.Context, _ *mqttserver.Session, filter string) {
	if h.unsubscribe != nil {
		h.unsubscribe(filter)
	}
}

func (h *handler) Publish(ctx context.Context, s *mqttserver.Session, p mqttserver.Publish) (func(), error) {
	if h.publish == nil {
		return nil, nil
	}
	return h.publish(ctx, s, p)
}

func (h *handler) Closed(s *mqttserver.Session, will *mqttserver.Publish) {
	if h.closed != nil {
		h.closed(s, will)
	}
}

// peer is a client that speaks packet by packet, with a codec that is not the server's.
type peer struct {
	t *testing.T
	net.Conn
	served chan struct{} // closed when Serve has returned
	hangUp context.CancelFunc
}

// connection is a pair of connected TCP sockets.
func connection(t *testing.T) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return client, server
}

// serve starts a session over a plain TCP connection.
func serve(t *testing.T, srv *mqttserver.Server) *peer {
	t.Helper()
	client, server := connection(t)
	return serveOn(t, srv, client, server)
}

func serveOn(t *testing.T, srv *mqttserver.Server, client, server net.Conn) *peer {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p := &peer{t: t, Conn: client, served: make(chan struct{}), hangUp: cancel}
	client.SetDeadline(clock.SocketDeadline(20 * time.Second))
	go func() {
		defer close(p.served)
		srv.Serve(ctx, &frontdoor.Conn{Conn: server})
	}()
	t.Cleanup(func() {
		cancel()
		client.Close()
		within(t, "the end of Serve", p.served)
	})
	return p
}

// connected starts a session and gets it accepted.
func connected(t *testing.T, srv *mqttserver.Server, clientID string) *peer {
	t.Helper()
	p := serve(t, srv)
	p.send(connect(clientID))
	p.connack(mqttserver.Accepted)
	return p
}

func connect(clientID string) *packets.ConnectPacket {
	c := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	c.ProtocolName, c.ProtocolVersion, c.ClientIdentifier, c.CleanSession = "MQTT", 4, clientID, true
	return c
}

func publish(topic string, qos byte, id uint16, payload string) *packets.PublishPacket {
	p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	p.TopicName, p.Qos, p.MessageID, p.Payload = topic, qos, id, []byte(payload)
	return p
}

func subscribe(id uint16, qos byte, filters ...string) *packets.SubscribePacket {
	s := packets.NewControlPacket(packets.Subscribe).(*packets.SubscribePacket)
	s.MessageID, s.Topics = id, filters
	for range filters {
		s.Qoss = append(s.Qoss, qos)
	}
	return s
}

func puback(id uint16) *packets.PubackPacket {
	p := packets.NewControlPacket(packets.Puback).(*packets.PubackPacket)
	p.MessageID = id
	return p
}

func (p *peer) send(cp packets.ControlPacket) {
	p.t.Helper()
	if err := cp.Write(p); err != nil {
		p.t.Fatalf("send %v: %v", cp, err)
	}
}

func (p *peer) sendBytes(b ...byte) {
	p.t.Helper()
	if _, err := p.Write(b); err != nil {
		p.t.Fatal(err)
	}
}

// next is the next packet, which must be a T.
func next[T packets.ControlPacket](p *peer) T {
	p.t.Helper()
	cp, err := packets.ReadPacket(p)
	if err != nil {
		p.t.Fatalf("read: %v", err)
	}
	want, ok := cp.(T)
	if !ok {
		p.t.Fatalf("got %v", cp)
	}
	return want
}

func (p *peer) connack(code byte) *packets.ConnackPacket {
	p.t.Helper()
	c := next[*packets.ConnackPacket](p)
	if c.ReturnCode != code {
		p.t.Fatalf("CONNACK %d, want %d", c.ReturnCode, code)
	}
	return c
}

// ping checks that the session lives and has sent nothing else.
func (p *peer) ping() {
	p.t.Helper()
	p.send(packets.NewControlPacket(packets.Pingreq))
	next[*packets.PingrespPacket](p)
}

// ends checks that the server closes the connection without another packet.
func (p *peer) ends() {
	p.t.Helper()
	rest, err := io.ReadAll(p)
	// A server that closes with bytes unread resets.
	if len(rest) > 0 || err != nil && !errors.Is(err, syscall.ECONNRESET) {
		p.t.Fatalf("before the end came % x, %v", rest, err)
	}
	within(p.t, "the end of Serve", p.served)
}

func within[T any](t *testing.T, what string, ch <-chan T) T {
	t.Helper()
	timer := clock.System().NewTimer(20 * time.Second)
	defer timer.Stop()
	select {
	case v := <-ch:
		return v
	case <-timer.C():
		t.Fatalf("%s takes too long", what)
		panic("unreachable")
	}
}

// ends collects the calls of Handler.Closed.
type endings struct {
	mu   sync.Mutex
	list []ending
}

type ending struct {
	client string
	will   *mqttserver.Publish
}

func (e *endings) closed(s *mqttserver.Session, will *mqttserver.Publish) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, ending{s.ClientID(), will})
}

func (e *endings) all() []ending {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]ending(nil), e.list...)
}
