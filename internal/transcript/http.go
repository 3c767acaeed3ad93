package transcript

import (
	"fmt"
	"strconv"
	"strings"
)

const (
	httpHead = 64 << 10 // start line and headers of one message, and its trailers
	httpLine = 4 << 10  // a chunk's size line
)

// httpExchange is what the two directions of an HTTP connection know of each other.
type httpExchange struct {
	// heads has an entry for each request that waits for its response: whether it is a
	// HEAD, whose response has no body whatever its headers say.
	heads    []bool
	upgraded bool
}

// httpDecoder decodes HTTP/1.1 messages of one direction. It takes what peers really
// send: bare line feeds, folded headers, empty lines before a message.
type httpDecoder struct {
	exchange *httpExchange
	requests bool

	state   httpState
	line    []byte // the line that has begun
	head    int    // bytes of start line and headers so far
	message message
	names   []string // header names, as keys for values
	values  []string
	left    int64 // of the body or chunk
	got     int64 // bytes since the message began
}

type httpState uint8

const (
	httpStart httpState = iota
	httpHeaders
	httpBody    // left bytes
	httpToClose // a response that ends with its connection
	httpChunkSize
	httpChunk    // left bytes
	httpChunkEnd // the line end after a chunk
	httpTrailers
	httpDone // given up, or upgraded
)

func httpDecoders(side Side) (received, sent decoder) {
	x := &httpExchange{}
	requests, responses := &httpDecoder{exchange: x, requests: true}, &httpDecoder{exchange: x}
	if side == Server {
		return requests, responses
	}
	return responses, requests
}

func (d *httpDecoder) feed(b []byte, emit func(message)) {
	for len(b) > 0 && d.state != httpDone {
		if d.requests && d.exchange.upgraded {
			d.state = httpDone // these are WebSocket frames
			return
		}
		switch d.state {
		case httpBody, httpChunk:
			n := min(int64(len(b)), d.left)
			d.take(b[:n])
			b, d.left = b[n:], d.left-n
			if d.left == 0 && d.state == httpBody {
				d.finish(emit)
			} else if d.left == 0 {
				d.state = httpChunkEnd
			}
		case httpToClose:
			d.take(b)
			b = nil
		default:
			b = d.lines(b, emit)
		}
	}
}

// lines collects one line and returns what follows it.
func (d *httpDecoder) lines(b []byte, emit func(message)) []byte {
	for i, c := range b {
		d.got++
		if c == '\n' {
			line := strings.TrimSuffix(string(d.line), "\r")
			d.line = d.line[:0]
			if err := d.heard(line, emit); err != "" {
				d.state = httpDone
				emit(garbage(err))
			}
			return b[i+1:]
		}
		d.line = append(d.line, c)
		d.head++
		if d.head > httpHead || d.state == httpChunkSize && len(d.line) > httpLine {
			d.state = httpDone
			emit(garbage("an HTTP message whose head is too long"))
			return nil
		}
	}
	return nil
}

// heard takes a whole line. It returns why it cannot, without quoting the line.
func (d *httpDecoder) heard(line string, emit func(message)) (why string) {
	switch d.state {
	case httpStart:
		return d.start(line)
	case httpHeaders:
		if line == "" {
			return d.framing(emit)
		}
		return d.header(line, "")
	case httpChunkSize:
		size, _, _ := strings.Cut(line, ";")
		n, err := strconv.ParseUint(strings.TrimSpace(size), 16, 63)
		if err != nil {
			return "an HTTP chunk without a size"
		}
		d.left, d.state = int64(n), httpChunk
		if n == 0 {
			d.state = httpTrailers
		}
		d.head = 0
	case httpChunkEnd:
		if line != "" {
			return "an HTTP chunk that is longer than its size"
		}
		d.state, d.head = httpChunkSize, 0
	case httpTrailers:
		if line != "" {
			return d.header(line, "trailer ")
		}
		d.finish(emit)
	}
	return ""
}

