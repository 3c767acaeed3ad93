package amqpserver_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/dpslab/dpslab/internal/amqpserver"
	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/internal/transcript"
)

const hostName = "hub-1.azure-devices.net"

// door puts a server behind a front door.
func door(t testing.TB, srv *amqpserver.Server) (*frontdoor.Door, *transcript.Log) {
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
		Names: []string{hostName}, Service: "hub-1", Default: true, Certificate: certificate, Log: log, AMQP: srv.Serve,
	}); err != nil {
		t.Fatal(err)
	}
	return d, log
}

// trusting is a client that takes any certificate: whom it talks to is not the question here.
var trusting = &tls.Config{ServerName: hostName, InsecureSkipVerify: true}

// dialers are the two ways through a front door.
var dialers = map[string]func(testing.TB, *frontdoor.Door) net.Conn{
	"TLS": func(t testing.TB, d *frontdoor.Door) net.Conn {
		t.Helper()
		conn, err := tls.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(d.Ports().AMQPS)), trusting)
		if err != nil {
			t.Fatal(err)
		}
		return conn
	},
	"WebSocket": func(t testing.TB, d *frontdoor.Door) net.Conn {
		t.Helper()
		transport := &http.Transport{TLSClientConfig: trusting}
		t.Cleanup(transport.CloseIdleConnections)
		ws, _, err := websocket.Dial(t.Context(), "wss://127.0.0.1:"+strconv.Itoa(d.Ports().HTTPS)+"/$iothub/websocket",
			&websocket.DialOptions{Subprotocols: []string{"AMQPWSB10"}, HTTPClient: &http.Client{Transport: transport}})
		if err != nil {
			t.Fatal(err)
		}
		return websocket.NetConn(context.Background(), ws, websocket.MessageBinary)
	},
}

// throughDoor is a peer behind a front door, which waits for the end of Serve.
func throughDoor(t *testing.T, conn net.Conn) *peer {
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(clock.SocketDeadline(20 * time.Second))
	served := make(chan struct{})
	close(served)
	return &peer{t: t, Conn: conn, served: served}
}

func TestEndsBehindTheFrontDoor(t *testing.T) {
	for transport, dial := range dialers {
		for _, c := range []struct {
			rule, why string
			condition amqp.Symbol // of the close that the client gets
			act       func(*amqpserver.Server, *peer)
		}{
			{"a close", "the client closed the connection", "", func(_ *amqpserver.Server, p *peer) { p.send(0, &amqp.Close{}) }},
			{"a violation", "amqp:not-allowed: a second open", amqp.NotAllowed, func(_ *amqpserver.Server, p *peer) { p.send(0, &amqp.Open{ContainerID: "x"}) }},
			{"Drop", "amqp:unauthorized-access: disabled", amqp.UnauthorizedAccess,
				func(srv *amqpserver.Server, _ *peer) {
					srv.Drop("dev-01", amqp.Errorf(amqp.UnauthorizedAccess, "disabled"))
				}},
			{"idleness", "amqp:resource-limit-exceeded: no frame within the idle-time-out of 300ms", amqp.ResourceLimitExceeded, func(*amqpserver.Server, *peer) {}},
		} {
			t.Run(c.rule+" over "+transport, func(t *testing.T) {
				srv := amqpserver.New(&handler{open: func(conn *amqpserver.Conn, _ *amqp.Open) *amqp.Error {
					conn.Identify("dev-01")
					return nil
				}}, amqpserver.Options{IdleTimeout: 300 * time.Millisecond})
				d, log := door(t, srv)
				p := throughDoor(t, dial(t, d))
				p.openWith(&amqp.Open{ContainerID: "x", MaxFrameSize: 512}).begin(0)
				c.act(srv, p)
				end := next[*amqp.Close](p)
				if c.condition == "" && end.Error != nil || c.condition != "" && (end.Error == nil || end.Error.Condition != c.condition) {
					t.Errorf("closed with %v", end.Error)
				}
				if c.condition != "" {
					p.send(0, &amqp.Close{})
				}
				if n, err := p.Read(make([]byte, 1)); err == nil {
					t.Errorf("%d bytes behind the close", n)
				}
				p.Close()
				for e := range log.Follow(t.Context(), transcript.Filter{Registration: "dev-01"}) {
					if e.Kind == transcript.KindClosed {
						if e.Summary != c.why {
							t.Errorf("closed because %q", e.Summary)
						}
						return
					}
				}
				t.Error("the end is not recorded")
			})
		}
	}
}

func TestTheFrontDoorIsNotHeldOpen(t *testing.T) {
	for transport, dial := range dialers {
		t.Run(transport, func(t *testing.T) {
			d, _ := door(t, amqpserver.New(&handler{}, amqpserver.Options{}))
			p := throughDoor(t, dial(t, d))
			p.openWith(&amqp.Open{ContainerID: "x", MaxFrameSize: 512}).begin(0)
			closed := make(chan error, 1)
			go func() { closed <- d.Close(context.Background()) }()
			if err := within(t, "the end of the door", closed); err != nil {
				t.Error(err)
			}
		})
	}
}
