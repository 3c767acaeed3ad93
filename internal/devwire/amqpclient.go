package devwire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/Azure/go-amqp"
	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/devwire/amqpframe"
	"github.com/dpslab/dpslab/internal/dps"
)

// amqpClient is go-amqp on a connection of our own, behind a SASL exchange of our own.
type amqpClient struct {
	wire    *Wire
	guard   *amqpGuard
	conn    *amqp.Conn
	session *amqp.Session
}

// openAMQPClient connects, logs in and begins a session.
func (w *Wire) openAMQPClient(ctx context.Context, t dps.Transport, ep Endpoint, id Identity) (*amqpClient, error) {
	login, sasl, err := w.saslLogin(id)
	if err != nil {
		return nil, err
	}
	o := DialOptions{Certificate: id.Certificate, Path: id.AMQP.Path}
	options := &amqp.ConnOptions{ContainerID: id.AMQP.ContainerID}
	return w.amqpClient(ctx, t, ep, o, id.RegistrationID, login, sasl, options, id.AMQP)
}

func (w *Wire) amqpClient(ctx context.Context, t dps.Transport, ep Endpoint, o DialOptions, label string,
	login SASLLogin, sasl bool, options *amqp.ConnOptions, style AMQPStyle) (*amqpClient, error) {
	s, err := w.openAMQP(ctx, t, ep, o)
	if err != nil {
		return nil, err
	}
	line := amqpLine{amqpWriter{stream: s, wire: w}}
	line.register(label)
	c := &amqpClient{wire: w, guard: &amqpGuard{Conn: s, idle: w.timeouts().Idle}}
	port := ep.AMQPSPort
	if t == dps.AMQPWebSocket {
		port = ep.HTTPSPort
	}
	options.HostName = style.hostname(ep, port)
	options.IdleTimeout, options.WriteTimeout = -1, w.timeouts().Answer
	if err := c.open(ctx, line, login, sasl, options); err != nil {
		s.Close()
		return nil, fmt.Errorf("amqp connect to %s as %s: %w", ep.Host, label, err)
	}
	return c, nil
}

func (c *amqpClient) open(ctx context.Context, line amqpLine, login SASLLogin, sasl bool, options *amqp.ConnOptions) error {
	ctx, cancel := within(ctx, c.wire.timeouts().Answer)
	defer cancel()
	if sasl {
		stop := context.AfterFunc(ctx, func() { line.stream.tls.Close() })
		err := login.run(ctx, line)
		if !stop() && ctx.Err() != nil {
			return fmt.Errorf("no end of sasl %s: %w", login.Mechanism, ctx.Err())
		}
		if err != nil {
			return err
		}
	}
	conn, err := amqp.NewConn(ctx, c.guard, options)
	if err != nil {
		return c.reason(err)
	}
	c.conn = conn
	if c.session, err = conn.NewSession(ctx, nil); err != nil {
		conn.Close()
		return c.reason(err)
	}
	return nil
}

func (c *amqpClient) receiver(ctx context.Context, address string, o *amqp.ReceiverOptions) (*amqp.Receiver, error) {
	ctx, cancel := within(ctx, c.wire.timeouts().Answer)
	defer cancel()
	r, err := c.session.NewReceiver(ctx, address, o)
	return r, c.refused(err)
}

func (c *amqpClient) sender(ctx context.Context, address string, o *amqp.SenderOptions) (*amqp.Sender, error) {
	ctx, cancel := within(ctx, c.wire.timeouts().Answer)
	defer cancel()
	s, err := c.session.NewSender(ctx, address, o)
	return s, c.refused(err)
}

// refused is the reason why a link was not attached, of which go-amqp tells a server's
// detach as a bare error.
func (c *amqpClient) refused(err error) error {
	var bare *amqp.Error
	if err = c.reason(err); errors.As(err, &bare) {
		return goError("detach", bare)
	}
	return err
}

// send sends a message and waits for its outcome.
func (c *amqpClient) send(ctx context.Context, s *amqp.Sender, m *amqp.Message) (amqp.DeliveryState, error) {
	receipt, err := s.SendWithReceipt(ctx, m, nil)
	if err != nil && ctx.Err() != nil {
		return nil, fmt.Errorf("the server gave no credit: %w", ctx.Err())
	}
	if err != nil {
		return nil, c.reason(err)
	}
	state, err := receipt.Wait(ctx)
	if err != nil && ctx.Err() != nil {
		return nil, fmt.Errorf("no outcome: %w", ctx.Err())
	}
	return state, c.reason(err)
}

