package devwire

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/devwire/amqpframe"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/transcript"
)

// AMQPConn is an AMQP connection frame by frame, for one goroutine to read. It sends
// nothing by itself: no header, no credit, no disposition, no empty frame.
//
//	c, err := wire.AMQP(ctx, dps.AMQP, ep, devwire.DialOptions{})
//	err = c.Login(ctx, id)             // SASL, as id's style has it
//	err = c.Attach(ctx, ep, id)        // open, begin, both links, credit
//	err = c.Send(devwire.AMQPTransfer(0, message))
//	outcome, err := c.Expect(ctx, "disposition")
//	answer, err := c.Delivery(ctx)
type AMQPConn struct {
	amqpWriter
	limits Timeouts
	host   string
	device string // whose links were attached

	sender any    // the server's handle for the link that it receives on; nil before its attach
	credit uint64 // that it gave there last

	heard  chan amqpframe.Frame // closed by the reader, after it set err
	err    error
	done   chan struct{} // closed by Close
	closed sync.Once
	reader sync.WaitGroup
}

// AMQP opens an AMQP connection and sends nothing on it.
func (w *Wire) AMQP(ctx context.Context, t dps.Transport, ep Endpoint, o DialOptions) (*AMQPConn, error) {
	s, err := w.openAMQP(ctx, t, ep, o)
	if err != nil {
		return nil, err
	}
	c := &AMQPConn{
		amqpWriter: amqpWriter{stream: s, wire: w}, limits: w.timeouts(), host: ep.Host,
		heard: make(chan amqpframe.Frame, packetBacklog), done: make(chan struct{}),
	}
	c.reader.Go(c.read)
	return c, nil
}

// openAMQP connects to the AMQPS port, or upgrades a connection to the HTTPS port.
func (w *Wire) openAMQP(ctx context.Context, t dps.Transport, ep Endpoint, o DialOptions) (*stream, error) {
	switch t {
	case dps.AMQP:
		conn, err := w.dial(ctx, ep, ep.AMQPSPort, transcript.AMQP, o)
		if err != nil {
			return nil, err
		}
		return &stream{Conn: conn, record: conn.record, tls: conn}, nil
	case dps.AMQPWebSocket:
		return w.upgrade(ctx, ep, o, amqpSubprotocol)
	default:
		return nil, notSent("%s does not carry amqp; use amqp or amqp-ws", t)
	}
}

// Conn is the TLS connection below.
func (c *AMQPConn) Conn() *Conn { return c.stream.tls }

// Subprotocol is what the server chose over WebSocket, as it spelled it.
func (c *AMQPConn) Subprotocol() string { return c.stream.subprotocol }

// Send writes frames, all in one write.
func (c *AMQPConn) Send(frames ...amqpframe.Frame) error {
	var err error
	send := func() error { return c.amqpWriter.Send(frames...) }
	for _, f := range frames {
		if id := registrationOf(f); id != "" {
			c.device = id
			c.register(id)
		}
		if f.Name() == "transfer" && f.Body.Field("more") == true {
			c.wire.sentRaw(c.host) // what it asks for may be in another piece
		}
		o, counted := transferOperation(c.host, c.device, f)
		if !counted {
			continue
		}
		next := send
		send = func() error {
			unsent := c.wire.metered(context.Background(), o, func() int {
				err = next()
				return 0
			})
			return errors.Join(unsent, err)
		}
	}
	return send()
}

// SendBytes writes bytes as they are: in one record, or one frame over WebSocket.
func (c *AMQPConn) SendBytes(b []byte) error {
	c.wire.sentRaw(c.host)
	return c.amqpWriter.SendBytes(b)
}

// registrationOf is whose address an attach names; "" for any other frame.
func registrationOf(f amqpframe.Frame) string {
	for _, terminus := range []string{"source", "target"} {
		if _, id, ok := strings.Cut(f.Body.Inner(terminus).Text("address"), "/registrations/"); ok && f.Name() == "attach" {
			return id
		}
	}
	return ""
}

// Next returns the next frame or protocol header from the server: io.EOF when the server
// closed the connection instead, a *Malformed for bytes that are neither. When none comes
// in time the error is context.DeadlineExceeded, and the connection stands.
func (c *AMQPConn) Next(ctx context.Context) (amqpframe.Frame, error) {
	ctx, cancel := within(ctx, c.limits.Answer)
	defer cancel()
	select {
	case f, ok := <-c.heard:
		if !ok {
			return amqpframe.Frame{}, c.err
		}
		c.follow(f)
		return f, nil
	case <-ctx.Done():
		return amqpframe.Frame{}, fmt.Errorf("no frame came: %w", ctx.Err())
	}
}

// follow keeps the credit in mind.
func (c *AMQPConn) follow(f amqpframe.Frame) {
	switch {
	case f.Name() == "attach" && f.Body.Field("role") == true:
		c.sender, c.credit = f.Body.Field("handle"), 0
	case f.Name() == "flow" && c.sender != nil && f.Body.Field("handle") == c.sender:
		c.credit, _ = f.Body.Number("link-credit")
	}
}

