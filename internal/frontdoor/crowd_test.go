package frontdoor_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/transcript"
)

func newReader(r io.Reader) *bufio.Reader { return bufio.NewReader(r) }

func TestSilentClientsDoNotKeepASpeakingOneWaiting(t *testing.T) {
	for rule, places := range map[string]int{
		"with places left":              0,   // as many as there are by default
		"when they take all the places": 100, // twice over
	} {
		t.Run(rule, func(t *testing.T) {
			d := open(t, frontdoor.Options{MaxHandshakes: places})
			add(t, d, host(t, hubName))
			for range 200 {
				tcp(t, "127.0.0.1", d.Ports().MQTTS)
			}
			elapsed := clock.Stopwatch()
			if got, _ := line(t, "127.0.0.1", d.Ports().MQTTS, client(hubName)); got != "mqtt "+hubName {
				t.Errorf("got %q", got)
			}
			// At worst it waits for two crowds that were hurried out in a second each,
			// which is far from the handshake's ten seconds a crowd.
			if e := elapsed(); e > 8*time.Second {
				t.Errorf("served after %v", e)
			}
		})
	}
}

func TestAClientThatSpeaksKeepsItsPlaceInACrowd(t *testing.T) {
	d := open(t, frontdoor.Options{MaxHandshakes: 2})
	h := add(t, d, host(t, hubName))
	// This one sends its ClientHello and takes its time with the rest.
	slow := tcp(t, "127.0.0.1", d.Ports().MQTTS)
	gate := &gated{Conn: slow, open: make(chan struct{}), waiting: make(chan struct{})}
	done := make(chan error, 1)
	go func() { done <- tls.Client(gate, client(hubName)).Handshake() }()
	within(t, "the first flight", gate.waiting)

	silent := tcp(t, "127.0.0.1", d.Ports().MQTTS)
	tcp(t, "127.0.0.1", d.Ports().MQTTS) // finds no place
	if _, err := silent.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Fatalf("a silent one in a crowd: %v", err)
	}
	close(gate.open)
	if err := within(t, "the slow client", done); err != nil {
		t.Error(err)
	}
	told(t, h.Log, transcript.KindNote, "TLS")
}

// gated holds back everything after the first write until it is opened.
type gated struct {
	net.Conn
	written       bool
	open, waiting chan struct{}
}

func (g *gated) Write(b []byte) (int, error) {
	if g.written {
		<-g.open
	}
	return g.Conn.Write(b)
}

func (g *gated) Read(b []byte) (int, error) {
	if !g.written {
		g.written = true
		close(g.waiting)
		<-g.open
	}
	return g.Conn.Read(b)
}

func TestAHandshakeThatIsNotCompletedIsGivenUp(t *testing.T) {
	d := open(t, frontdoor.Options{Timeouts: frontdoor.Timeouts{Handshake: 400 * time.Millisecond}})
	h := host(t, hubName)
	h.Default = true
	add(t, d, h)
	if _, err := tcp(t, "127.0.0.1", d.Ports().HTTPS).Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("got %v", err)
	}
	told(t, h.Log, transcript.KindClosed, "tls handshake failed")

	t.Run("and one that is has its own time", func(t *testing.T) {
		_, conn := line(t, "127.0.0.1", d.Ports().MQTTS, client(hubName))
		if err := clock.Wait(t.Context(), clock.System(), 600*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, "x")
		if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
			t.Error(err)
		}
	})
}

func TestCloseEndsEverything(t *testing.T) {
	d := open(t, frontdoor.Options{})
	h := host(t, hubName)
	ended := make(chan string, 2)
	h.MQTT = func(ctx context.Context, c *frontdoor.Conn) {
		fmt.Fprintln(c, "hello")
		io.Copy(io.Discard, c) // ends with the connection, whatever becomes of ctx
		<-ctx.Done()
		ended <- fmt.Sprint("mqtt, by WebSocket ", c.WebSocket())
	}
	add(t, d, h)
	p := d.Ports()
	_, mqtt := line(t, "127.0.0.1", p.MQTTS, client(hubName))
	tcp(t, "127.0.0.1", p.AMQPS)                   // silent
	dial(t, "127.0.0.1", p.HTTPS, client(hubName)) // without a request
	idle := browser(t, "127.0.0.1", p.HTTPS, client(hubName))
	get(t, idle, "https://"+hubName+"/") // between requests
	ws, _, err := socket(t, d, "/", client(hubName), nil, "mqtt")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := ws.Read(t.Context()); err != nil {
		t.Fatal(err)
	}

	elapsed := clock.Stopwatch()
	if err := d.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if e := elapsed(); e > 4*time.Second {
		t.Errorf("closed after %v, which is no better than cutting", e)
	}
	for range 2 {
		within(t, "a stream", ended)
	}
	if _, err := io.ReadAll(mqtt); err != nil {
		t.Errorf("the stream ends with %v and not with a close_notify", err)
	}
	told(t, h.Log, transcript.KindClosed, "the server is closing")
	if _, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", p.MQTTS)); err == nil {
		t.Error("it still listens")
	}
	if err := d.Close(context.Background()); err != nil {
		t.Errorf("closed twice: %v", err)
	}
}

