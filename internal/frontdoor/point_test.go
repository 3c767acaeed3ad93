package frontdoor_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/internal/transcript"
)

func TestAcceptPoint(t *testing.T) {
	refuse := frontdoor.Accept.Plan(func(c point.Call, a *frontdoor.Acceptance) {
		a.Refuse = c.Listener == "127.3.4.9" && c.Step == frontdoor.StepAccept
	})
	t.Run("resets at a host's own address", func(t *testing.T) {
		d := open(t, frontdoor.Options{})
		h := host(t, hubName)
		h.Address = "127.3.4.9"
		add(t, d, h)
		arm(t, h, refuse)
		// The reset may be here before Dial returns.
		conn, err := tls.Dial("tcp", net.JoinHostPort("127.3.4.9", strconv.Itoa(d.Ports().MQTTS)), client(hubName))
		if err == nil {
			conn.Close()
		}
		if !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("got %v", err)
		}
		told(t, h.Log, transcript.KindInjected, "test-defect at frontdoor.accept")
		told(t, h.Log, transcript.KindClosed, "reset at accept")
	})
	t.Run("is passed at the default host on a shared address", func(t *testing.T) {
		d := open(t, frontdoor.Options{})
		dps, hub := host(t, dpsName), host(t, hubName)
		dps.Default = true
		add(t, d, dps)
		add(t, d, hub)
		arm(t, dps, refuse)
		if got, _ := line(t, "127.0.0.1", d.Ports().MQTTS, client(hubName)); got != "mqtt "+hubName {
			t.Errorf("went to %q", got)
		}
		told(t, dps.Log, transcript.KindInjected, "frontdoor.accept")
		told(t, dps.Log, transcript.KindClosed, "the client asks for "+hubName)
		if e := told(t, hub.Log, transcript.KindNote, "TLS"); e.Service != hubName {
			t.Errorf("recorded at %q", e.Service)
		}
	})
}

func TestClientHelloPoint(t *testing.T) {
	other := serverCertificate(t, false, "other.example.org")
	for _, c := range []struct {
		rule   string
		act    func(*frontdoor.Hello)
		config func(*tls.Config)
		want   string // in the client's error; empty: none
	}{
		{"an alert", func(h *frontdoor.Hello) { h.Alert = true }, nil, "internal error"},
		{"another certificate", func(h *frontdoor.Hello) { h.Certificate = &other }, nil, "other.example.org"},
		{"a demand for a client certificate, not met", func(h *frontdoor.Hello) { h.RequireClientCert = true }, nil, "certificate required"},
		{"a demand for a client certificate, met", func(h *frontdoor.Hello) { h.RequireClientCert = true },
			func(c *tls.Config) { c.Certificates = []tls.Certificate{deviceCertificate(t, "dev-01")} }, ""},
		{"a configuration of its own", func(h *frontdoor.Hello) {
			h.Config = func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 }
		}, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, "protocol version"},
		{"nothing", func(h *frontdoor.Hello) {}, nil, ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			d := open(t, frontdoor.Options{})
			h := add(t, d, host(t, hubName))
			// A ticket of a connection before must not get the client around the fault.
			config := client(hubName)
			config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
			if c.config != nil {
				c.config(config)
			}
			line(t, "127.0.0.1", d.Ports().MQTTS, config)
			arm(t, h, frontdoor.ClientHello.Plan(func(call point.Call, hello *frontdoor.Hello) {
				if call.Step != frontdoor.StepHello || hello.ServerName != hubName {
					t.Errorf("passed as %+v for %q", call.At, hello.ServerName)
				}
				c.act(hello)
			}))
			conn, err := dial(t, "127.0.0.1", d.Ports().MQTTS, config)
			if err == nil { // in TLS 1.3 the server judges the client's certificate last
				_, err = conn.Read(make([]byte, 1))
			}
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v", err)
			}
			told(t, h.Log, transcript.KindInjected, "test-defect at frontdoor.client-hello")
		})
	}
}

func TestUpgradePoint(t *testing.T) {
	for _, c := range []struct {
		rule        string
		act         func(*frontdoor.UpgradeReply)
		subprotocol string
		status      int
	}{
		{"a subprotocol in lower case", func(u *frontdoor.UpgradeReply) { u.Subprotocol = strings.ToLower(u.Subprotocol) }, "mqtt", 101},
		{"no subprotocol", func(u *frontdoor.UpgradeReply) { u.Subprotocol = "" }, "", 101},
		{"a refusal by path", func(u *frontdoor.UpgradeReply) { u.Refuse = u.Path == "/mqtt" }, "", 400},
	} {
		t.Run(c.rule, func(t *testing.T) {
			d := open(t, frontdoor.Options{})
			h := add(t, d, host(t, hubName))
			arm(t, h, frontdoor.Upgrade.Plan(func(call point.Call, u *frontdoor.UpgradeReply) {
				if call.Step != frontdoor.StepUpgrade {
					t.Errorf("passed at step %q", call.Step)
				}
				c.act(u)
			}))
			conn, err := dial(t, "127.0.0.1", d.Ports().HTTPS, client(hubName))
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(conn, "GET /mqtt HTTP/1.1\r\nHost: h\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"+
				"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: MQTT\r\n\r\n")
			r := response(t, conn)
			if r.StatusCode != c.status || r.Header.Get("Sec-WebSocket-Protocol") != c.subprotocol {
				t.Errorf("got %d %q", r.StatusCode, r.Header.Get("Sec-WebSocket-Protocol"))
			}
			told(t, h.Log, transcript.KindInjected, "test-defect at frontdoor.upgrade")
		})
	}
}

func TestAPlanMayTakeLongerThanTheHandshake(t *testing.T) {
	const handshake = 400 * time.Millisecond
	d := open(t, frontdoor.Options{Timeouts: frontdoor.Timeouts{Handshake: handshake}})
	h := host(t, hubName)
	h.Default = true
	add(t, d, h)
	arm(t, h, frontdoor.Accept.Plan(func(c point.Call, _ *frontdoor.Acceptance) { clock.Wait(c, c.Clock, 2*handshake) }))
	arm(t, h, frontdoor.ClientHello.Plan(func(c point.Call, _ *frontdoor.Hello) { clock.Wait(c, c.Clock, 2*handshake) }))
	if got, _ := line(t, "127.0.0.1", d.Ports().MQTTS, client(hubName)); got != "mqtt "+hubName {
		t.Errorf("went to %q", got)
	}
}

func TestAPlanThatWaitsEndsWithTheDoor(t *testing.T) {
	d := open(t, frontdoor.Options{})
	h := add(t, d, host(t, hubName))
	waiting := make(chan struct{})
	arm(t, h, frontdoor.ClientHello.Plan(func(c point.Call, _ *frontdoor.Hello) {
		close(waiting)
		<-c.Done()
	}))
	go tls.Client(tcp(t, "127.0.0.1", d.Ports().MQTTS), client(hubName)).Handshake()
	within(t, "the plan", waiting)
	if err := d.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

func response(t *testing.T, conn io.Reader) *http.Response {
	t.Helper()
	r, err := http.ReadResponse(newReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Body.Close() })
	return r
}
