package mqttserver_test

import (
	"bytes"
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/mqttserver"
)

func withWill(clientID string) *packets.ConnectPacket {
	cp := connect(clientID)
	cp.WillFlag, cp.WillTopic, cp.WillMessage, cp.WillQos = true, "will", []byte("gone"), 1
	return cp
}

func TestTheWillCountsUnlessTheClientDisconnects(t *testing.T) {
	for _, c := range []struct {
		rule string
		end  func(*mqttserver.Server, *peer)
		will bool
	}{
		{"DISCONNECT", func(_ *mqttserver.Server, p *peer) { p.send(packets.NewControlPacket(packets.Disconnect)) }, false},
		{"the end of the connection", func(_ *mqttserver.Server, p *peer) { p.Close() }, true},
		{"a broken rule", func(_ *mqttserver.Server, p *peer) { p.send(publish("t", 2, 1, "")) }, true},
		{"half a packet", func(_ *mqttserver.Server, p *peer) { p.sendBytes(0x30); p.Close() }, true},
		{"Drop", func(srv *mqttserver.Server, _ *peer) { srv.Drop("dev-01") }, true},
		{"the end of the context", func(_ *mqttserver.Server, p *peer) { p.hangUp() }, true},
	} {
		t.Run(c.rule, func(t *testing.T) {
			var ended endings
			srv := mqttserver.New(&handler{closed: ended.closed}, mqttserver.Options{})
			p := serve(t, srv)
			p.send(withWill("dev-01"))
			p.connack(mqttserver.Accepted)
			c.end(srv, p)
			within(t, "the end of Serve", p.served)
			all := ended.all()
			if len(all) != 1 || all[0].client != "dev-01" || (all[0].will != nil) != c.will {
				t.Fatalf("ended as %+v", all)
			}
			if w := all[0].will; w != nil && (w.Topic != "will" || string(w.Payload) != "gone" || w.QoS != 1 || w.Retain) {
				t.Errorf("the will is %+v", w)
			}
		})
	}
}

func TestANewerSessionClosesTheOlder(t *testing.T) {
	var ended endings
	var refuse atomic.Bool
	srv := mqttserver.New(&handler{closed: ended.closed, connect: func(*mqttserver.Session, mqttserver.Connect) mqttserver.Accept {
		if refuse.Load() {
			return mqttserver.Accept{Code: mqttserver.NotAuthorized}
		}
		return mqttserver.Accept{}
	}}, mqttserver.Options{Timeouts: mqttserver.Timeouts{Connect: time.Hour}})
	older := serve(t, srv)
	older.send(withWill("dev-01"))
	older.connack(mqttserver.Accepted)
	another := connected(t, srv, "dev-02")

	refuse.Store(true)
	refused := serve(t, srv)
	refused.send(connect("dev-01"))
	refused.connack(mqttserver.NotAuthorized)
	refused.ends()
	older.ping() // nobody takes over who is refused

	refuse.Store(false)
	newer := connected(t, srv, "dev-01")
	if all := ended.all(); len(all) != 1 || all[0].client != "dev-01" || all[0].will == nil {
		t.Errorf("before the newer one's CONNACK, the older had ended as %+v", all)
	}
	older.ends()
	newer.ping()
	another.ping()
	if !srv.Drop("dev-01") {
		t.Error("the end of the older session took the newer one's place away")
	}
	newer.ends()
}

func TestManyTakeOversLeaveOne(t *testing.T) {
	srv := mqttserver.New(&handler{}, mqttserver.Options{})
	peers := make([]*peer, 10)
	for i := range peers {
		peers[i] = serve(t, srv)
		peers[i].send(connect("dev-01"))
	}
	for _, p := range peers { // every CONNECT is answered, or its session taken over before
		packets.ReadPacket(p)
	}
	alive := 0
	for _, p := range peers {
		p.Write([]byte{0xc0, 0})
		if _, err := packets.ReadPacket(p); err == nil {
			alive++
		}
	}
	if alive != 1 || !srv.Drop("dev-01") {
		t.Errorf("%d sessions are open", alive)
	}
}

func TestSessionsWithoutAClientIDDoNotTakeOver(t *testing.T) {
	srv := mqttserver.New(&handler{}, mqttserver.Options{})
	first, second := connected(t, srv, ""), connected(t, srv, "")
	first.ping()
	second.ping()
}

func TestDrop(t *testing.T) {
	srv := mqttserver.New(&handler{}, mqttserver.Options{})
	if srv.Drop("dev-01") {
		t.Error("dropped nobody")
	}
	p := connected(t, srv, "dev-01")
	if srv.Drop("dev-02") || !srv.Drop("dev-01") {
		t.Error("dropped another")
	}
	p.ends()
	if srv.Drop("dev-01") {
		t.Error("dropped twice")
	}
}

func TestCloseFromTheHandler(t *testing.T) {
	p := connected(t, mqttserver.New(&handler{publish: func(ctx context.Context, s *mqttserver.Session, _ mqttserver.Publish) (func(), error) {
		return func() {
			s.Publish(ctx, "last words", nil, 0)
			s.Close("enough")
			s.Close("more than enough")
		}, nil
	}}, mqttserver.Options{}), "dev-01")
	p.send(publish("t", 1, 1, ""))
	next[*packets.PubackPacket](p)
	next[*packets.PublishPacket](p)
	p.ends()
}

