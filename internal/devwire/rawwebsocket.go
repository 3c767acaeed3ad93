package devwire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/coder/websocket"
	"github.com/dpslab/dpslab/internal/transcript"
)

// RawWebSocket is an upgraded connection message by message, for checks of how MQTT is
// framed. It answers pings and hears pongs at all times.
type RawWebSocket struct {
	wire   *Wire
	host   string
	ws     *websocket.Conn
	conn   *Conn
	record *transcript.Conn
	limits Timeouts
	end    context.CancelFunc

	heard  chan WebSocketMessage // closed by the reader, after it set err
	err    error
	closed sync.Once
	reader sync.WaitGroup
}

// WebSocketMessage is one message, put together from its frames.
type WebSocketMessage struct {
	Text bool // of text frames, not of binary ones
	Data []byte
}

// RawWebSocket upgrades a connection and sends nothing on it.
func (w *Wire) RawWebSocket(ctx context.Context, ep Endpoint, o DialOptions) (*RawWebSocket, error) {
	ws, conn, record, err := w.webSocket(ctx, ep, o)
	if err != nil {
		return nil, err
	}
	ws.SetReadLimit(maxRead)
	life, end := context.WithCancel(context.Background())
	r := &RawWebSocket{
		wire: w, host: ep.Host, ws: ws, conn: conn, record: record, limits: w.timeouts(), end: end, heard: make(chan WebSocketMessage, packetBacklog),
	}
	r.reader.Go(func() { r.read(life) })
	return r, nil
}

// Subprotocol is what the server chose, as it spelled it.
func (r *RawWebSocket) Subprotocol() string { return r.ws.Subprotocol() }

// Send writes one message. Each fragment but a single one becomes a frame of its own, and
// an empty frame ends the message.
func (r *RawWebSocket) Send(ctx context.Context, text bool, fragments ...[]byte) error {
	ctx, cancel := within(ctx, r.limits.Answer)
	defer cancel()
	kind := websocket.MessageBinary
	if text {
		kind = websocket.MessageText
		r.record.Note("the next packet goes in a text frame")
	}
	r.wire.sentRaw(r.host)
	for _, fragment := range fragments {
		r.record.Sent(fragment)
	}
	if len(fragments) == 1 {
		return r.ws.Write(ctx, kind, fragments[0])
	}
	message, err := r.ws.Writer(ctx, kind)
	if err != nil {
		return err
	}
	for _, fragment := range fragments {
		if _, err := message.Write(fragment); err != nil {
			return fmt.Errorf("send fragment: %w", err)
		}
	}
	return message.Close()
}

// Ping sends a ping and waits for its pong.
func (r *RawWebSocket) Ping(ctx context.Context) error {
	ctx, cancel := within(ctx, r.limits.Answer)
	defer cancel()
	return r.ws.Ping(ctx)
}

// Next returns the next message of the server, io.EOF when it closed the connection
// instead. When none comes in time the error is context.DeadlineExceeded.
func (r *RawWebSocket) Next(ctx context.Context) (WebSocketMessage, error) {
	ctx, cancel := within(ctx, r.limits.Answer)
	defer cancel()
	select {
	case m, ok := <-r.heard:
		if !ok {
			return WebSocketMessage{}, r.err
		}
		return m, nil
	case <-ctx.Done():
		return WebSocketMessage{}, fmt.Errorf("no message came: %w", ctx.Err())
	}
}

// Close closes the connection without a close frame.
func (r *RawWebSocket) Close() {
	r.closed.Do(func() {
		r.end()
		r.conn.Close()
		r.ws.CloseNow()
		r.record.Closed("closed by the client")
	})
	r.reader.Wait()
}

func (r *RawWebSocket) read(ctx context.Context) {
	defer close(r.heard)
	for {
		kind, data, err := r.ws.Read(ctx)
		if err != nil {
			r.err = closedFrames(err)
			return
		}
		r.record.Received(data)
		select {
		case r.heard <- WebSocketMessage{Text: kind == websocket.MessageText, Data: data}:
		case <-ctx.Done():
			r.err = net.ErrClosed
			return
		}
	}
}

// closedFrames makes io.EOF of a close frame too, whatever its status says.
func closedFrames(err error) error {
	if websocket.CloseStatus(err) != -1 || errors.Is(err, io.ErrUnexpectedEOF) {
		return io.EOF
	}
	return ended(err)
}
