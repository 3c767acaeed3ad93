package frontdoor_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/transcript"
)

func socket(t *testing.T, d *frontdoor.Door, path string, c *tls.Config, header http.Header, subprotocols ...string) (*websocket.Conn, *http.Response, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	ws, r, err := websocket.Dial(ctx, "wss://"+hubName+path, &websocket.DialOptions{
		HTTPClient: browser(t, "127.0.0.1", d.Ports().HTTPS, c), Subprotocols: subprotocols, HTTPHeader: header,
	})
	if err == nil {
		t.Cleanup(func() { ws.CloseNow() })
		ws.SetReadLimit(-1)
	}
	return ws, r, err
}

func TestAWebSocketIsToldBySubprotocolAndNotByPath(t *testing.T) {
	d := open(t, frontdoor.Options{})
	h := add(t, d, host(t, hubName))
	for _, c := range []struct {
		offered []string
		echoed  string
		kind    string
	}{
		{[]string{"mqtt"}, "mqtt", "mqtt"},
		{[]string{"MQTT"}, "MQTT", "mqtt"},
		{[]string{"mQtT"}, "mQtT", "mqtt"},
		{[]string{"AMQPWSB10"}, "AMQPWSB10", "amqp"},
		{[]string{"amqpwsb10"}, "amqpwsb10", "amqp"},
		{[]string{"soap", "MQTT"}, "MQTT", "mqtt"},
		{[]string{"AMQPWSB10", "mqtt"}, "AMQPWSB10", "amqp"},
	} {
		for _, path := range []string{"/", "/mqtt", "/$iothub/websocket", "/$iothub/websocket?iothub-no-client-cert=true"} {
			t.Run(strings.Join(c.offered, ",")+" on "+path, func(t *testing.T) {
				ws, r, err := socket(t, d, path, client(hubName), nil, c.offered...)
				if err != nil {
					t.Fatal(err)
				}
				if got := r.Header.Get("Sec-WebSocket-Protocol"); got != c.echoed {
					t.Errorf("echoed %q", got)
				}
				kind, text, err := ws.Read(t.Context())
				if err != nil || kind != websocket.MessageBinary || string(text) != c.kind+" "+hubName+"\n" {
					t.Errorf("read %v %q %v", kind, text, err)
				}
			})
		}
	}
	told(t, h.Log, transcript.KindClosed, `upgraded to WebSocket, subprotocol "MQTT"`)
	if e := told(t, h.Log, transcript.KindNote, `WebSocket on path "/$iothub/websocket", subprotocol "MQTT"`); e.Protocol != transcript.MQTT {
		t.Errorf("the stream is recorded as %s", e.Protocol)
	}
	if e := told(t, h.Log, transcript.KindMessage, "101"); e.Protocol != transcript.HTTP {
		t.Errorf("the upgrade is recorded as %s", e.Protocol)
	}
}

func TestAnUpgradeWithoutAKnownSubprotocolIs400(t *testing.T) {
	d := open(t, frontdoor.Options{})
	h := host(t, hubName)
	h.AMQP = nil
	add(t, d, h)
	for rule, offered := range map[string][]string{
		"none":                     nil,
		"an unknown one":           {"soap"},
		"one that is not served":   {"AMQPWSB10"},
		"a longer one":             {"mqttv3.1"},
		"several, of which no one": {"a", "b"},
	} {
		t.Run(rule, func(t *testing.T) {
			_, r, err := socket(t, d, "/$iothub/websocket", client(hubName), nil, offered...)
			if err == nil || r == nil || r.StatusCode != http.StatusBadRequest {
				t.Errorf("got %v, %v", r, err)
			}
		})
	}
}

