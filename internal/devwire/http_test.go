package devwire_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
)

// canned reads one request head on c and returns its lines; body bytes are left.
func canned(c *tls.Conn) []string {
	var lines []string
	r := bufio.NewReader(c)
	for {
		line, err := r.ReadString('\n')
		if line = strings.TrimRight(line, "\r\n"); err != nil || line == "" {
			return lines
		}
		lines = append(lines, line)
	}
}

func TestRequestsGoOutAsGiven(t *testing.T) {
	lab := newLab(t)
	heard := make(chan []string, 1)
	port := lab.serve(t, lab.tls(), func(c *tls.Conn) {
		heard <- canned(c)
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
	})
	for name, tc := range map[string]struct {
		request devwire.HTTPRequest
		lines   []string
	}{
		"a path with what net/http would escape": {
			request: devwire.HTTPRequest{Method: "GET", Path: "/a%2Fb/../{x}|y/%zz?q=a b&api-version"},
			lines:   []string{"GET /a%2Fb/../{x}|y/%zz?q=a b&api-version HTTP/1.1", "Host: " + serviceHost},
		},
		"header names in their case": {
			request: devwire.HTTPRequest{Method: "PUT", Path: "/x", Header: http.Header{"authorization": {"t"}, "Host": {"other:443"}}, Body: []byte("{}")},
			lines:   []string{"PUT /x HTTP/1.1", "Host: other:443", "authorization: t", "Content-Length: 2"},
		},
		"an empty PUT": {
			request: devwire.HTTPRequest{Method: "PUT", Path: "/x"},
			lines:   []string{"Content-Length: 0"},
		},
		"no user agent": {
			request: devwire.HTTPRequest{Method: "GET", Path: "/x", Header: http.Header{"User-Agent": {""}}},
			lines:   []string{"GET /x HTTP/1.1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			client := lab.wire().HTTP(endpoint(serviceHost, port), devwire.DialOptions{})
			defer client.Close()
			response, err := client.Do(soon(t), tc.request)
			if err != nil {
				t.Fatal(err)
			}
			if response.Status != 200 || string(response.Body) != "{}" || response.Proto != "HTTP/1.1" {
				t.Errorf("%s", response)
			}
			lines := <-heard
			for _, want := range tc.lines {
				if !slices.Contains(lines, want) {
					t.Errorf("no %q in %q", want, lines)
				}
			}
			for _, never := range []string{"Accept-Encoding", "Go-http-client"} {
				if strings.Contains(strings.Join(lines, "\n"), never) {
					t.Errorf("%s was added: %q", never, lines)
				}
			}
		})
	}
}

func TestPathsThatNetHTTPCannotSend(t *testing.T) {
	client := newLab(t).wire().HTTP(endpoint(serviceHost, 1), devwire.DialOptions{})
	for _, path := range []string{"", "x", "//x"} {
		var notSent *devwire.NotSent
		if _, err := client.Do(soon(t), devwire.HTTPRequest{Method: "GET", Path: path}); !errors.As(err, &notSent) {
			t.Errorf("%q: %v", path, err)
		}
	}
}

func TestOneConnectionIsKept(t *testing.T) {
	lab := newLab(t)
	var accepted atomic.Int64
	port := lab.serve(t, lab.tls(), func(c *tls.Conn) {
		accepted.Add(1)
		for range 2 { // then the server closes
			if canned(c) == nil {
				return
			}
			io.WriteString(c, "HTTP/1.1 302 Found\r\nLocation: https://example.com/\r\nContent-Length: 0\r\n\r\n")
		}
	})
	client := lab.wire().HTTP(endpoint(serviceHost, port), devwire.DialOptions{})
	defer client.Close()
	for i := range 4 {
		response, err := client.Do(soon(t), devwire.HTTPRequest{Method: "GET", Path: "/x"})
		if err != nil || response.Status != 302 {
			t.Fatalf("request %d: %d, %v", i, response.Status, err)
		}
	}
	if n := accepted.Load(); n != 2 {
		t.Errorf("%d connections for four requests, of which the server lets two pass on one", n)
	}
}

func TestBodiesAreLimited(t *testing.T) {
	lab := newLab(t)
	port := lab.serve(t, lab.tls(), func(c *tls.Conn) {
		canned(c)
		io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
		c.Write(bytes.Repeat([]byte("x"), 2<<20))
	})
	client := lab.wire().HTTP(endpoint(serviceHost, port), devwire.DialOptions{})
	defer client.Close()
	response, err := client.Do(soon(t), devwire.HTTPRequest{Method: "GET", Path: "/x"})
	if err == nil || len(response.Body) > 1<<20+1 {
		t.Fatalf("%d bytes, %v", len(response.Body), err)
	}
}

