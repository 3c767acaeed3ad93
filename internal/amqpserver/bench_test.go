package amqpserver_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"runtime"
	"sync"
	"testing"

	goamqp "github.com/Azure/go-amqp"

	"github.com/dpslab/dpslab/internal/amqpserver"
	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
	"github.com/dpslab/dpslab/internal/frontdoor"
)

// answering answers each message at once, on the reader: with credit given there is nothing
// to wait for.
func answering() *handler {
	h := echo()
	h.mechanisms = []amqp.Symbol{"PLAIN"}
	echoed := h.incoming
	h.incoming = func(r *amqpserver.Receiver, asked, reply *amqp.Attach) (amqpserver.Receive, *amqp.Error) {
		if _, refused := echoed(r, asked, reply); refused != nil {
			return nil, refused
		}
		back := r.Conn().Value.(map[string]*amqpserver.Sender)[r.Address()]
		return func(ctx context.Context, d *amqpserver.Delivery) {
			d.Accept()
			back.Send(ctx, d.Message, amqpserver.SendOptions{Settled: true})
		}, nil
	}
	return h
}

// BenchmarkConnection is a connection from its first byte to its last, with SASL PLAIN, a
// pair of links and one request with its answer: the server alone, without a network.
func BenchmarkConnection(b *testing.B) {
	p := &peer{t: &testing.T{}, kept: []byte{}}
	say(p, func() {})
	p.send(0, &amqp.Close{})
	srv := amqpserver.New(answering(), amqpserver.Options{})
	s := &stream{}
	b.ReportAllocs()
	for b.Loop() {
		s.Reader = bytes.NewReader(p.kept)
		s.sent.Reset()
		srv.Serve(context.Background(), &frontdoor.Conn{Conn: s})
	}
	if !bytes.Contains(s.sent.Bytes(), []byte("0123456789")) {
		b.Fatal("there is no answer")
	}
}

// BenchmarkRoundTrip is one request with its answer on a connection that stands, client and
// TLS included.
func BenchmarkRoundTrip(b *testing.B) {
	d, _ := door(b, amqpserver.New(answering(), amqpserver.Options{}))
	ctx := context.Background()
	c, err := goamqp.NewConn(ctx, dialers["TLS"](b, d), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	session, err := c.NewSession(ctx, nil)
	if err != nil {
		b.Fatal(err)
	}
	r, err := session.NewReceiver(ctx, "a", &goamqp.ReceiverOptions{Credit: 100})
	if err != nil {
		b.Fatal(err)
	}
	w, err := session.NewSender(ctx, "a", nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := w.Send(ctx, goamqp.NewMessage([]byte("hello")), nil); err != nil {
			b.Fatal(err)
		}
		if _, err := r.Receive(ctx, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// idleStream gives a script and then nothing until it is closed.
type idleStream struct {
	stream
	idle, done chan struct{}
	waiting    sync.Once
	closing    sync.Once
}

func (s *idleStream) Read(p []byte) (int, error) {
	n, err := s.stream.Read(p)
	if err == io.EOF {
		s.waiting.Do(func() { close(s.idle) })
		<-s.done
	}
	return n, err
}

func (s *idleStream) Write(p []byte) (int, error) { return len(p), nil }

func (s *idleStream) Close() error { s.closing.Do(func() { close(s.done) }); return nil }

var _ net.Conn = (*idleStream)(nil)

// idleCost holds many connections that have been authenticated, have a pair of links and
// have had one request answered, and returns what each keeps while nothing happens.
func idleCost(t testing.TB, many int) (heap, stack float64) {
	t.Helper()
	p := &peer{t: &testing.T{}, kept: []byte{}}
	say(p, func() {})
	srv := amqpserver.New(answering(), amqpserver.Options{})
	streams := make([]*idleStream, many)
	for i := range streams {
		streams[i] = &idleStream{stream: stream{Reader: bytes.NewReader(p.kept)}, idle: make(chan struct{}), done: make(chan struct{})}
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var all sync.WaitGroup
	for _, s := range streams {
		all.Go(func() { srv.Serve(context.Background(), &frontdoor.Conn{Conn: s}) })
	}
	for _, s := range streams {
		<-s.idle
	}
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&after)
	for _, s := range streams {
		s.Close()
	}
	all.Wait()
	each := func(a, b uint64) float64 { return (float64(a) - float64(b)) / float64(many) }
	return each(after.HeapAlloc, before.HeapAlloc), each(after.StackInuse, before.StackInuse)
}

func BenchmarkIdleConnection(b *testing.B) {
	var heap, stack float64
	for b.Loop() {
		heap, stack = idleCost(b, 2000)
	}
	b.ReportMetric(heap, "heap-B/conn")
	b.ReportMetric(stack, "stack-B/conn")
}

// TestAnIdleConnectionIsSmall: thousands of devices are held at once.
func TestAnIdleConnectionIsSmall(t *testing.T) {
	heap, stack := idleCost(t, 500)
	if heap > 6<<10 || stack > 10<<10 {
		t.Errorf("%.0f bytes of heap and %.0f of stack", heap, stack)
	}
}
