// Package controlapi is the client of a lab's control port, for suites, scenarios and the
// simulator. It knows the wire and nothing of the server: the JSON is written down here
// for itself.
package controlapi

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
)

const (
	// requestTime bounds a request that is not a stream, answer included.
	requestTime = time.Minute
	// silence is how long the server may say nothing. A stream has a heartbeat every 15 s.
	silence = 45 * time.Second

	answerLimit     = 8 << 20
	transcriptLimit = 256 << 20
	errorLimit      = 4 << 10
)

// Client calls one control port. It is safe for concurrent use.
type Client struct {
	base  *url.URL
	bad   error // what was wrong with the URL given to New
	token string
	http  *http.Client
}

// Error is a refusal by the control port.
type Error struct {
	Status  int
	Message string // the server's one line
}

func (e *Error) Error() string { return fmt.Sprintf("control port: %d %s", e.Status, e.Message) }

// New returns a client for the control port at a URL such as "https://127.0.0.1:9443".
// Every call fails when the URL is none. The connection goes to the host in the URL and
// to nothing else, never through a proxy; only a host that is neither an IP address nor
// localhost, such as a container's name, is looked up.
func New(at, token string, roots *x509.CertPool) *Client { return NewAt(at, "", token, roots) }

// NewAt is New for a port that is published elsewhere than its URL says: address is dialled
// instead of the URL's host, on the URL's port. The URL's name is what its certificate and
// its Host check know. An empty address is New.
func NewAt(at, address, token string, roots *x509.CertPool) *Client {
	c := &Client{token: token}
	c.base, c.bad = parse(at)
	c.http = &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:               nil,
			TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout: 10 * time.Second,
			IdleConnTimeout:     silence / 2,
			MaxIdleConnsPerHost: 8,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return dial(ctx, c.base, address)
			},
		},
	}
	return c
}

func parse(at string) (*url.URL, error) {
	u, err := url.Parse(at)
	switch {
	case err != nil:
		return nil, errors.New("the control URL cannot be parsed; it looks like https://127.0.0.1:9443")
	case u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || strings.Trim(u.Path, "/") != "":
		return nil, errors.New("the control URL is not https://host:port")
	}
	return u, nil
}

// dial connects to the host of the control URL, or to the address that stands for it.
// localhost needs no resolver.
func dial(ctx context.Context, to *url.URL, address string) (net.Conn, error) {
	hosts, port := []string{to.Hostname()}, to.Port()
	if port == "" {
		port = "443"
	}
	switch {
	case address != "":
		hosts = []string{address}
	case strings.EqualFold(to.Hostname(), "localhost"):
		hosts = []string{"127.0.0.1", "::1"}
	}
	d := net.Dialer{Timeout: 10 * time.Second}
	var failed []error
	for _, host := range hosts {
		conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(host, port))
		if err == nil {
			return deadlined{conn}, nil
		}
		failed = append(failed, err)
	}
	return nil, errors.Join(failed...)
}

// deadlined gives every read and write a deadline of its own, so that a stream can last
// and a dead server cannot.
type deadlined struct{ net.Conn }

func (d deadlined) Read(b []byte) (int, error) {
	if err := d.SetReadDeadline(clock.SocketDeadline(silence)); err != nil {
		return 0, err
	}
	return d.Conn.Read(b)
}

// Write also gives the read that waits on an idle connection a new deadline: its answer
// is due from now.
func (d deadlined) Write(b []byte) (int, error) {
	if err := d.SetDeadline(clock.SocketDeadline(silence)); err != nil {
		return 0, err
	}
	return d.Conn.Write(b)
}

// Close closes idle connections. A client that is not closed leaves none for long.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// path joins escaped segments: names and handles may hold any character.
func path(segments ...string) string {
	var b strings.Builder
	b.WriteString("/v1")
	for _, s := range segments {
		b.WriteString("/" + url.PathEscape(s))
	}
	return b.String()
}

// do sends a request. The caller closes the body of the answer, whose status is 2xx.
func (c *Client) do(ctx context.Context, method, path string, query url.Values, body any, accept string) (*http.Response, error) {
	if c.bad != nil {
		return nil, c.bad
	}
	var content io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("control request: %w", err)
		}
		content = bytes.NewReader(b)
	}
	target := "https://" + c.base.Host + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, target, content)
	if err != nil {
		return nil, fmt.Errorf("control request: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Accept", accept)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("control port: %w; is the lab running?", err)
	}
	if res.StatusCode/100 != 2 {
		defer res.Body.Close()
		return nil, refusal(res)
	}
	return res, nil
}

func refusal(res *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(res.Body, errorLimit))
	var said struct {
		Error string `json:"error"`
	}
	if err != nil || json.Unmarshal(text, &said) != nil || said.Error == "" {
		said.Error = http.StatusText(res.StatusCode) + ", with no word why; is this a dpslab control port?"
	}
	return &Error{Status: res.StatusCode, Message: strings.Join(strings.Fields(said.Error), " ")}
}

// call sends a request and decodes the answer into a T; an answer without a body leaves
// it zero.
func call[T any](ctx context.Context, c *Client, method, path string, query url.Values, body any, limit int64) (T, error) {
	var answer T
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	res, err := c.do(ctx, method, path, query, body, "application/json")
	if err != nil {
		return answer, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	switch {
	case err != nil:
		return answer, fmt.Errorf("control port: %s %s: %w", method, path, err)
	case int64(len(text)) > limit:
		return answer, fmt.Errorf("control port: %s %s answered more than %d bytes; ask for less", method, path, limit)
	case len(text) == 0:
		return answer, nil
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return answer, fmt.Errorf("control port: %s %s: the answer cannot be read: %w", method, path, err)
	}
	return answer, nil
}