// Credit is how many messages the server has last allowed on the sender, by the frames that
// were read so far.
func (c *AMQPConn) Credit() uint64 { return c.credit }

// Expect returns the next frame that is not empty, which must have one of these names.
// Otherwise it returns what came with an error: an *AMQPError when the server ended a
// link, the session or the connection for a reason.
func (c *AMQPConn) Expect(ctx context.Context, names ...string) (amqpframe.Frame, error) {
	return expect(ctx, c, names)
}

// Delivery returns the next message, put together from its transfers. Frames of other
// kinds before it are an error, except flow; the first of them is in Instead.
func (c *AMQPConn) Delivery(ctx context.Context) (AMQPDelivery, error) {
	var d AMQPDelivery
	var payload []byte
	for {
		f, err := c.Expect(ctx, "transfer", "flow")
		if err != nil {
			d.Instead = f
			return d, err
		}
		if f.Name() == "flow" {
			continue
		}
		if d.Transfer == nil {
			d.Transfer = f.Body
		}
		d.Frames = append(d.Frames, f)
		if payload = append(payload, f.Payload...); len(payload) > maxRead {
			return d, &Malformed{What: fmt.Sprintf("a message of more than %d bytes", maxRead)}
		}
		if f.Body.Field("more") != true {
			break
		}
	}
	var err error
	if d.Message, err = amqpframe.ParseMessage(payload); err != nil {
		return d, &Malformed{What: err.Error(), Raw: payload}
	}
	return d, nil
}

// AMQPDelivery is a message with the frames that it came in.
type AMQPDelivery struct {
	Transfer *amqpframe.Described // of the first frame
	Frames   []amqpframe.Frame
	Message  amqpframe.Message
	Instead  amqpframe.Frame // what came in the place of one
}

// Close closes the connection without a close frame.
func (c *AMQPConn) Close() {
	c.closed.Do(func() {
		close(c.done)
		c.stream.tls.Close()
		c.stream.Close()
	})
	c.reader.Wait()
}

func (c *AMQPConn) read() {
	defer close(c.heard)
	r := bufio.NewReader(c.stream)
	for {
		c.stream.SetReadDeadline(clock.SocketDeadline(c.limits.Idle))
		f, err := readAMQP(r)
		if err != nil {
			c.err = err
			return
		}
		select {
		case c.heard <- f:
		case <-c.done:
			c.err = net.ErrClosed
			return
		}
	}
}

// readAMQP reads a frame and makes the errors of this package of its errors.
func readAMQP(r io.Reader) (amqpframe.Frame, error) {
	f, err := amqpframe.Read(r, maxRead)
	return f, amqpReadError(err)
}

func amqpReadError(err error) error {
	var malformed *amqpframe.Malformed
	if errors.As(err, &malformed) {
		return &Malformed{What: malformed.What, Raw: malformed.Raw}
	}
	return ended(err)
}

// amqpWriter writes frames on a stream.
type amqpWriter struct {
	stream *stream
	wire   *Wire
}

// Send writes frames, all in one write.
func (c amqpWriter) Send(frames ...amqpframe.Frame) error {
	var b []byte
	for _, f := range frames {
		var err error
		if b, err = f.Append(b); err != nil {
			return notSent("write the frame %s: %w", f, err)
		}
	}
	return c.SendBytes(b)
}

// SendBytes writes bytes as they are: in one record, or one frame over WebSocket.
func (c amqpWriter) SendBytes(b []byte) error {
	c.stream.SetWriteDeadline(clock.SocketDeadline(c.wire.timeouts().Answer))
	if _, err := c.stream.Write(b); err != nil {
		return fmt.Errorf("send amqp: %w", err)
	}
	return nil
}

// register names the recording after the device that speaks.
func (c amqpWriter) register(id string) {
	c.stream.record.Registration(id)
	c.stream.tls.record.Registration(id)
}

// amqpTalk is what a dialogue of frames needs.
type amqpTalk interface {
	Send(frames ...amqpframe.Frame) error
	Next(ctx context.Context) (amqpframe.Frame, error)
}

func expect(ctx context.Context, t amqpTalk, names []string) (amqpframe.Frame, error) {
	for {
		f, err := t.Next(ctx)
		switch {
		case errors.Is(err, io.EOF):
			return f, fmt.Errorf("waiting for %s, the server closed the connection: %w", strings.Join(names, " or "), io.EOF)
		case err != nil:
			return f, fmt.Errorf("waiting for %s: %w", strings.Join(names, " or "), err)
		case f.Name() == "empty" && !slices.Contains(names, "empty"):
			continue
		case slices.Contains(names, f.Name()):
			return f, nil
		}
		if e := f.Body.Inner("error"); e != nil {
			return f, newAMQPError(f.Name(), e)
		}
		return f, &Malformed{What: fmt.Sprintf("%s where %s belongs", f, strings.Join(names, " or "))}
	}
}
