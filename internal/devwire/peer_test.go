package devwire_test

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"testing"

	"github.com/coder/websocket"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/transcript"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

// peer is a scripted MQTT server's end of one connection. What goes wrong there is
// reported and ends the script, and with it the connection.
type peer struct {
	t  *testing.T
	rw io.ReadWriter
}

// hear reads the next packet, which must be a T.
func hear[T packets.ControlPacket](p *peer) (packet T, ok bool) {
	cp, err := packets.ReadPacket(p.rw)
	if err != nil {
		p.t.Errorf("the peer waited for a %T: %v", packet, err)
		return packet, false
	}
	if packet, ok = cp.(T); !ok {
		p.t.Errorf("the peer heard %s, wanted a %T", cp, packet)
	}
	return packet, ok
}

func (p *peer) send(cp packets.ControlPacket) { cp.Write(p.rw) }

func (p *peer) raw(b ...byte) { p.rw.Write(b) }

func (p *peer) connack(code byte) {
	c := packets.NewControlPacket(packets.Connack).(*packets.ConnackPacket)
	c.ReturnCode = code
	p.send(c)
}

func (p *peer) suback(id uint16, codes ...byte) {
	s := packets.NewControlPacket(packets.Suback).(*packets.SubackPacket)
	s.MessageID, s.ReturnCodes = id, codes
	p.send(s)
}

func (p *peer) puback(id uint16) {
	a := packets.NewControlPacket(packets.Puback).(*packets.PubackPacket)
	a.MessageID = id
	p.send(a)
}

func (p *peer) publish(topic, payload string) {
	m := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	m.TopicName, m.Payload = topic, []byte(payload)
	p.send(m)
}

// login takes a CONNECT and the subscriptions to filters.
func (p *peer) login(filters ...string) (*packets.ConnectPacket, bool) {
	connect, ok := hear[*packets.ConnectPacket](p)
	if !ok {
		return nil, false
	}
	p.connack(0)
	for _, filter := range filters {
		s, ok := hear[*packets.SubscribePacket](p)
		if !ok {
			return nil, false
		}
		if len(s.Topics) != 1 || s.Topics[0] != filter || s.Qoss[0] != 1 {
			p.t.Errorf("subscribed to %q at %v, want %q", s.Topics, s.Qoss, filter)
		}
		p.suback(s.MessageID, 1)
	}
	return connect, true
}

// request takes a PUBLISH and acknowledges it.
func (p *peer) request(topic string) (*packets.PublishPacket, bool) {
	m, ok := hear[*packets.PublishPacket](p)
	if !ok {
		return nil, false
	}
	if m.TopicName != topic || m.Qos != 1 {
		p.t.Errorf("published to %s at %d, want %s", m.TopicName, m.Qos, topic)
	}
	p.puback(m.MessageID)
	return m, true
}

// goodbye takes a DISCONNECT.
func (p *peer) goodbye() { hear[*packets.DisconnectPacket](p) }

// peers runs script on every MQTT connection, over TLS or over WebSocket.
func peers(t *testing.T, l *lab, over dps.Transport, script func(p *peer)) (port int) {
	if over == dps.MQTT {
		return l.serve(t, l.tls(), func(c *tls.Conn) { script(&peer{t, c}) })
	}
	return l.serve(t, l.tls(), func(c *tls.Conn) {
		serveHTTP(c, func(w http.ResponseWriter, r *http.Request) {
			if r.RequestURI != "/$iothub/websocket" || r.Host != serviceHost {
				t.Errorf("upgraded at %s%s", r.Host, r.RequestURI)
			}
			ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"mqtt"}, InsecureSkipVerify: true})
			if err != nil {
				t.Error(err)
				return
			}
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			script(&peer{t, websocket.NetConn(ctx, ws, websocket.MessageBinary)})
			ws.Close(websocket.StatusNormalClosure, "")
		})
	})
}

// overMQTT runs a test over both ways that MQTT goes.
func overMQTT(t *testing.T, test func(t *testing.T, over dps.Transport)) {
	for _, over := range []dps.Transport{dps.MQTT, dps.MQTTWebSocket} {
		t.Run(over.String(), func(t *testing.T) { test(t, over) })
	}
}

// told is all that a wire has recorded, for a look at what must not be there.
func told(w *devwire.Wire) []transcript.Event { return w.Log.Events(transcript.Filter{}) }
