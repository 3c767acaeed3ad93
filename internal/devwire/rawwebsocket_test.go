package devwire_test

import (
	"bufio"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"

	"github.com/coder/websocket"
	"github.com/dpslab/dpslab/internal/devwire"
)

// Kinds of message are kept apart both ways, pings are heard, and a close frame is io.EOF.
func TestRawWebSocketKeepsTextAndBinaryApart(t *testing.T) {
	lab := newLab(t)
	port := lab.serve(t, lab.tls(), func(c *tls.Conn) {
		serveHTTP(c, func(w http.ResponseWriter, r *http.Request) {
			ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"mqtt"}})
			if err != nil {
				return
			}
			defer ws.CloseNow()
			for range 2 {
				kind, b, err := ws.Read(r.Context())
				if err != nil {
					return
				}
				ws.Write(r.Context(), kind, append([]byte(kind.String()+" "), b...))
			}
			ws.Read(r.Context()) // answers the ping
		})
	})
	raw, err := lab.wire().RawWebSocket(soon(t), endpoint(serviceHost, port), devwire.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if raw.Subprotocol() != "mqtt" {
		t.Errorf("subprotocol %q", raw.Subprotocol())
	}
	for text, want := range map[bool]string{false: "MessageBinary ab", true: "MessageText ab"} {
		if err := raw.Send(soon(t), text, []byte("a"), []byte("b")); err != nil {
			t.Fatal(err)
		}
		m, err := raw.Next(soon(t))
		if err != nil || m.Text != text || string(m.Data) != want {
			t.Errorf("got %q, text %v, %v; want %q", m.Data, m.Text, err, want)
		}
	}
	if err := raw.Ping(soon(t)); err != nil {
		t.Errorf("ping: %v", err)
	}
	if err := raw.Send(soon(t), false, []byte("enough")); err != nil {
		t.Fatal(err)
	}
	if _, err := raw.Next(soon(t)); err != io.EOF {
		t.Errorf("after the server closed: %v", err)
	}
}

func TestRawWebSocketSendsAFrameForEachFragment(t *testing.T) {
	lab := newLab(t)
	heads := make(chan []byte, 1)
	port := lab.serve(t, lab.tls(), func(c *tls.Conn) {
		r, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		accept := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
			base64.StdEncoding.EncodeToString(accept[:]))
		var first []byte
		for range 3 {
			frame := make([]byte, 2)
			if _, err := io.ReadFull(c, frame); err != nil {
				break
			}
			first = append(first, frame[0])
			io.CopyN(io.Discard, c, 4+int64(frame[1]&0x7f)) // the mask and what it hides
		}
		heads <- first
	})
	raw, err := lab.wire().RawWebSocket(soon(t), endpoint(serviceHost, port), devwire.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if err := raw.Send(soon(t), false, []byte("MQ"), []byte("TT")); err != nil {
		t.Fatal(err)
	}
	// A binary frame that does not end the message, a continuation, the empty end.
	if got, want := <-heads, []byte{0x02, 0x00, 0x80}; !slices.Equal(got, want) {
		t.Errorf("frames began with % x, want % x", got, want)
	}
}