// start takes a request line or a status line.
func (d *httpDecoder) start(line string) (why string) {
	if line == "" {
		d.got, d.head = 0, 0
		return ""
	}
	d.message = message{kind: KindMessage}
	if !d.requests {
		version, rest, _ := strings.Cut(line, " ")
		status, _, _ := strings.Cut(rest, " ")
		code, err := strconv.ParseUint(status, 10, 16)
		if !strings.HasPrefix(version, "HTTP/1.") || err != nil || code < 100 || code > 999 {
			return "bytes that begin no HTTP/1 response"
		}
		d.message.summary = line
		d.state = httpHeaders
		return ""
	}
	method, rest, _ := strings.Cut(line, " ")
	space := strings.LastIndexByte(rest, ' ')
	if !httpToken(method) || space < 1 || !strings.HasPrefix(rest[space+1:], "HTTP/1.") {
		return "bytes that begin no HTTP/1 request"
	}
	d.exchange.heads = append(d.exchange.heads, method == "HEAD")
	d.message.summary = method + " " + redactTarget(rest[:space]) + rest[space:]
	d.state = httpHeaders
	return ""
}

// header takes a header line, or a folded one that goes on.
func (d *httpDecoder) header(line, prefix string) (why string) {
	last := len(d.values) - 1
	if (line[0] == ' ' || line[0] == '\t') && last >= 0 {
		d.values[last] += " " + strings.TrimSpace(line)
		return ""
	}
	name, value, found := strings.Cut(line, ":")
	if !found || !httpToken(name) {
		return "an HTTP header without a name"
	}
	d.names = append(d.names, prefix+name)
	d.values = append(d.values, strings.TrimSpace(value))
	return ""
}

// framing finds how long the body is (RFC 9112 6.3) once the headers are complete.
func (d *httpDecoder) framing(emit func(message)) (why string) {
	d.head = 0
	chunked, length := false, int64(-1)
	for i, name := range d.names {
		switch strings.ToLower(name) {
		case "transfer-encoding":
			chunked = chunked || strings.HasSuffix(strings.ToLower(d.values[i]), "chunked")
		case "content-length":
			n, err := strconv.ParseUint(d.values[i], 10, 63)
			if err != nil || length >= 0 && length != int64(n) {
				return "an HTTP message whose Content-Length is no number, or is two"
			}
			length = int64(n)
		}
	}
	if !d.requests {
		status := d.status()
		head := false
		if status >= 200 || status == 101 { // every other 1xx comes before the response
			if len(d.exchange.heads) > 0 {
				head, d.exchange.heads = d.exchange.heads[0], d.exchange.heads[1:]
			}
		}
		switch {
		case status == 101:
			d.finish(emit)
			d.exchange.upgraded, d.state = true, httpDone
			emit(message{kind: KindNote, summary: "upgraded to WebSocket"})
			return ""
		case head || status < 200 || status == 204 || status == 304:
			d.finish(emit)
			return ""
		case !chunked && length < 0:
			d.state = httpToClose
			return ""
		}
	}
	switch {
	case chunked:
		d.state = httpChunkSize
	case length > 0:
		d.left, d.state = length, httpBody
	default:
		d.finish(emit)
	}
	return ""
}

// status is the status code of the response, which start has checked.
func (d *httpDecoder) status() int {
	_, rest, _ := strings.Cut(d.message.summary, " ")
	text, _, _ := strings.Cut(rest, " ")
	code, _ := strconv.Atoi(text)
	return code
}

func (d *httpDecoder) take(b []byte) {
	d.got += int64(len(b))
	d.message.size += int64(len(b))
	d.message.body = append(d.message.body, b[:min(len(b), keptBody-len(d.message.body))]...)
}

// finish tells the message and waits for the next.
func (d *httpDecoder) finish(emit func(message)) {
	for i, name := range d.names {
		d.message.lines = append(d.message.lines, name+": "+redactHeader(strings.TrimPrefix(name, "trailer "), d.values[i]))
	}
	emit(d.message)
	d.state, d.head, d.got = httpStart, 0, 0
	d.message, d.names, d.values = message{}, nil, nil
}

func (d *httpDecoder) end(emit func(message)) {
	switch {
	case d.state == httpToClose:
		d.finish(emit)
	case d.state != httpDone && d.got > 0:
		emit(message{kind: KindNote, summary: fmt.Sprintf("closed inside an HTTP message, after %d bytes of it", d.got)})
	}
	d.state = httpDone
}

// httpToken reports whether s can be a method or a header name (RFC 9110 5.6.2).
func httpToken(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return s != ""
}