func TestWebSocketStream(t *testing.T) {
	d := open(t, frontdoor.Options{})
	h := host(t, hubName)
	h.MQTT = func(_ context.Context, c *frontdoor.Conn) {
		fmt.Fprintln(c, c.WebSocket(), c.PeerCertificates()[0].Subject.CommonName)
		io.Copy(c, c)
	}
	add(t, d, h)
	config := client(hubName)
	config.Certificates = []tls.Certificate{deviceCertificate(t, "dev-01")}
	begin := func(t *testing.T, header http.Header) *websocket.Conn {
		ws, _, err := socket(t, d, "/", config, header, "mqtt")
		if err != nil {
			t.Fatal(err)
		}
		if _, text, err := ws.Read(t.Context()); err != nil || string(text) != "true dev-01\n" {
			t.Fatalf("read %q %v", text, err)
		}
		return ws
	}
	t.Run("a message larger than the largest MQTT packet closes it, one as large passes", func(t *testing.T) {
		ws := begin(t, nil)
		sent := bytes.Repeat([]byte("x"), 256<<10+64<<10)
		if err := ws.Write(t.Context(), websocket.MessageBinary, sent); err != nil {
			t.Fatal(err)
		}
		for got := 0; got < len(sent); {
			_, part, err := ws.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got += len(part)
		}
		ws.Write(t.Context(), websocket.MessageBinary, bytes.Repeat([]byte("x"), 512<<10))
		for {
			if _, _, err := ws.Read(t.Context()); err != nil {
				break
			}
		}
	})
	t.Run("a text message closes it", func(t *testing.T) {
		ws := begin(t, nil)
		if err := ws.Write(t.Context(), websocket.MessageText, []byte("hello")); err != nil {
			t.Fatal(err)
		}
		if _, _, err := ws.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusUnsupportedData {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a ping is answered", func(t *testing.T) {
		ws := begin(t, nil)
		ctx := ws.CloseRead(t.Context())
		if err := ws.Ping(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Run("any Origin will do", func(t *testing.T) {
		begin(t, http.Header{"Origin": {"https://example.org"}})
	})
}

func TestAWebSocketIsClosedWithAFrameWhenItsStreamIsDone(t *testing.T) {
	d := open(t, frontdoor.Options{})
	h := host(t, hubName)
	h.MQTT = func(_ context.Context, c *frontdoor.Conn) { c.Because("that was all") }
	add(t, d, h)
	ws, _, err := socket(t, d, "/", client(hubName), nil, "mqtt")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := ws.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusNormalClosure {
		t.Errorf("got %v", err)
	}
	told(t, h.Log, transcript.KindClosed, "that was all")

	t.Run("which nobody has to answer", func(t *testing.T) {
		if _, _, err := socket(t, d, "/", client(hubName), nil, "mqtt"); err != nil {
			t.Fatal(err)
		}
		elapsed := clock.Stopwatch()
		if err := d.Remove(h); err != nil {
			t.Error(err)
		}
		if e := elapsed(); e > 3*time.Second {
			t.Errorf("closed after %v", e)
		}
	})
}

func TestAWebSocketMessageIsBounded(t *testing.T) {
	d := open(t, frontdoor.Options{})
	h := host(t, hubName)
	read := make(chan int64, 1)
	h.MQTT = func(_ context.Context, c *frontdoor.Conn) {
		n, _ := io.Copy(io.Discard, c)
		read <- n
	}
	add(t, d, h)
	ws, _, err := socket(t, d, "/", client(hubName), nil, "mqtt")
	if err != nil {
		t.Fatal(err)
	}
	const largest = 384 << 10
	if err := ws.Write(t.Context(), websocket.MessageBinary, make([]byte, largest)); err != nil {
		t.Fatalf("the largest message: %v", err)
	}
	go ws.Write(t.Context(), websocket.MessageBinary, make([]byte, 4<<20)) // ends with the connection
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, _, err := ws.Read(ctx); websocket.CloseStatus(err) != websocket.StatusMessageTooBig {
		t.Errorf("got %v", err)
	}
	if n := within(t, "the stream's end", read); n < largest || n > 2*largest+1 { // the one by which it is known
		t.Errorf("%d bytes were read", n)
	}
}
