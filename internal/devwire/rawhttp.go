package devwire

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/transcript"
)

// RawHTTP sends bytes to the endpoint's HTTPS port as they are, on a connection of their
// own, and returns the bytes that came back: until one whole response has been read, or
// the server closes, or the answer's timeout ends. A connection closed without an answer
// is io.EOF.
func (w *Wire) RawHTTP(ctx context.Context, ep Endpoint, o DialOptions, request []byte) (answer []byte, err error) {
	operation, counted := rawOperation(ep.Host, request)
	if !counted {
		return w.rawHTTP(ctx, ep, o, request)
	}
	unsent := w.metered(ctx, operation, func() int {
		answer, err = w.rawHTTP(ctx, ep, o, request)
		return 0
	})
	return answer, cmp.Or(unsent, err)
}

// rawOperation reads the request line, as far as it is one.
func rawOperation(host string, request []byte) (Operation, bool) {
	line, _, _ := strings.Cut(string(request[:min(len(request), 4<<10)]), "\r\n")
	fields := strings.Fields(line)
	if len(fields) < 2 {
		return Operation{}, false
	}
	return deviceOperation(host, fields[0], fields[1])
}

func (w *Wire) rawHTTP(ctx context.Context, ep Endpoint, o DialOptions, request []byte) ([]byte, error) {
	conn, err := w.dial(ctx, ep, ep.HTTPSPort, transcript.HTTP, o)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	conn.SetDeadline(clock.SocketDeadline(w.timeouts().Answer))
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()

	// A server may answer and close before it has read everything: what it said counts,
	// not that the rest could not be written.
	_, writeErr := conn.Write(request)
	var heard bytes.Buffer
	err = readResponse(io.TeeReader(io.LimitReader(conn, maxRead), &heard), method(request))
	if heard.Len() > 0 {
		return heard.Bytes(), nil
	}
	if writeErr != nil {
		err = errors.Join(writeErr, err)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, io.EOF
	}
	return nil, fmt.Errorf("raw request to %s: %w", ep.Host, err)
}

// readResponse reads until one final response is whole. What does not parse is read to
// its end.
func readResponse(r io.Reader, method string) error {
	br := bufio.NewReader(r)
	for {
		response, err := http.ReadResponse(br, &http.Request{Method: method})
		if err != nil {
			if _, drained := io.Copy(io.Discard, br); drained != nil {
				return drained
			}
			return err
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			return err
		}
		if response.StatusCode >= 200 || response.StatusCode == http.StatusSwitchingProtocols {
			return nil
		}
	}
}

// method is the request's, for HEAD has no body to wait for.
func method(request []byte) string {
	word, _, _ := strings.Cut(string(request[:min(len(request), 16)]), " ")
	return word
}
