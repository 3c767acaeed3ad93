package mqttserver_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/mqttserver"
	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/internal/transcript"
)

const hostName = "hub-1.azure-devices.net"

// door puts a server behind a front door.
func door(t *testing.T, srv *mqttserver.Server) (*frontdoor.Door, *transcript.Log) {
	t.Helper()
	now := pki.Options{Now: clock.System().Now()}
	root, err := pki.NewRoot("lab", now)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := root.Server([]string{hostName}, nil, now)
	if err != nil {
		t.Fatal(err)
	}
	log := transcript.NewLog(transcript.Server, clock.System(), 1<<20)
	d, err := frontdoor.Listen(frontdoor.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close(context.Background()) })
	if err := d.Add(&frontdoor.Host{
		Names: []string{hostName}, Service: "hub-1", Default: true, Certificate: certificate, Log: log, MQTT: srv.Serve,
	}); err != nil {
		t.Fatal(err)
	}
	return d, log
}

// trusting is a client that takes any certificate: whom it talks to is not the question here.
var trusting = &tls.Config{ServerName: hostName, InsecureSkipVerify: true}

func overTLS(t *testing.T, d *frontdoor.Door) *peer {
	t.Helper()
	conn, err := tls.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(d.Ports().MQTTS)), trusting)
	if err != nil {
		t.Fatal(err)
	}
	return over(t, conn)
}

func overWebSocket(t *testing.T, d *frontdoor.Door) *peer {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: trusting}
	t.Cleanup(transport.CloseIdleConnections)
	ws, _, err := websocket.Dial(t.Context(), "wss://127.0.0.1:"+strconv.Itoa(d.Ports().HTTPS)+"/$iothub/websocket",
		&websocket.DialOptions{Subprotocols: []string{"MQTT"}, HTTPClient: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	return over(t, websocket.NetConn(context.Background(), ws, websocket.MessageBinary))
}

func over(t *testing.T, conn net.Conn) *peer {
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(clock.SocketDeadline(20 * time.Second))
	served := make(chan struct{})
	close(served) // the door waits for it
	return &peer{t: t, Conn: conn, served: served}
}

func TestASessionBehindTheFrontDoor(t *testing.T) {
	for transport, dial := range map[string]func(*testing.T, *frontdoor.Door) *peer{"TLS": overTLS, "WebSocket": overWebSocket} {
		t.Run(transport, func(t *testing.T) {
			srv := mqttserver.New(answering(1), mqttserver.Options{MaxPacket: 320 << 10})
			d, log := door(t, srv)
			p := dial(t, d)
			p.send(connect("dev-01"))
			p.connack(mqttserver.Accepted)

			// Packets may be split and coalesced as the transport likes.
			var both bytes.Buffer
			publish("one", 1, 1, strings.Repeat("x", 200<<10)).Write(&both)
			publish("two", 1, 2, "y").Write(&both)
			for b := both.Bytes(); len(b) > 0; {
				n := min(len(b), 70<<10)
				p.sendBytes(b[:n]...)
				b = b[n:]
			}
			for _, want := range []string{"answer/one", "answer/two"} {
				next[*packets.PubackPacket](p)
				answer := next[*packets.PublishPacket](p)
				if answer.TopicName != want {
					t.Errorf("got %.100v", answer)
				}
				p.send(puback(answer.MessageID))
			}
			p.ping()

			if !srv.Drop("dev-01") {
				t.Error("not there to drop")
			}
			if _, err := packets.ReadPacket(p); err == nil {
				t.Error("not closed")
			}
			ended := false
			for e := range log.Follow(t.Context(), transcript.Filter{Registration: "dev-01"}) {
				if e.Protocol != transcript.MQTT || e.Service != "hub-1" {
					t.Errorf("recorded as %+v", e)
				}
				if ended = e.Kind == transcript.KindClosed; ended {
					if e.Summary != "dropped by the service" {
						t.Errorf("closed because %q", e.Summary)
					}
					break
				}
			}
		})
	}
}

func TestEndsBehindTheFrontDoor(t *testing.T) {
	for transport, dial := range map[string]func(*testing.T, *frontdoor.Door) *peer{"TLS": overTLS, "WebSocket": overWebSocket} {
		for _, c := range []struct {
			rule, why string
			idle      time.Duration
			act       func(*peer)
		}{
			{"DISCONNECT", "the client disconnected", 0, func(p *peer) { p.send(packets.NewControlPacket(packets.Disconnect)) }},
			{"no packet in time", "no packet within 100ms", 100 * time.Millisecond, func(*peer) {}},
			{"half a packet", "PUBLISH: it took longer than 400ms", 0, func(p *peer) { p.sendBytes(0x30) }},
			{"a broken rule", "PUBLISH: QoS 2 is not supported", 0, func(p *peer) { p.send(publish("t", 2, 1, "")) }},
			{"the end of the connection", "the client closed the connection", 0, func(p *peer) { p.Close() }},
		} {
			t.Run(c.rule+" over "+transport, func(t *testing.T) {
				var ended endings
				d, log := door(t, mqttserver.New(&handler{closed: ended.closed, connect: func(*mqttserver.Session, mqttserver.Connect) mqttserver.Accept {
					return mqttserver.Accept{IdleTimeout: c.idle}
				}}, mqttserver.Options{Timeouts: mqttserver.Timeouts{Packet: 400 * time.Millisecond}}))
				p := dial(t, d)
				p.send(connect("dev-01"))
				p.connack(mqttserver.Accepted)
				c.act(p)
				io.Copy(io.Discard, p) // over a WebSocket that answers the server's close frame
				for e := range log.Follow(t.Context(), transcript.Filter{Registration: "dev-01"}) {
					if e.Kind == transcript.KindClosed {
						if e.Summary != c.why {
							t.Errorf("closed because %q", e.Summary)
						}
						break
					}
				}
				if err := d.Close(context.Background()); err != nil {
					t.Error(err)
				}
				if all := ended.all(); len(all) != 1 {
					t.Errorf("ended as %+v", all)
				}
			})
		}
	}
}
