package controlserver

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"sync"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
)

const (
	// heartbeat is how long a stream is silent at most, so that its reader can tell a
	// quiet server from a dead one.
	heartbeat   = 15 * time.Second
	streamWrite = 30 * time.Second // for one event to reach the reader's socket
)

// Stream answers with server-sent events, one a value, until seq ends. seq must end with
// the request's context, which the reader's leaving and Server.Close end.
func Stream[T any](w http.ResponseWriter, r *http.Request, seq iter.Seq[T]) error {
	s, _ := r.Context().Value(serverKey{}).(*Server)
	if s == nil {
		return fmt.Errorf("stream: the request came by no control server")
	}
	out := stream{w: w, control: http.NewResponseController(w)}
	// The request is read; the deadline for that would end the stream when it passes.
	if err := out.control.SetReadDeadline(time.Time{}); err != nil {
		return fmt.Errorf("stream: %w", err)
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	if err := out.send(nil); err != nil {
		return err
	}

	ctx, cancel := context.WithCancel(r.Context())
	var beating sync.WaitGroup
	beating.Go(func() {
		for clock.Wait(ctx, s.options.Clock, heartbeat) == nil && out.send([]byte(": alive\n\n")) == nil {
		}
	})
	defer beating.Wait()
	defer cancel()

	for v := range seq {
		body, err := json.Marshal(v)
		if err == nil {
			err = out.send(fmt.Appendf(nil, "data: %s\n\n", body))
		}
		if err != nil {
			return fmt.Errorf("stream: %w", err)
		}
	}
	return nil
}

// stream is the writing end, shared by the events and the heartbeat.
type stream struct {
	mu      sync.Mutex
	w       http.ResponseWriter
	control *http.ResponseController
}

func (s *stream) send(b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.control.SetWriteDeadline(clock.SocketDeadline(streamWrite)); err != nil {
		return err
	}
	if _, err := s.w.Write(b); err != nil {
		return err
	}
	return s.control.Flush()
}
