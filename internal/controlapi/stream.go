package controlapi

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
)

// eventLimit bounds one event of a stream.
const eventLimit = 4 << 20

// ErrStreamEnded is the error with which a stream ends that the server has closed.
var ErrStreamEnded = errors.New("control port: the server ended the stream")

// stream yields the server-sent events of a path. It ends quietly with ctx, and
// otherwise with one error.
func stream[T any](ctx context.Context, c *Client, path string, query url.Values) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		err := read(ctx, c, path, query, func(v T) bool { return yield(v, nil) })
		if err != nil && ctx.Err() == nil {
			var none T
			yield(none, err)
		}
	}
}

// read returns nil when yield asked for no more.
func read[T any](ctx context.Context, c *Client, path string, query url.Values, yield func(T) bool) error {
	// Leaving this function ends the request, and so the server's side of the stream.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	res, err := c.do(ctx, http.MethodGet, path, query, nil, "text/event-stream")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, eventLimit)
	for lines.Scan() {
		data, isData := bytes.CutPrefix(lines.Bytes(), []byte("data: "))
		if !isData {
			continue // a heartbeat, or the empty line after an event
		}
		var v T
		if err := json.Unmarshal(data, &v); err != nil {
			return fmt.Errorf("control port: %s: an event cannot be read: %w", path, err)
		}
		if ctx.Err() != nil || !yield(v) {
			return nil
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("control port: %s: %w", path, err)
	}
	return ErrStreamEnded
}
