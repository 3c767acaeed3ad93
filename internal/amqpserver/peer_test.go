package amqpserver_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/amqpserver"
	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/frontdoor"
)

// peer is a client that speaks frame by frame, as a test scripts it.
type peer struct {
	t *testing.T
	net.Conn
	served chan struct{} // closed when Serve has returned
	hangUp context.CancelFunc
	chunk  int    // bytes a Write; 0: a frame
	kept   []byte // instead of written, when not nil
}

// connection is a pair of connected TCP sockets.
func connection(t testing.TB) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return client, server
}

// serve starts a connection over plain TCP.
func serve(t *testing.T, srv *amqpserver.Server) *peer {
	t.Helper()
	client, server := connection(t)
	return serveOn(t, srv, client, server)
}

func serveOn(t *testing.T, srv *amqpserver.Server, client, server net.Conn) *peer {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p := &peer{t: t, Conn: client, served: make(chan struct{}), hangUp: cancel}
	client.SetDeadline(clock.SocketDeadline(20 * time.Second))
	go func() {
		defer close(p.served)
		srv.Serve(ctx, &frontdoor.Conn{Conn: server})
	}()
	t.Cleanup(func() {
		cancel()
		client.Close()
		within(t, "the end of Serve", p.served)
	})
	return p
}

// opened starts a connection and gets its open answered.
func opened(t *testing.T, srv *amqpserver.Server) *peer {
	t.Helper()
	return serve(t, srv).openWith(&amqp.Open{ContainerID: "test", MaxFrameSize: 65536, ChannelMax: 100})
}

func (p *peer) openWith(o *amqp.Open) *peer {
	p.t.Helper()
	p.header(amqp.HeaderAMQP)
	p.wantHeader(amqp.HeaderAMQP)
	p.send(0, o)
	next[*amqp.Open](p)
	return p
}

// begun has a session on channel 0, too.
func begun(t *testing.T, srv *amqpserver.Server) *peer {
	t.Helper()
	return opened(t, srv).begin(0)
}

func (p *peer) begin(channel uint16) *peer {
	p.t.Helper()
	p.send(channel, &amqp.Begin{IncomingWindow: 100, OutgoingWindow: 100, HandleMax: 100})
	next[*amqp.Begin](p)
	return p
}

// sender attaches a link over which the peer sends, and waits for credit.
func (p *peer) sender(handle uint32, address string) *amqp.Attach {
	p.t.Helper()
	p.send(0, attachSender(handle, address))
	a := next[*amqp.Attach](p)
	next[*amqp.Flow](p)
	return a
}

func attachSender(handle uint32, address string) *amqp.Attach {
	return &amqp.Attach{
		Name: "to " + address, Handle: handle, Role: amqp.Sender, SenderSettleMode: amqp.SenderMixed,
		Source: &amqp.Source{ExpiryPolicy: "session-end"}, Target: &amqp.Target{Address: address, ExpiryPolicy: "session-end"},
		InitialDeliveryCount: amqp.Some(uint32(0)),
	}
}

// receiver attaches a link over which the peer receives, and gives credit.
func (p *peer) receiver(handle uint32, address string, credit uint32) *amqp.Attach {
	p.t.Helper()
	p.send(0, attachReceiver(handle, address))
	a := next[*amqp.Attach](p)
	if credit > 0 {
		p.credit(handle, 0, credit)
	}
	return a
}

func attachReceiver(handle uint32, address string) *amqp.Attach {
	return &amqp.Attach{
		Name: "from " + address, Handle: handle, Role: amqp.Receiver, SenderSettleMode: amqp.SenderMixed,
		Source: &amqp.Source{Address: address, ExpiryPolicy: "session-end"}, Target: &amqp.Target{ExpiryPolicy: "session-end"},
	}
}

func (p *peer) credit(handle, count, credit uint32) {
	p.t.Helper()
	p.send(0, &amqp.Flow{
		NextIncomingID: amqp.Some(uint32(1)), IncomingWindow: 1000, OutgoingWindow: 100,
		Handle: amqp.Some(handle), DeliveryCount: amqp.Some(count), LinkCredit: amqp.Some(credit),
	})
}

