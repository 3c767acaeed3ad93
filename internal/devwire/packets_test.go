package devwire_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

func contextFor(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithDeadline(context.Background(), clock.SocketDeadline(d))
}

func TestPacketsComeInTheirOrder(t *testing.T) {
	overMQTT(t, func(t *testing.T, over dps.Transport) {
		lab := newLab(t)
		port := peers(t, lab, over, func(p *peer) {
			p.login(devwire.ResponseFilter)
			m, ok := hear[*packets.PublishPacket](p)
			if !ok {
				return
			}
			p.publish("$dps/registrations/res/202/?$rid=1", assigning) // before its PUBACK
			p.puback(m.MessageID)
		})
		wire := lab.wire()
		conn, err := wire.Packets(soon(t), over, endpoint(serviceHost, port), devwire.DialOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if over == dps.MQTTWebSocket && conn.Subprotocol() != "mqtt" {
			t.Errorf("subprotocol %q", conn.Subprotocol())
		}
		send := func(cp packets.ControlPacket) {
			if err := conn.Send(cp); err != nil {
				t.Fatal(err)
			}
		}
		send(wire.ConnectPacket(testIdentity(t)))
		if connack := next[*packets.ConnackPacket](t, conn); connack.ReturnCode != 0 || connack.SessionPresent {
			t.Errorf("%s", connack)
		}
		subscribe := packets.NewControlPacket(packets.Subscribe).(*packets.SubscribePacket)
		subscribe.MessageID, subscribe.Topics, subscribe.Qoss = 1, []string{devwire.ResponseFilter}, []byte{1}
		send(subscribe)
		next[*packets.SubackPacket](t, conn)

		short, cancel := contextFor(20 * time.Millisecond)
		defer cancel()
		if _, err := conn.Next(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a silent connection: %v", err)
		}

		publish := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
		publish.Qos, publish.MessageID, publish.TopicName = 1, 2, devwire.RegisterTopic("1")
		send(publish)
		answer := next[*packets.PublishPacket](t, conn)
		if a, r, err := devwire.ParseMQTTAnswer(answer.TopicName, answer.Payload); err != nil || r.RID != "1" || a.Status != dps.StatusAssigning {
			t.Errorf("%s, %v", a, err)
		}
		if puback := next[*packets.PubackPacket](t, conn); puback.MessageID != 2 {
			t.Errorf("%s", puback)
		}
		if _, err := conn.Next(soon(t)); err != io.EOF {
			t.Errorf("after the server closed: %v", err)
		}
	})
}

func next[T packets.ControlPacket](t *testing.T, conn *devwire.PacketConn) T {
	t.Helper()
	cp, err := conn.Next(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	packet, ok := cp.(T)
	if !ok {
		t.Fatalf("got %s, want a %T", cp, packet)
	}
	return packet
}

func TestBytesGoOutAsTheyAre(t *testing.T) {
	lab := newLab(t)
	heard := make(chan []byte, 1)
	port := lab.serve(t, lab.tls(), func(c *tls.Conn) {
		b := make([]byte, 3)
		io.ReadFull(c, b)
		heard <- b
	})
	conn, err := lab.wire().Packets(soon(t), dps.MQTT, endpoint(serviceHost, port), devwire.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SendBytes([]byte{0xf0, 0xff, 0x01}); err != nil {
		t.Fatal(err)
	}
	if got := <-heard; !bytes.Equal(got, []byte{0xf0, 0xff, 0x01}) {
		t.Errorf("the server heard % x", got)
	}
	if _, err := conn.Next(soon(t)); err != io.EOF {
		t.Errorf("got %v", err)
	}
}

func TestCloseEndsAPendingNext(t *testing.T) {
	lab := newLab(t)
	port := peers(t, lab, dps.MQTT, func(p *peer) { io.Copy(io.Discard, p.rw) })
	conn, err := lab.wire().Packets(soon(t), dps.MQTT, endpoint(serviceHost, port), devwire.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	ctx := soon(t)
	go func() {
		_, err := conn.Next(ctx)
		ended <- err
	}()
	conn.Close()
	conn.Close()
	if err := <-ended; err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// The path and the subprotocols of an upgrade are the caller's, and what the server
// echoes is told as it was spelled.
func TestUpgradeIsTheCallers(t *testing.T) {
	lab := newLab(t)
	port := lab.serve(t, lab.tls(), func(c *tls.Conn) {
		serveHTTP(c, func(w http.ResponseWriter, r *http.Request) {
			if r.RequestURI != "/?iothub-no-client-cert=true" {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"MQTT"}})
			if err == nil {
				ws.Close(websocket.StatusNormalClosure, "")
			}
		})
	})
	conn, err := lab.wire().Packets(soon(t), dps.MQTTWebSocket, endpoint(serviceHost, port),
		devwire.DialOptions{Path: "/?iothub-no-client-cert=true", Subprotocols: []string{"MQTT"}})
	if err != nil {
		t.Fatal(err)
	}
	if conn.Subprotocol() != "MQTT" {
		t.Errorf("subprotocol %q", conn.Subprotocol())
	}
	if _, err := conn.Next(soon(t)); err != io.EOF {
		t.Errorf("after the server's close frame: %v", err)
	}
	conn.Close()

	_, err = lab.wire().Packets(soon(t), dps.MQTTWebSocket, endpoint(serviceHost, port), devwire.DialOptions{})
	var refused *devwire.UpgradeRefused
	if !errors.As(err, &refused) || refused.Status != 404 {
		t.Errorf("got %v", err)
	}
}

func TestPacketsThatNoServerSends(t *testing.T) {
	for name, frame := range map[string][]byte{
		"a CONNECT":                        {0x10, 0},
		"a SUBSCRIBE":                      {0x82, 0},
		"kind 0":                           {0x00, 0},
		"kind 15":                          {0xf0, 0},
		"a CONNACK of one byte":            {0x20, 1, 0},
		"a CONNACK with a reserved flag":   {0x20, 2, 2, 0},
		"a CONNACK with header flags":      {0x21, 2, 0, 0},
		"a PUBACK of three bytes":          {0x40, 3, 0, 1, 0},
		"a PUBREL without its flag":        {0x60, 2, 0, 1},
		"a SUBACK without a code":          {0x90, 2, 0, 1},
		"a PINGRESP with a body":           {0xd0, 1, 0},
		"a PUBLISH at QoS 3":               {0x36, 5, 0, 1, 'a', 0, 1},
		"a PUBLISH shorter than its topic": {0x30, 3, 0, 9, 'a'},
		"a PUBLISH without its packet id":  {0x32, 4, 0, 1, 'a', 0},
		"a PUBLISH of nothing":             {0x30, 0},
		"a length of five bytes":           {0x30, 0xff, 0xff, 0xff, 0xff, 1},
		"a length over the limit":          {0x30, 0xff, 0xff, 0xff, 0x7f},
	} {
		var malformed *devwire.Malformed
		if _, err := devwire.ReadFrame(bytes.NewReader(frame)); !errors.As(err, &malformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, frame := range map[string][]byte{
		"a PUBLISH without a payload": {0x30, 3, 0, 1, 'a'},
		"a PUBLISH at QoS 1":          {0x3b, 6, 0, 1, 'a', 0, 1, 'x'},
		"a SUBACK of two codes":       {0x90, 4, 0, 1, 1, 0x80},
		"a PUBREL":                    {0x62, 2, 0, 1},
	} {
		if got, err := devwire.ReadFrame(bytes.NewReader(frame)); err != nil || !bytes.Equal(got, frame) {
			t.Errorf("%s: % x, %v", name, got, err)
		}
	}
	if _, err := devwire.ReadFrame(bytes.NewReader(nil)); err != io.EOF {
		t.Errorf("between packets: %v", err)
	}
	if _, err := devwire.ReadFrame(bytes.NewReader([]byte{0x40, 2, 0})); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("within a packet: %v", err)
	}
}

// Whatever readFrame lets through must not upset paho's decoder, and must come out of it
// as it went in.
func FuzzReadFrame(f *testing.F) {
	f.Add([]byte{0x20, 2, 0, 5})
	f.Add([]byte{0x30, 5, 0, 1, 'a', 'b', 'c'})
	f.Add([]byte{0x32, 6, 0, 1, 'a', 0, 1, 'x'})
	f.Add([]byte{0x90, 3, 0, 1, 0x80})
	f.Add([]byte{0xd0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		frame, err := devwire.ReadFrame(bytes.NewReader(b))
		if err != nil {
			return
		}
		cp, err := packets.ReadPacket(bytes.NewReader(frame))
		if err != nil {
			t.Fatalf("% x: %v", frame, err)
		}
		if p, ok := cp.(*packets.PublishPacket); ok && !bytes.HasSuffix(frame, p.Payload) {
			t.Fatalf("% x came out as %s", frame, p)
		}
	})
}
