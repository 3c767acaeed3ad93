package devwire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/transcript"
)

// UpgradeRefused is an answer to a WebSocket upgrade that is not 101.
type UpgradeRefused struct{ Status int }

func (r *UpgradeRefused) Error() string {
	return fmt.Sprintf("the server answered the websocket upgrade with %d", r.Status)
}

// The subprotocols that most clients ask for (device-api.md 0.1 item 13).
const (
	mqttSubprotocol = "mqtt"
	amqpSubprotocol = "AMQPWSB10"
)

// upgrade makes a byte stream of a WebSocket. Each write becomes one binary frame.
func (w *Wire) upgrade(ctx context.Context, ep Endpoint, o DialOptions, subprotocol string) (*stream, error) {
	if o.Subprotocols == nil {
		o.Subprotocols = []string{subprotocol}
	}
	ws, conn, record, err := w.webSocket(ctx, ep, o)
	if err != nil {
		return nil, err
	}
	life, end := context.WithCancel(context.Background())
	frames := &framed{Conn: websocket.NetConn(life, ws, websocket.MessageBinary), under: conn, ws: ws, end: end, record: record}
	return &stream{Conn: record.Wrap(frames), record: record, tls: conn, subprotocol: ws.Subprotocol()}, nil
}

// webSocket makes a WebSocket of a connection to the HTTPS port (device-api.md 2.9, 3.1).
// The record is of what the frames carry.
func (w *Wire) webSocket(ctx context.Context, ep Endpoint, o DialOptions) (*websocket.Conn, *Conn, *transcript.Conn, error) {
	ctx, cancel := within(ctx, w.timeouts().Dial+w.timeouts().Answer)
	defer cancel()
	conn, err := w.dial(ctx, ep, ep.HTTPSPort, transcript.HTTP, o)
	if err != nil {
		return nil, nil, nil, err
	}
	path, subprotocols := o.Path, o.Subprotocols
	if path == "" {
		path = "/$iothub/websocket"
	}
	if subprotocols == nil {
		subprotocols = []string{mqttSubprotocol}
	}
	ws, response, err := websocket.Dial(ctx, "wss://"+ep.Host+path, &websocket.DialOptions{
		HTTPClient:   &http.Client{Transport: oneConnection(conn), CheckRedirect: noRedirect},
		HTTPHeader:   http.Header{"User-Agent": {"dpslab"}},
		Host:         ep.Host,
		Subprotocols: subprotocols,
	})
	if err != nil {
		conn.Close()
		if response != nil && response.StatusCode != http.StatusSwitchingProtocols {
			err = &UpgradeRefused{Status: response.StatusCode}
		}
		return nil, nil, nil, fmt.Errorf("websocket to %s%s: %w", ep.Host, path, err)
	}
	carries := transcript.MQTT
	if slices.ContainsFunc(subprotocols, func(s string) bool { return strings.EqualFold(s, amqpSubprotocol) }) {
		carries = transcript.AMQP
	}
	record := w.Log.Open(transcript.Meta{
		Protocol: carries, Service: ep.Host, Listener: conn.RemoteAddr().String(), Peer: conn.LocalAddr().String(),
	})
	record.Note("over websocket, subprotocol " + ws.Subprotocol())
	return ws, conn, record, nil
}

// oneConnection is a transport that has a connection already and opens no other.
func oneConnection(conn net.Conn) *http.Transport {
	taken := make(chan net.Conn, 1)
	taken <- conn
	return &http.Transport{
		DisableCompression: true,
		DialTLSContext: func(context.Context, string, string) (net.Conn, error) {
			select {
			case c := <-taken:
				return c, nil
			default:
				return nil, errors.New("the server closed the connection before the upgrade")
			}
		},
	}
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// framed is a WebSocket as a connection.
type framed struct {
	net.Conn
	under  *Conn
	ws     *websocket.Conn
	end    context.CancelFunc
	record *transcript.Conn
	closed sync.Once
}

// closeGrace is how long a server may take to answer the closing handshake.
const closeGrace = 500 * time.Millisecond

// Close sends a close frame and gives the server a moment for its own. The inner Close
// comes after, to stop its timers: before, it would cut off the reader and with it the
// handshake.
func (f *framed) Close() (err error) {
	f.closed.Do(func() {
		f.under.SetDeadline(clock.SocketDeadline(closeGrace))
		f.ws.Close(websocket.StatusNormalClosure, "")
		f.Conn.Close()
		f.end()
		err = f.under.Close()
		f.record.Closed("closed by the client")
	})
	return err
}