// transfer sends a message of one frame.
func (p *peer) transfer(handle, id uint32, text string) {
	p.t.Helper()
	p.sendFrame(amqp.Frame{Performative: transfer(handle, id), Payload: message(p.t, text)})
}

func transfer(handle, id uint32) *amqp.Transfer {
	return &amqp.Transfer{Handle: handle, DeliveryID: amqp.Some(id), DeliveryTag: []byte{byte(id)}, MessageFormat: amqp.Some(uint32(0))}
}

func message(t testing.TB, text string) []byte {
	t.Helper()
	b, err := (&amqp.Message{Body: amqp.Data{[]byte(text)}}).Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func text(m *amqp.Message) string {
	b, _ := m.Payload()
	return string(b)
}

func (p *peer) header(h amqp.ProtocolHeader) { p.t.Helper(); p.sendBytes(h[:]...) }

func (p *peer) send(channel uint16, performative amqp.Performative) {
	p.t.Helper()
	p.sendFrame(amqp.Frame{Channel: channel, Performative: performative})
}

func (p *peer) sendSASL(performative amqp.Performative) {
	p.t.Helper()
	p.sendFrame(amqp.Frame{Type: amqp.FrameSASL, Performative: performative})
}

func (p *peer) sendFrame(f amqp.Frame) {
	p.t.Helper()
	b, err := f.Append(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	p.sendBytes(b...)
}

func (p *peer) sendBytes(b ...byte) {
	p.t.Helper()
	if p.kept != nil {
		p.kept = append(p.kept, b...)
		return
	}
	chunk := len(b)
	if p.chunk > 0 {
		chunk = p.chunk
	}
	for part := range slices.Chunk(b, max(chunk, 1)) {
		if _, err := p.Write(part); err != nil {
			p.t.Fatal(err)
		}
	}
}

func (p *peer) wantHeader(want amqp.ProtocolHeader) {
	p.t.Helper()
	var got amqp.ProtocolHeader
	if _, err := io.ReadFull(p, got[:]); err != nil || got != want {
		p.t.Fatalf("protocol header %q, %v; want %q", got, err, want)
	}
}

// frame is the next frame of the server that is not empty.
func (p *peer) frame() amqp.Frame {
	p.t.Helper()
	for {
		f, err := amqp.ReadFrame(p, 1<<20)
		if err != nil {
			p.t.Fatalf("read: %v", err)
		}
		if f.Performative != nil {
			return f
		}
	}
}

// next is the next performative, which must be a T.
func next[T amqp.Performative](p *peer) T {
	p.t.Helper()
	f := p.frame()
	want, ok := f.Performative.(T)
	if !ok {
		p.t.Fatalf("got %T %+v", f.Performative, f.Performative)
	}
	return want
}

// message is the next message over any link, put together.
func (p *peer) message() (*amqp.Transfer, *amqp.Message) {
	p.t.Helper()
	var first *amqp.Transfer
	var payload []byte
	for {
		f := p.frame()
		t, ok := f.Performative.(*amqp.Transfer)
		if !ok {
			p.t.Fatalf("got %T %+v", f.Performative, f.Performative)
		}
		if first == nil {
			first = t
		}
		if payload = append(payload, f.Payload...); !t.More {
			break
		}
	}
	m, err := amqp.ReadMessage(payload)
	if err != nil {
		p.t.Fatal(err)
	}
	return first, m
}

// lives checks that session 0 lives and has sent nothing else.
func (p *peer) lives() {
	p.t.Helper()
	p.send(0, &amqp.Flow{IncomingWindow: 1000, NextOutgoingID: 0, OutgoingWindow: 100, Echo: true})
	next[*amqp.Flow](p)
}

// ends checks that the server closes the connection without another frame.
func (p *peer) ends() {
	p.t.Helper()
	rest, err := io.ReadAll(p)
	// A server that closes with bytes unread resets.
	if len(rest) > 0 || err != nil && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.ErrClosedPipe) {
		p.t.Fatalf("before the end came % x, %v", rest, err)
	}
	within(p.t, "the end of Serve", p.served)
}

// closes checks that the server sends a close with a condition, and answers it.
func (p *peer) closes(condition amqp.Symbol) *amqp.Error {
	p.t.Helper()
	c := next[*amqp.Close](p)
	if c.Error == nil || c.Error.Condition != condition {
		p.t.Fatalf("closed with %v, want %s", c.Error, condition)
	}
	p.send(0, &amqp.Close{})
	p.Close()
	within(p.t, "the end of Serve", p.served)
	return c.Error
}

// endsSession checks that the server ends session 0 with a condition, that the channel is
// dead until the peer's end, and alive again after it.
func (p *peer) endsSession(condition amqp.Symbol) {
	p.t.Helper()
	e := next[*amqp.End](p)
	if e.Error == nil || e.Error.Condition != condition {
		p.t.Fatalf("ended with %v, want %s", e.Error, condition)
	}
	p.send(0, attachSender(50, "nobody hears this"))
	p.send(0, &amqp.End{})
	p.begin(0).lives()
}

// detaches checks that the server detaches a link with a condition, and answers it.
func (p *peer) detaches(handle uint32, condition amqp.Symbol) *amqp.Error {
	p.t.Helper()
	d := next[*amqp.Detach](p)
	if d.Handle != handle || !d.Closed || d.Error == nil || d.Error.Condition != condition {
		p.t.Fatalf("detach of %d, closed %v, with %v; want %d, %s", d.Handle, d.Closed, d.Error, handle, condition)
	}
	p.send(0, &amqp.Detach{Handle: handle, Closed: true})
	return d.Error
}

// outcome is that of the next disposition, which must be about one delivery.
func (p *peer) outcome(id uint32) amqp.State {
	p.t.Helper()
	d := next[*amqp.Disposition](p)
	if d.Role != amqp.Receiver || d.First != id || d.Last.Set && d.Last.V != id {
		p.t.Fatalf("a disposition of %d..%v, role %v; want %d", d.First, d.Last, d.Role, id)
	}
	return d.State
}

func within[T any](t testing.TB, what string, ch <-chan T) T {
	t.Helper()
	timer := clock.System().NewTimer(20 * time.Second)
	defer timer.Stop()
	select {
	case v := <-ch:
		return v
	case <-timer.C():
		t.Fatalf("%s takes too long", what)
		panic("unreachable")
	}
}

// quick are timeouts that a test can wait for.
var quick = amqpserver.Timeouts{
	Header: 100 * time.Millisecond, SASL: 100 * time.Millisecond, Open: 100 * time.Millisecond,
	Frame: 100 * time.Millisecond, Linger: 50 * time.Millisecond,
}

// echo is a handler that sends every message back over the connection's link of the same
// address.
func echo() *handler {
	type links = map[string]*amqpserver.Sender
	return &handler{
		open: func(c *amqpserver.Conn, _ *amqp.Open) *amqp.Error {
			c.Value = links{}
			return nil
		},
		outgoing: func(s *amqpserver.Sender, _, _ *amqp.Attach) *amqp.Error {
			s.Conn().Value.(links)[s.Address()] = s
			return nil
		},
		incoming: func(r *amqpserver.Receiver, _, _ *amqp.Attach) (amqpserver.Receive, *amqp.Error) {
			back := r.Conn().Value.(links)[r.Address()]
			if back == nil {
				return nil, amqp.Errorf(amqp.NotFound, "nobody receives from %q", r.Address())
			}
			return func(_ context.Context, d *amqpserver.Delivery) {
				d.Accept()
				d.Go(func(ctx context.Context) { back.Send(ctx, d.Message, amqpserver.SendOptions{}) })
			}, nil
		},
	}
}

// accepting takes messages and tells them to got.
func accepting(got chan<- string) *handler {
	return &handler{incoming: func(*amqpserver.Receiver, *amqp.Attach, *amqp.Attach) (amqpserver.Receive, *amqp.Error) {
		return func(_ context.Context, d *amqpserver.Delivery) {
			got <- text(d.Message)
			d.Accept()
		}, nil
	}}
}

// sending hands its sender out.
func sending(senders chan<- *amqpserver.Sender) *handler {
	return &handler{outgoing: func(s *amqpserver.Sender, _, _ *amqp.Attach) *amqp.Error {
		senders <- s
		return nil
	}}
}

func TestTheTestsEncodingOfAMessage(t *testing.T) {
	if got := message(t, "ab"); !bytes.Equal(got, []byte{0, 0x53, 0x75, 0xa0, 2, 'a', 'b'}) {
		t.Errorf("% x", got)
	}
}
