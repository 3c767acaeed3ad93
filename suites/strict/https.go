package strict

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/devwire"
)

// httpsScript is how an SDK speaks HTTPS (device-api.md 1.1, 1.2).
type httpsScript struct {
	register func(s SDK, d Device) httpRequest
	poll     func(s SDK, d Device, operationID string) httpRequest
}

// httpRequest is a request byte by byte: its header has the SDK's names, in its order.
type httpRequest struct {
	method, target string // target is path and query
	header         [][2]string
	body           []byte
}

func (q httpRequest) bytes() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", q.method, q.target)
	for _, field := range q.header {
		if field[1] != "" { // an X.509 device has no Authorization
			fmt.Fprintf(&b, "%s: %s\r\n", field[0], field[1])
		}
	}
	b.WriteString("\r\n")
	b.Write(q.body)
	return b.Bytes()
}

// requests is a registration over HTTPS. It is an exchange.
type requests struct {
	*run
	send func(ctx context.Context, request []byte) ([]byte, error)
}

func (r *run) overHTTPS() *requests {
	d := r.device
	return &requests{r, func(ctx context.Context, request []byte) ([]byte, error) {
		return d.Wire.RawHTTP(ctx, d.Endpoint, devwire.DialOptions{Certificate: d.Identity.Certificate, MaxVersion: r.sdk.maxTLS}, request)
	}}
}

func (r *requests) ask(ctx context.Context, poll bool, operationID string) (Answer, error) {
	request, what := httpRequest{}, "the answer to register"
	if poll {
		request, what = r.sdk.https.poll(r.sdk, r.device, operationID), "the answer to the poll"
	} else {
		request = r.sdk.https.register(r.sdk, r.device)
	}
	waiting, done := r.waiting(ctx)
	defer done()
	response, err := r.send(waiting, request.bytes())
	if err != nil {
		return Answer{}, r.unheard(waiting, err, what)
	}
	a, err := parseResponse(request.method, response)
	if err != nil {
		return Answer{}, r.complain(r.sdk.session, "%s is no HTTP response: %v", what, err)
	}
	a.Poll = poll
	return a, nil
}

// pause waits before a poll. Nothing can come meanwhile.
func (r *requests) pause(ctx context.Context, d time.Duration) error {
	if err := clock.Wait(ctx, r.device.clock(), d); err != nil {
		return fmt.Errorf("waiting to poll: %w", err)
	}
	return nil
}

// maxBody bounds what is taken of a response: far more than any answer of the service.
const maxBody = 1 << 20

// parseResponse reads a response to its end.
func parseResponse(method string, b []byte) (Answer, error) {
	response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(b)), &http.Request{Method: method})
	if err != nil {
		return Answer{}, err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	if err != nil {
		return Answer{}, err
	}
	if len(body) > maxBody {
		return Answer{}, fmt.Errorf("its body is longer than %d bytes", maxBody)
	}
	return Answer{
		Code: response.StatusCode, Header: response.Header, Body: body,
		Sized: response.ContentLength >= 0,
	}, nil
}