func TestARequestInFlightMayFinish(t *testing.T) {
	d := open(t, frontdoor.Options{})
	h := host(t, hubName)
	begun, finish := make(chan struct{}), make(chan struct{})
	h.HTTP = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		select {
		case <-finish:
		case <-r.Context().Done():
			t.Error("the request is cut")
		}
	})
	add(t, d, h)
	status := make(chan int, 1)
	b := browser(t, "127.0.0.1", d.Ports().HTTPS, client(hubName))
	go func() {
		r, err := b.Get("https://" + hubName + "/")
		if err != nil {
			status <- 0
			return
		}
		r.Body.Close()
		status <- r.StatusCode
	}()
	within(t, "the request", begun)
	// Connections are asked to end in no order: when all of these have ended, so, all but
	// surely, has the one with the request been asked.
	streams := make([]*tls.Conn, 20)
	for i := range streams {
		_, streams[i] = line(t, "127.0.0.1", d.Ports().MQTTS, client(hubName))
	}
	elapsed := clock.Stopwatch()
	removed := make(chan error, 1)
	go func() { removed <- d.Remove(h) }()
	for _, stream := range streams {
		io.Copy(io.Discard, stream)
	}
	select {
	case <-removed:
		t.Fatal("Remove did not wait")
	default:
	}
	close(finish)
	if err := within(t, "Remove", removed); err != nil {
		t.Error(err)
	}
	if got := <-status; got != 200 {
		t.Errorf("got %d", got)
	}
	if e := elapsed(); e > 4*time.Second {
		t.Errorf("after the answer the connection stays open until it is cut, %v in all", e)
	}
}

func TestWhatDoesNotEndIsCut(t *testing.T) {
	d := open(t, frontdoor.Options{Timeouts: frontdoor.Timeouts{Shutdown: 50 * time.Millisecond}})
	h := host(t, hubName)
	begun := make(chan struct{})
	h.HTTP = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
	})
	add(t, d, h)
	b := browser(t, "127.0.0.1", d.Ports().HTTPS, client(hubName))
	failed := make(chan error, 1)
	go func() {
		_, err := b.Get("https://" + hubName + "/")
		failed <- err
	}()
	within(t, "the request", begun)
	if err := d.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if err := within(t, "the client", failed); err == nil {
		t.Error("it got an answer")
	}
}

func TestAHandlerThatIgnoresItsContextIsNamed(t *testing.T) {
	d := open(t, frontdoor.Options{Timeouts: frontdoor.Timeouts{Shutdown: 20 * time.Millisecond}})
	h := host(t, hubName)
	stuck := make(chan struct{})
	h.MQTT = func(_ context.Context, c *frontdoor.Conn) {
		fmt.Fprintln(c, "hello")
		<-stuck
	}
	add(t, d, h)
	line(t, "127.0.0.1", d.Ports().MQTTS, client(hubName))
	if err := d.Remove(h); err == nil {
		t.Error("Remove reports success")
	}
	close(stuck)
}

func TestRemoveEndsItsHostsConnectionsOnly(t *testing.T) {
	d := open(t, frontdoor.Options{})
	gone, stays := add(t, d, host(t, dpsName)), add(t, d, host(t, hubName))
	_, first := line(t, "127.0.0.1", d.Ports().MQTTS, client(dpsName))
	_, second := line(t, "127.0.0.1", d.Ports().MQTTS, client(hubName))
	ws, _, err := socket(t, d, "/", client(hubName), nil, "mqtt")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Remove(gone); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("its connection: %v", err)
	}
	fmt.Fprint(second, "x")
	if _, err := io.ReadFull(second, make([]byte, 1)); err != nil {
		t.Errorf("another's connection: %v", err)
	}
	if _, _, err := ws.Read(t.Context()); err != nil {
		t.Errorf("another's WebSocket: %v", err)
	}
	ws.Close(websocket.StatusNormalClosure, "")
	if err := d.Remove(stays); err != nil {
		t.Error(err)
	}
}