func TestASilentServerIsLeftAfterTheTimeout(t *testing.T) {
	lab := newLab(t)
	port := lab.serve(t, lab.tls(), func(c *tls.Conn) { io.Copy(io.Discard, c) })
	wire := lab.wire()
	wire.Timeouts.Answer = 50 * time.Millisecond
	client := wire.HTTP(endpoint(serviceHost, port), devwire.DialOptions{})
	defer client.Close()
	if _, err := client.Do(soon(t), devwire.HTTPRequest{Method: "GET", Path: "/x"}); err == nil {
		t.Fatal("an answer came from nowhere")
	}
	if _, err := wire.RawHTTP(soon(t), endpoint(serviceHost, port), devwire.DialOptions{}, []byte("GET / HTTP/1.1\r\n\r\n")); err == nil {
		t.Fatal("a raw answer came from nowhere")
	}
}

func TestBodiesDecode(t *testing.T) {
	object := devwire.HTTPResponse{Status: 200, Body: []byte(`{"a":1}`)}
	if v, err := object.JSON(); err != nil || v["a"] != 1.0 {
		t.Errorf("%v, %v", v, err)
	}
	list := devwire.HTTPResponse{Status: 200, Body: []byte(`[{"a":1},{"a":2}]`)}
	if v, err := list.List(); err != nil || len(v) != 2 {
		t.Errorf("%v, %v", v, err)
	}
	var malformed *devwire.Malformed
	if _, err := list.JSON(); !errors.As(err, &malformed) {
		t.Errorf("a list was read as an object: %v", err)
	}
	if _, err := (devwire.HTTPResponse{Body: []byte(`{"a":1} x`)}).JSON(); err == nil {
		t.Error("what follows the object was taken")
	}
	refusal := devwire.HTTPResponse{Status: 409, Body: []byte(`{"errorCode":409001,"message":"exists"}`)}
	if d := refusal.Error(); d == nil || d.ErrorCode != 409001 {
		t.Errorf("%v", d)
	}
	if (devwire.HTTPResponse{Status: 200, Body: refusal.Body}).Error() != nil || (devwire.HTTPResponse{Status: 500}).Error() != nil {
		t.Error("an error document where there is none")
	}
}

func TestRawHTTP(t *testing.T) {
	long := strings.Repeat("x", 100)
	for name, tc := range map[string]struct {
		request, answer, want string
		err                   error
	}{
		"one answer, the connection stays": {request: "GET / HTTP/1.1\r\n\r\n", answer: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"},
		"a hundred-continue comes before":  {request: "PUT / HTTP/1.1\r\n\r\n", answer: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"},
		"head has no body":                 {request: "HEAD / HTTP/1.1\r\n\r\n", answer: "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"},
		"until the server closes":          {request: "GET / HTTP/1.1\r\n\r\n", answer: "HTTP/1.1 200 OK\r\n\r\n" + long},
		"what is no http comes back as is": {request: "\x00\x01\r\n\r\n", answer: "?? " + long},
		"no answer":                        {request: "GET / HTTP/1.1\r\n\r\n", err: io.EOF},
	} {
		t.Run(name, func(t *testing.T) {
			lab := newLab(t)
			heard := make(chan string, 1)
			hold := make(chan struct{})
			port := lab.serve(t, lab.tls(), func(c *tls.Conn) {
				b := make([]byte, len(tc.request))
				io.ReadFull(c, b)
				heard <- string(b)
				io.WriteString(c, tc.answer)
				if strings.Contains(tc.answer, "Content-Length") {
					<-hold // the client must not wait for the end
				}
			})
			defer close(hold)
			got, err := lab.wire().RawHTTP(soon(t), endpoint(serviceHost, port), devwire.DialOptions{}, []byte(tc.request))
			if !errors.Is(err, tc.err) || string(got) != tc.answer {
				t.Errorf("got %q, %v", got, err)
			}
			if got := <-heard; got != tc.request {
				t.Errorf("the server heard %q", got)
			}
		})
	}
}

func TestRawHTTPKeepsTheAnswerOfAServerThatStopsReading(t *testing.T) {
	lab := newLab(t)
	const answer = "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
	port := lab.serve(t, lab.tls(), func(c *tls.Conn) {
		io.ReadFull(c, make([]byte, 1024))
		io.WriteString(c, answer)
		io.Copy(io.Discard, c)
	})
	request := fmt.Appendf(nil, "PUT / HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s", 1<<19, strings.Repeat("x", 1<<19))
	got, err := lab.wire().RawHTTP(soon(t), endpoint(serviceHost, port), devwire.DialOptions{}, request)
	if err != nil || string(got) != answer {
		t.Errorf("got %q, %v", got, err)
	}
}
