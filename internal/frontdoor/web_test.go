package frontdoor_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/internal/transcript"
)

func pkiOptions() pki.Options { return pki.Options{Now: clock.System().Now()} }

func TestAnHTTPRequestKnowsItsConnection(t *testing.T) {
	d := open(t, frontdoor.Options{})
	h := host(t, hubName)
	h.Service = "hub-1"
	h.HTTP = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := frontdoor.FromContext(r.Context())
		at := c.At("register")
		fmt.Fprintln(w, r.Method, r.URL, r.TLS.ServerName, r.TLS.PeerCertificates[0].Subject.CommonName,
			c.PeerCertificates()[0].Subject.CommonName, c.WebSocket(), at.Service, at.Listener, at.Step, at.Transcript != nil)
	})
	add(t, d, h)
	config := client(hubName)
	config.Certificates = []tls.Certificate{deviceCertificate(t, "dev-01")}
	b := browser(t, "127.0.0.1", d.Ports().HTTPS, config)
	want := "GET /a?b=%2F " + hubName + " dev-01 dev-01 false hub-1 127.0.0.1 register true"
	for range 2 { // the second one on the same connection
		if status, got := get(t, b, "https://"+hubName+"/a?b=%2F"); status != 200 || got != want {
			t.Errorf("got %d %q", status, got)
		}
	}
	opened := 0
	for _, e := range h.Log.Events(transcript.Filter{}) {
		if e.Kind == transcript.KindOpened {
			opened++
		}
	}
	if opened != 1 {
		t.Errorf("two requests made %d connections", opened)
	}
	told(t, h.Log, transcript.KindMessage, "GET /a?b=%2F")
	told(t, h.Log, transcript.KindMessage, "200 OK")
}

func TestAtWithoutALogHasNoTranscript(t *testing.T) {
	d := open(t, frontdoor.Options{})
	h := host(t, hubName)
	h.Log = nil
	h.MQTT = func(_ context.Context, c *frontdoor.Conn) {
		fmt.Fprintln(c, c.Transcript() == nil, c.At("connect").Transcript == nil)
	}
	add(t, d, h)
	if got, _ := line(t, "127.0.0.1", d.Ports().MQTTS, client(hubName)); got != "true true" {
		t.Errorf("got %q", got)
	}
}

// exchange sends raw bytes over TLS and reads the first line of the answer.
func exchange(t *testing.T, d *frontdoor.Door, request string) string {
	t.Helper()
	conn, err := dial(t, "127.0.0.1", d.Ports().HTTPS, client(hubName))
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(conn, request)
	status, _ := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSpace(status)
}

func TestTheHostSeesEveryRequest(t *testing.T) {
	d := open(t, frontdoor.Options{})
	h := host(t, hubName)
	h.HTTP = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) })
	add(t, d, h)
	for _, request := range []string{"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "GET //a/../b HTTP/1.1\r\nHost: h\r\n\r\n"} {
		if got := exchange(t, d, request); !strings.Contains(got, "418") {
			t.Errorf("%q is answered %q", request, got)
		}
	}
	if got := exchange(t, d, "GET / HTTP/1.1\r\nHost: h\r\nX: "+strings.Repeat("x", 80<<10)+"\r\n\r\n"); !strings.Contains(got, "431") {
		t.Errorf("a header of 80 KiB is answered %q", got)
	}
}

func TestAHostWithoutHTTPIs404(t *testing.T) {
	d := open(t, frontdoor.Options{})
	h := host(t, hubName)
	h.HTTP = nil
	add(t, d, h)
	if status, _ := get(t, browser(t, "127.0.0.1", d.Ports().HTTPS, client(hubName)), "https://"+hubName+"/"); status != 404 {
		t.Errorf("got %d", status)
	}
}

func TestARequestThatStopsHalfwayIsGivenUp(t *testing.T) {
	d := open(t, frontdoor.Options{Timeouts: frontdoor.Timeouts{HeaderRead: 50 * time.Millisecond, Body: 50 * time.Millisecond, Idle: 50 * time.Millisecond}})
	h := host(t, hubName)
	h.HTTP = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/unread" {
			return
		}
		if _, err := io.ReadAll(r.Body); err != nil {
			w.WriteHeader(http.StatusRequestTimeout)
		}
	})
	add(t, d, h)
	for rule, request := range map[string]string{
		"in the header":             "GET / HTTP/1.1\r\nHos",
		"in the body":               "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab",
		"in a body that is chunked": "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
		"in a body nobody reads":    "PUT /unread HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab",
		"after a whole one":         "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
	} {
		t.Run(rule, func(t *testing.T) {
			conn, err := dial(t, "127.0.0.1", d.Ports().HTTPS, client(hubName))
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(conn, request)
			if _, err := io.ReadAll(conn); err != nil {
				t.Errorf("the server does not close: %v", err)
			}
		})
	}
}

func TestASlowAnswerOutlivesTheBodysDeadline(t *testing.T) {
	const body = 300 * time.Millisecond
	d := open(t, frontdoor.Options{Timeouts: frontdoor.Timeouts{Body: body}})
	h := host(t, hubName)
	h.HTTP = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.ReadAll(r.Body)
		if err := clock.Wait(r.Context(), clock.System(), 2*body); err != nil {
			w.WriteHeader(http.StatusGatewayTimeout)
		}
	})
	add(t, d, h)
	r, err := browser(t, "127.0.0.1", d.Ports().HTTPS, client(hubName)).
		Post("https://"+hubName+"/", "text/plain", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != 200 {
		t.Errorf("got %d", r.StatusCode)
	}
}

func TestAHijackedConnectionEndsWithItsHandler(t *testing.T) {
	d := open(t, frontdoor.Options{})
	h := host(t, hubName)
	h.HTTP = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, _, err := w.(http.Hijacker).Hijack(); err != nil {
			t.Error(err)
		}
	})
	add(t, d, h)
	if got := exchange(t, d, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"); got != "" {
		t.Errorf("got %q", got)
	}
	if err := d.Remove(h); err != nil {
		t.Error(err)
	}
}

func TestAClientThatDoesNotReadItsAnswersIsDropped(t *testing.T) {
	d := open(t, frontdoor.Options{Timeouts: frontdoor.Timeouts{Write: 100 * time.Millisecond}})
	h := host(t, hubName)
	h.HTTP = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, strings.Repeat("x", 64<<10)) })
	add(t, d, h)
	conn, err := dial(t, "127.0.0.1", d.Ports().HTTPS, client(hubName))
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(clock.SocketDeadline(20 * time.Second))
	for {
		// More requests behind it would be read only as answers go out.
		_, err := io.WriteString(conn, strings.Repeat("GET / HTTP/1.1\r\nHost: h\r\n\r\n", 100))
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("it is kept")
		}
		if err != nil {
			break
		}
	}
	told(t, h.Log, transcript.KindClosed, "")
}
