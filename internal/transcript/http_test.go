package transcript_test

import (
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/transcript"
)

func TestHTTP(t *testing.T) {
	const get = "GET /a?api-version=1 HTTP/1.1\r\nHost: h\r\n\r\n"
	const gave = "GET /a?api-version=1 HTTP/1.1 | Host: h"
	for name, c := range map[string]struct {
		conversation []said
		want         []string
	}{
		"request and response with Content-Length": {
			[]said{
				received("PUT /s/registrations/d/register?api-version=2021-06-01 HTTP/1.1\r\nHost: h\r\nContent-Length: 22\r\n\r\n{\"registrationId\":\"d\"}"),
				sent("HTTP/1.1 202 Accepted\r\nRetry-After: 3\r\nContent-Length: 2\r\n\r\n{}"),
			}, []string{
				`received: PUT /s/registrations/d/register?api-version=2021-06-01 HTTP/1.1 | Host: h | Content-Length: 22 || {"registrationId":"d"}`,
				`sent: HTTP/1.1 202 Accepted | Retry-After: 3 | Content-Length: 2 || {}`,
			},
		},
		"chunked both ways, with extension and trailer": {
			[]said{
				received("POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nT: 1\r\n\r\n"),
				sent("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
			}, []string{
				"received: POST /a HTTP/1.1 | Transfer-Encoding: chunked | trailer T: 1 || abc0123456789",
				"sent: HTTP/1.1 200 OK | Transfer-Encoding: gzip, Chunked || ok",
			},
		},
		"pipelined": {
			[]said{received(get + get), sent("HTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\n1HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2")},
			[]string{"received: " + gave, "received: " + gave, "sent: HTTP/1.1 404 Not Found | Content-Length: 1 || 1", "sent: HTTP/1.1 200 OK | Content-Length: 1 || 2"},
		},
		"no body for HEAD, 204, 304 and 1xx": {
			[]said{
				received("HEAD /a HTTP/1.1\r\n\r\n" + get + get + get),
				sent("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nHTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"),
			}, []string{
				"received: HEAD /a HTTP/1.1", "received: " + gave, "received: " + gave, "received: " + gave,
				"sent: HTTP/1.1 200 OK | Content-Length: 9", "sent: HTTP/1.1 204 No Content", "sent: HTTP/1.1 304 Not Modified | Content-Length: 9",
				"sent: HTTP/1.1 100 Continue", "sent: HTTP/1.1 200 OK | Content-Length: 1 || x",
			},
		},
		"response until the connection closes": {
			[]said{received(get), sent("HTTP/1.0 200 OK\r\n\r\nto the end")},
			[]string{"received: " + gave, "sent: HTTP/1.0 200 OK || to the end"},
		},
		"bare line feeds, empty lines before, a folded header": {
			[]said{received("\r\n\nGET /a HTTP/1.1\nX: one\n  two\n\n")},
			[]string{"received: GET /a HTTP/1.1 | X: one two"},
		},
		"upgrade to WebSocket": {
			[]said{
				received("GET /$iothub/websocket HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"),
				sent("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x82\x02ok"),
				received("\x82\x82\x01\x02\x03\x04no"), sent("\x82\x01x"),
			}, []string{
				"received: GET /$iothub/websocket HTTP/1.1 | Upgrade: websocket",
				"sent: HTTP/1.1 101 Switching Protocols | Upgrade: websocket",
				"sent: note upgraded to WebSocket",
			},
		},
		"closed inside a body": {
			[]said{received("POST /a HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc")},
			[]string{"received: note closed inside an HTTP message, after 43 bytes of it"},
		},
		"control characters and bad UTF-8": {
			[]said{received("GET /\x1b[2J HTTP/1.1\r\nX: a\x00b\xff\u202e\r\nContent-Length: 8\r\n\r\na\tb\nc\rd\x7f")},
			[]string{`received: GET /\u001b[2J HTTP/1.1 | X: a\u0000b\xff\u202e | Content-Length: 8 || ` + "a\tb\nc\\u000dd\\u007f"},
		},
		"not HTTP": {
			[]said{received("\x16\x03\x01\x00\x05hello\r\n" + get), sent("SSH-2.0-x\r\n\r\n")},
			[]string{"received: garbage bytes that begin no HTTP/1 request; the rest of this direction is not decoded", "sent: garbage bytes that begin no HTTP/1 response; the rest of this direction is not decoded"},
		},
		"HTTP/2": {
			[]said{received("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")},
			[]string{"received: garbage bytes that begin no HTTP/1 request; the rest of this direction is not decoded"},
		},
		"two lengths": {
			[]said{received("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")},
			[]string{"received: garbage an HTTP message whose Content-Length is no number, or is two; the rest of this direction is not decoded"},
		},
		"a chunk without a size": {
			[]said{received("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n")},
			[]string{"received: garbage an HTTP chunk without a size; the rest of this direction is not decoded"},
		},
		"a chunk longer than its size": {
			[]said{received("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n")},
			[]string{"received: garbage an HTTP chunk that is longer than its size; the rest of this direction is not decoded"},
		},
		"a header without a name": {
			[]said{received("GET / HTTP/1.1\r\nno colon\r\n\r\n")},
			[]string{"received: garbage an HTTP header without a name; the rest of this direction is not decoded"},
		},
	} {
		t.Run(name, func(t *testing.T) { check(t, transcript.Server, transcript.HTTP, c.conversation, c.want) })
	}
}

func TestHTTPOnTheClientSideSendsRequests(t *testing.T) {
	check(t, transcript.Client, transcript.HTTP,
		[]said{sent("HEAD / HTTP/1.1\r\n\r\n"), received("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")},
		[]string{"sent: HEAD / HTTP/1.1", "received: HTTP/1.1 200 OK | Content-Length: 5"})
}

func TestAHeadWithoutEndIsGivenUp(t *testing.T) {
	got := lines(tell(transcript.Server, transcript.HTTP, 1500, received("GET / HTTP/1.1\r\nX: "+strings.Repeat("a", 70000))))
	if len(got) != 1 || got[0] != "received: garbage an HTTP message whose head is too long; the rest of this direction is not decoded" {
		t.Fatalf("%q", got)
	}
}

func TestALongBodyIsCutWithANote(t *testing.T) {
	for _, size := range []int{16 << 10, 16<<10 + 1, 200 << 10} {
		body := strings.Repeat("é", size/2) + strings.Repeat("x", size%2)
		events := tell(transcript.Server, transcript.HTTP, 4096, sent("HTTP/1.1 200 OK\r\n\r\n"+body))
		got := events[0].Body
		if size == 16<<10 && got != body {
			t.Errorf("%d bytes: cut", size)
		}
		if size > 16<<10 && (len(got) > 17<<10 || !strings.Contains(got, "bytes in all]")) {
			t.Errorf("%d bytes: %d shown, ending %q", size, len(got), got[len(got)-40:])
		}
	}
}

func FuzzHTTP(f *testing.F) {
	f.Add([]byte("PUT /a?sig=x HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}GET / HTTP/1.1\r\n\r\n"), []byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"), uint8(3))
	f.Add([]byte("HEAD / HTTP/1.1\r\n\r\n"), []byte("HTTP/1.1 101 S\r\n\r\n\x82\x00"), uint8(1))
	f.Add([]byte("GET / HTTP/1.1\r\n x\r\n\r\n"), []byte("HTTP/1.0 200\r\n\r\n"), uint8(9))
	f.Fuzz(func(t *testing.T, in, out []byte, n uint8) { fuzz(t, transcript.HTTP, in, out, int(n)+1) })
}