func TestIdle(t *testing.T) {
	const idle = 500 * time.Millisecond
	accept := func(a mqttserver.Accept) *mqttserver.Server {
		return mqttserver.New(&handler{connect: func(*mqttserver.Session, mqttserver.Connect) mqttserver.Accept { return a }},
			mqttserver.Options{Timeouts: mqttserver.Timeouts{Connect: idle, Packet: idle}})
	}
	t.Run("one and a half times the keep-alive", func(t *testing.T) {
		p := serve(t, accept(mqttserver.Accept{}))
		cp := connect("dev-01")
		cp.Keepalive = 1
		p.send(cp)
		p.connack(mqttserver.Accepted)
		elapsed := clock.Stopwatch()
		p.ends()
		if e := elapsed(); e < 1400*time.Millisecond {
			t.Errorf("closed after %v", e)
		}
	})
	t.Run("any time for keep-alive 0, whatever the other timeouts", func(t *testing.T) {
		p := connected(t, accept(mqttserver.Accept{}), "dev-01")
		p.SetReadDeadline(clock.SocketDeadline(3 * idle))
		if _, err := p.Read(make([]byte, 1)); !isTimeout(err) {
			t.Fatalf("got %v", err)
		}
		p.SetReadDeadline(clock.SocketDeadline(20 * time.Second))
		p.ping()
	})
	t.Run("what the handler says, before the keep-alive", func(t *testing.T) {
		p := serve(t, accept(mqttserver.Accept{IdleTimeout: idle}))
		cp := connect("dev-01")
		cp.Keepalive = 60
		p.send(cp)
		p.connack(mqttserver.Accepted)
		p.ends()
	})
	t.Run("every packet begins it anew", func(t *testing.T) {
		p := connected(t, accept(mqttserver.Accept{IdleTimeout: idle}), "dev-01")
		for range 6 {
			if err := clock.Wait(t.Context(), clock.System(), idle/4); err != nil {
				t.Fatal(err)
			}
			p.ping()
		}
		p.ends()
	})
}

func isTimeout(err error) bool {
	timeout, ok := err.(net.Error)
	return ok && timeout.Timeout()
}

func TestAPacketThatIsBegunMustBeCompletedInTime(t *testing.T) {
	srv := mqttserver.New(&handler{}, mqttserver.Options{Timeouts: mqttserver.Timeouts{Packet: 100 * time.Millisecond}})
	t.Run("one byte and silence, with keep-alive 0", func(t *testing.T) {
		p := connected(t, srv, "dev-01")
		p.sendBytes(0xc0)
		p.ends()
	})
	t.Run("byte by byte", func(t *testing.T) {
		p := connected(t, srv, "dev-01")
		var whole bytes.Buffer
		publish("t", 0, 0, string(make([]byte, 1000))).Write(&whole)
		for _, b := range whole.Bytes() {
			if _, err := p.Write([]byte{b}); err != nil {
				break // closed on us, as it must
			}
			if err := clock.Wait(t.Context(), clock.System(), 10*time.Millisecond); err != nil {
				t.Fatal(err)
			}
		}
		within(t, "the end of Serve", p.served)
	})
}

func TestMaxPacket(t *testing.T) {
	srv := mqttserver.New(&handler{}, mqttserver.Options{MaxPacket: 10000})
	p := connected(t, srv, "dev-01")
	p.send(publish("t", 1, 1, string(make([]byte, 9995))))
	next[*packets.PubackPacket](p)
	p.sendBytes(0x30, 0x91, 0x4e) // 10001 bytes to come, of which none is waited for
	p.ends()
}

func TestAClientThatDoesNotReadIsDropped(t *testing.T) {
	result := make(chan error, 1)
	srv := mqttserver.New(&handler{publish: func(ctx context.Context, s *mqttserver.Session, _ mqttserver.Publish) (func(), error) {
		return func() { result <- s.Publish(ctx, "t", nil, 0) }, nil
	}}, mqttserver.Options{Timeouts: mqttserver.Timeouts{Write: 50 * time.Millisecond}})
	client, server := net.Pipe() // without any buffer
	p := serveOn(t, srv, client, server)
	p.send(connect("dev-01"))
	p.connack(mqttserver.Accepted)
	p.send(publish("t", 0, 0, ""))
	if err := within(t, "the write", result); err == nil {
		t.Error("written to nobody")
	}
	within(t, "the end of Serve", p.served)
}

func TestCloseWakesABlockedWriter(t *testing.T) {
	blocked := make(chan struct{})
	srv := mqttserver.New(&handler{publish: func(ctx context.Context, s *mqttserver.Session, _ mqttserver.Publish) (func(), error) {
		return func() { close(blocked); s.Publish(ctx, "t", nil, 0) }, nil
	}}, mqttserver.Options{Timeouts: mqttserver.Timeouts{Write: time.Hour}})
	client, server := net.Pipe()
	p := serveOn(t, srv, client, server)
	p.send(connect("dev-01"))
	p.connack(mqttserver.Accepted)
	p.send(publish("t", 0, 0, ""))
	within(t, "the write", blocked)
	srv.Drop("dev-01")
	within(t, "the end of Serve", p.served)
}
