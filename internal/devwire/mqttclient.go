package devwire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
	"time"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/transcript"
	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// ConnectRefused is a CONNACK with a code other than 0.
type ConnectRefused struct{ Code byte }

func (r *ConnectRefused) Error() string {
	meaning := map[byte]string{1: "unacceptable protocol version", 2: "identifier rejected", 3: "server unavailable",
		4: "bad user name or password", 5: "not authorized"}[r.Code]
	if meaning == "" {
		meaning = "a code that MQTT 3.1.1 does not know"
	}
	return fmt.Sprintf("the server refused the mqtt connection with code %d, %s", r.Code, meaning)
}

// SubscribeRefused is a SUBACK that did not grant the filter.
type SubscribeRefused struct {
	Filter string
	Code   byte
}

func (r *SubscribeRefused) Error() string {
	return fmt.Sprintf("the server refused the subscription to %s with code %#x", r.Filter, r.Code)
}

// login is what a CONNECT carries.
type login struct{ clientID, username, password string }

const (
	keepAlive = 60 * time.Second
	quiesce   = 500 // milliseconds that paho may take to say goodbye
)

// mqttClient is a paho client on a connection of our own: one connection, one life.
type mqttClient struct {
	wire  *Wire
	paho  mqtt.Client
	guard *guard
	lost  chan struct{} // closed when the connection ended without Close
	once  sync.Once
	why   error // set before lost is closed
}

// openMQTT connects and logs in. heard gets every publish, on goroutines of paho's;
// ordered makes that one goroutine, which heard must not block then.
func (w *Wire) openMQTT(ctx context.Context, t dps.Transport, ep Endpoint, o DialOptions, l login, ordered bool,
	heard func(topic string, payload []byte)) (*mqttClient, error) {
	conn, err := w.openStream(ctx, t, ep, o)
	if err != nil {
		return nil, err
	}
	conn.record.Registration(l.clientID)
	conn.tls.record.Registration(l.clientID)
	c := &mqttClient{wire: w, guard: newGuard(conn, w.timeouts().Idle), lost: make(chan struct{})}
	options := mqtt.NewClientOptions().
		SetProtocolVersion(4). // else paho tries again with MQTT 3.1
		SetClientID(l.clientID).SetUsername(l.username).SetPassword(l.password).
		SetCleanSession(true).SetKeepAlive(keepAlive).
		SetAutoReconnect(false).SetConnectRetry(false).SetOrderMatters(ordered).
		SetConnectTimeout(w.timeouts().Answer).SetWriteTimeout(w.timeouts().Answer).
		SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) { heard(m.Topic(), m.Payload()) }).
		SetConnectionLostHandler(func(_ mqtt.Client, err error) { c.end(err) }).
		SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (net.Conn, error) { return c.guard, nil })
	options.Servers = []*url.URL{{Scheme: "tls", Host: ep.Host}}
	c.paho = mqtt.NewClient(options)
	if err := c.login(ctx); err != nil {
		conn.Close()
		return nil, fmt.Errorf("mqtt connect to %s as %s: %w", ep.Host, l.clientID, err)
	}
	return c, nil
}

func (c *mqttClient) login(ctx context.Context) error {
	ctx, cancel := within(ctx, c.wire.timeouts().Answer)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { c.guard.Close() })
	token := c.paho.Connect()
	<-token.Done() // paho answers when the guard is closed
	closing := !stop()
	switch refusal := c.guard.refusal.Load(); {
	case refusal != nil:
		return refusal
	case closing && ctx.Err() != nil:
		return fmt.Errorf("no CONNACK: %w", ctx.Err())
	case token.Error() != nil:
		return c.reason(token.Error())
	}
	return nil
}

// reason prefers what the guard saw to what paho made of it.
func (c *mqttClient) reason(err error) error {
	if seen := c.guard.err.Load(); seen != nil {
		err = *seen
	}
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("the server closed the connection: %w", io.EOF)
	}
	return err
}

func (c *mqttClient) end(err error) {
	c.once.Do(func() {
		c.why = c.reason(err)
		close(c.lost)
	})
}

// subscribe waits for the SUBACK of one filter at QoS 1.
func (c *mqttClient) subscribe(ctx context.Context, filter string) error {
	token := c.paho.Subscribe(filter, 1, nil).(*mqtt.SubscribeToken)
	if err := c.wait(ctx, token); err != nil {
		return fmt.Errorf("subscribe to %s: %w", filter, err)
	}
	if code := token.Result()[filter]; code > 1 {
		return &SubscribeRefused{Filter: filter, Code: code}
	}
	return nil
}

// publish sends at QoS 1 and waits for the PUBACK.
func (c *mqttClient) publish(ctx context.Context, topic string, payload []byte) error {
	if err := c.wait(ctx, c.paho.Publish(topic, 1, false, payload)); err != nil {
		return fmt.Errorf("publish to %s: %w", topic, err)
	}
	return nil
}

// wait ends with the token, the connection or the answer's timeout.
func (c *mqttClient) wait(ctx context.Context, token mqtt.Token) error {
	ctx, cancel := within(ctx, c.wire.timeouts().Answer)
	defer cancel()
	select {
	case <-token.Done():
		if err := token.Error(); err != nil {
			return c.reason(err)
		}
		return nil
	case <-c.lost:
		return c.why
	case <-ctx.Done():
		return fmt.Errorf("no acknowledgement: %w", ctx.Err())
	}
}

// close says goodbye, and does not wait for a server that does not listen.
func (c *mqttClient) close() {
	c.paho.Disconnect(quiesce)
	c.end(net.ErrClosed)
	c.guard.Close()
}

// stream is a byte stream that MQTT packets go over.
type stream struct {
	net.Conn
	record      *transcript.Conn // of the packets
	tls         *Conn
	subprotocol string
}

// openStream connects to the MQTTS port, or upgrades a connection to the HTTPS port.
func (w *Wire) openStream(ctx context.Context, t dps.Transport, ep Endpoint, o DialOptions) (*stream, error) {
	switch t {
	case dps.MQTT:
		conn, err := w.dial(ctx, ep, ep.MQTTSPort, transcript.MQTT, o)
		if err != nil {
			return nil, err
		}
		return &stream{Conn: conn, record: conn.record, tls: conn}, nil
	case dps.MQTTWebSocket:
		return w.upgrade(ctx, ep, o, mqttSubprotocol)
	default:
		return nil, notSent("%s does not carry mqtt; use mqtt or mqtt-ws", t)
	}
}
