package devwire

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

// PacketConn is an MQTT connection packet by packet. It sends nothing by itself: no
// acknowledgement, no ping.
type PacketConn struct {
	wire   *Wire
	stream *stream
	limits Timeouts
	host   string
	client string // ClientId of the CONNECT that was sent

	heard  chan packets.ControlPacket // closed by the reader, after it set err
	err    error
	done   chan struct{} // closed by Close
	closed sync.Once
	reader sync.WaitGroup
}

// packetBacklog is how many packets wait unread before the reader stops reading.
const packetBacklog = 256

// Packets opens an MQTT connection and sends nothing on it.
func (w *Wire) Packets(ctx context.Context, t dps.Transport, ep Endpoint, o DialOptions) (*PacketConn, error) {
	s, err := w.openStream(ctx, t, ep, o)
	if err != nil {
		return nil, err
	}
	p := &PacketConn{
		wire: w, stream: s, limits: w.timeouts(), host: ep.Host,
		heard: make(chan packets.ControlPacket, packetBacklog), done: make(chan struct{}),
	}
	p.reader.Go(p.read)
	return p, nil
}

// ConnectPacket is the CONNECT that Device sends for id, for a check to alter and Send.
func (w *Wire) ConnectPacket(id Identity) *packets.ConnectPacket {
	c := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	c.ProtocolName, c.ProtocolVersion = "MQTT", 4
	c.CleanSession, c.Keepalive = true, uint16(keepAlive/time.Second)
	c.ClientIdentifier = id.RegistrationID
	c.UsernameFlag, c.Username = true, MQTTUsername(id)
	if token := id.Token(w.clock().Now()); token != "" {
		c.PasswordFlag, c.Password = true, []byte(token)
	}
	return c
}

// Conn is the TLS connection below.
func (p *PacketConn) Conn() *Conn { return p.stream.tls }

// Subprotocol is what the server chose over WebSocket, as it spelled it.
func (p *PacketConn) Subprotocol() string { return p.stream.subprotocol }

// Send writes one packet.
func (p *PacketConn) Send(cp packets.ControlPacket) error {
	if c, ok := cp.(*packets.ConnectPacket); ok {
		p.stream.record.Registration(c.ClientIdentifier)
		p.stream.tls.record.Registration(c.ClientIdentifier)
		p.client = c.ClientIdentifier
	}
	var b bytes.Buffer
	if err := cp.Write(&b); err != nil {
		return fmt.Errorf("encode packet: %w", err)
	}
	o, counted := publishOperation(p.host, p.client, cp)
	if !counted {
		return p.sendBytes(b.Bytes())
	}
	var err error
	unsent := p.wire.metered(context.Background(), o, func() int {
		err = p.sendBytes(b.Bytes())
		return 0
	})
	return cmp.Or(unsent, err)
}

// SendBytes writes bytes as they are: in one record, or one frame over WebSocket.
func (p *PacketConn) SendBytes(b []byte) error {
	p.wire.sentRaw(p.host)
	return p.sendBytes(b)
}

func (p *PacketConn) sendBytes(b []byte) error {
	p.stream.SetWriteDeadline(clock.SocketDeadline(p.limits.Answer))
	if _, err := p.stream.Write(b); err != nil {
		return fmt.Errorf("send packet: %w", err)
	}
	return nil
}

// Next returns the next packet from the server: io.EOF when the server closed the
// connection instead, a *Malformed for bytes that are no packet of a server. When none
// comes in time the error is context.DeadlineExceeded, and the connection stands.
func (p *PacketConn) Next(ctx context.Context) (packets.ControlPacket, error) {
	ctx, cancel := within(ctx, p.limits.Answer)
	defer cancel()
	select {
	case cp, ok := <-p.heard:
		if !ok {
			return nil, p.err
		}
		return cp, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("no packet came: %w", ctx.Err())
	}
}

// Close closes the connection without a DISCONNECT.
func (p *PacketConn) Close() {
	p.closed.Do(func() {
		close(p.done)
		p.stream.tls.Close() // at once: the packets' own end is what a server should see
		p.stream.Close()
	})
	p.reader.Wait()
}

func (p *PacketConn) read() {
	defer close(p.heard)
	frames := bufio.NewReader(p.stream)
	for {
		p.stream.SetReadDeadline(clock.SocketDeadline(p.limits.Idle))
		frame, err := readFrame(frames)
		if err != nil {
			p.err = ended(err)
			return
		}
		cp, err := packets.ReadPacket(bytes.NewReader(frame))
		if err != nil {
			p.err = &Malformed{What: err.Error(), Raw: frame}
			return
		}
		select {
		case p.heard <- cp:
		case <-p.done:
			p.err = net.ErrClosed
			return
		}
	}
}

// ended makes io.EOF of every way in which a server ends a connection. Closing a socket
// with unread bytes in it arrives as a reset.
func ended(err error) error {
	var malformed *Malformed
	switch {
	case errors.As(err, &malformed), errors.Is(err, io.ErrUnexpectedEOF):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return io.EOF
	}
	return err
}