// receive waits for a message and accepts it.
func (c *amqpClient) receive(ctx context.Context, r *amqp.Receiver) (*amqp.Message, error) {
	m, err := r.Receive(ctx, nil)
	if err != nil {
		return nil, c.reason(err)
	}
	return m, c.reason(r.AcceptMessage(ctx, m))
}

// reason prefers what the guard saw, and what the server gave as its reason, to what
// go-amqp made of it.
func (c *amqpClient) reason(err error) error {
	if err == nil {
		return nil
	}
	var link *amqp.LinkError
	var session *amqp.SessionError
	var conn *amqp.ConnError
	switch {
	case errors.As(err, &link) && link.RemoteErr != nil:
		return goError("detach", link.RemoteErr)
	case errors.As(err, &session) && session.RemoteErr != nil:
		return goError("end", session.RemoteErr)
	case errors.As(err, &conn) && conn.RemoteErr != nil:
		return goError("close", conn.RemoteErr)
	}
	if seen := c.guard.err.Load(); seen != nil {
		return fmt.Errorf("the server ended the connection: %w", *seen)
	}
	return err
}

func goError(by string, e *amqp.Error) error {
	return makeAMQPError(by, string(e.Condition), e.Description)
}

// ended is why the connection ended.
func (c *amqpClient) ended() error {
	if err := c.conn.Err(); err != nil {
		return c.reason(err)
	}
	return net.ErrClosed
}

// close says goodbye, and does not wait for a server that does not listen.
func (c *amqpClient) close() { c.conn.Close() }

// saslLogin is how the identity logs in; ok is false when it begins with AMQP itself.
func (w *Wire) saslLogin(id Identity) (login SASLLogin, ok bool, err error) {
	mechanism := id.AMQP.SASL
	switch {
	case mechanism != "":
	case id.TPM != nil:
		mechanism = "TPM"
	case id.Key != nil:
		mechanism = "PLAIN"
	default:
		mechanism = NoSASL
	}
	address := AMQPLinkAddress(id.Scope, id.RegistrationID)
	switch mechanism {
	case NoSASL:
		return login, false, nil
	case "PLAIN":
		login = SASLPlain(address, id.Token(w.clock().Now()))
	case "EXTERNAL":
		login = SASLExternal()
	case "ANONYMOUS":
		login = SASLAnonymous()
	case "TPM":
		if login, err = w.SASLTPM(id); err != nil {
			return login, false, err
		}
	default:
		return login, false, notSent("sasl %q is none of PLAIN, TPM, EXTERNAL, ANONYMOUS and %s", mechanism, NoSASL)
	}
	if id.AMQP.SASLHostname {
		login.Hostname = address
	}
	return login, true, nil
}

// amqpLine reads and writes frames in turn, and reads not a byte too many.
type amqpLine struct{ amqpWriter }

func (l amqpLine) Next(context.Context) (amqpframe.Frame, error) {
	l.stream.SetReadDeadline(clock.SocketDeadline(l.wire.timeouts().Answer))
	return readAMQP(l.stream)
}

// amqpGuard stands between a connection and go-amqp. What go-amqp reads are whole frames
// that amqpframe has read before it: bounded, and of well-formed values.
type amqpGuard struct {
	net.Conn
	left []byte // of the last frame, not yet read by go-amqp
	idle time.Duration
	err  atomic.Pointer[error] // why frames ended
}

// Read is called by one goroutine at a time: go-amqp's start, then its reader.
func (g *amqpGuard) Read(b []byte) (int, error) {
	if len(g.left) == 0 {
		g.Conn.SetReadDeadline(clock.SocketDeadline(g.idle))
		raw, err := amqpframe.ReadBytes(g.Conn, maxRead)
		if err == nil {
			_, err = amqpframe.Parse(raw)
		}
		if err != nil {
			err = amqpReadError(err)
			g.err.CompareAndSwap(nil, &err)
			return 0, err
		}
		g.left = raw
	}
	n := copy(b, g.left)
	g.left = g.left[n:]
	return n, nil
}

// SetDeadline and SetReadDeadline are called by go-amqp. The read side is the guard's own.
func (g *amqpGuard) SetDeadline(t time.Time) error   { return g.Conn.SetWriteDeadline(t) }
func (g *amqpGuard) SetReadDeadline(time.Time) error { return nil }
