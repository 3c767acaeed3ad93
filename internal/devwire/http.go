package devwire

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/dpslab/dpslab/internal/transcript"
)

// HTTPRequest is one request as it goes out. Path holds the query too and is sent as it
// stands, escaped or not. Header names keep their case. A Host header replaces the
// endpoint's host. What net/http refuses to send goes through RawHTTP.
type HTTPRequest struct {
	Method, Path string
	Header       http.Header
	Body         []byte
}

// HTTPResponse is one response, read to its end.
type HTTPResponse struct {
	Status int
	Header http.Header
	Body   []byte
	Proto  string // "HTTP/1.1"
}

// JSON decodes the body as an object.
func (r HTTPResponse) JSON() (map[string]any, error) {
	var v map[string]any
	err := r.decode(&v)
	return v, err
}

// List decodes the body as an array of objects.
func (r HTTPResponse) List() ([]map[string]any, error) {
	var v []map[string]any
	err := r.decode(&v)
	return v, err
}

func (r HTTPResponse) decode(v any) error {
	if err := json.Unmarshal(r.Body, v); err != nil {
		return &Malformed{What: fmt.Sprintf("the body of a %d answer: %v", r.Status, err), Raw: r.Body}
	}
	return nil
}

// Error is the error document of a refusal, nil for a success or another body.
func (r HTTPResponse) Error() *ErrorDocument {
	if r.Status < 300 {
		return nil
	}
	doc, err := parseErrorDocument(r.Body)
	if err != nil {
		return nil
	}
	return doc
}

// HTTPClient sends requests to an endpoint over one connection, which it keeps alive and
// opens again when the server has closed it. It follows no redirect. net/http repeats a
// GET whose kept-alive connection turns out to be closed before any answer.
type HTTPClient struct {
	wire      *Wire
	endpoint  Endpoint
	label     string // registration id for the transcript
	operation func(HTTPRequest) (Operation, bool)
	transport *http.Transport
}

// HTTP returns a client of the endpoint's HTTPS port. Nothing is dialled yet.
func (w *Wire) HTTP(ep Endpoint, o DialOptions) *HTTPClient {
	c := &HTTPClient{wire: w, endpoint: ep}
	c.operation = func(r HTTPRequest) (Operation, bool) { return deviceOperation(ep.Host, r.Method, r.Path) }
	c.transport = &http.Transport{
		Proxy: nil, // Dial decides
		DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := w.dial(ctx, ep, ep.HTTPSPort, transcript.HTTP, o)
			if err != nil {
				return nil, err
			}
			conn.Transcript().Registration(c.label)
			return conn, nil
		},
		DisableCompression:     true,
		MaxConnsPerHost:        1,
		MaxIdleConnsPerHost:    1,
		IdleConnTimeout:        w.timeouts().Idle,
		MaxResponseHeaderBytes: 64 << 10,
	}
	return c
}

// Do sends one request and reads its response. A response of any status is no error; a
// body over 1 MiB is.
func (c *HTTPClient) Do(ctx context.Context, r HTTPRequest) (answer HTTPResponse, err error) {
	o, counted := c.operation(r)
	if !counted {
		return c.do(ctx, r)
	}
	unsent := c.wire.metered(ctx, o, func() int {
		answer, err = c.do(ctx, r)
		return answer.Status
	})
	return answer, cmp.Or(unsent, err)
}

func (c *HTTPClient) do(ctx context.Context, r HTTPRequest) (HTTPResponse, error) {
	ctx, cancel := within(ctx, c.wire.timeouts().Answer)
	defer cancel()
	request, err := c.request(ctx, r)
	if err != nil {
		return HTTPResponse{}, err
	}
	response, err := c.transport.RoundTrip(request)
	if err != nil {
		return HTTPResponse{}, fmt.Errorf("%s %s: %w", r.Method, r.Path, err)
	}
	defer response.Body.Close()
	answer := HTTPResponse{Status: response.StatusCode, Header: response.Header, Proto: response.Proto}
	answer.Body, err = io.ReadAll(io.LimitReader(response.Body, maxRead+1))
	if err == nil && len(answer.Body) > maxRead {
		err = fmt.Errorf("the body is longer than %d bytes", maxRead)
	}
	if err != nil {
		return answer, fmt.Errorf("%s %s: body of the %d answer: %w", r.Method, r.Path, answer.Status, err)
	}
	return answer, nil
}

func (c *HTTPClient) request(ctx context.Context, r HTTPRequest) (*http.Request, error) {
	if !strings.HasPrefix(r.Path, "/") || strings.HasPrefix(r.Path, "//") {
		return nil, notSent("path %q cannot be sent by net/http; it begins with one slash, or goes through RawHTTP", r.Path)
	}
	request := &http.Request{
		Method: r.Method,
		// Opaque is written as it stands, where Path would be escaped anew.
		URL:    &url.URL{Scheme: "https", Host: c.endpoint.Host, Opaque: r.Path},
		Host:   c.endpoint.Host,
		Header: r.Header.Clone(),
	}
	if request.Header == nil {
		request.Header = http.Header{}
	}
	if host := r.Header.Get("Host"); host != "" {
		request.Host = host
	}
	if _, given := request.Header["User-Agent"]; !given {
		request.Header.Set("User-Agent", "dpslab")
	}
	if len(r.Body) > 0 {
		request.Body = io.NopCloser(bytes.NewReader(r.Body))
		request.ContentLength = int64(len(r.Body))
	}
	return request.WithContext(ctx), nil
}

// Close closes the connection.
func (c *HTTPClient) Close() { c.transport.CloseIdleConnections() }
