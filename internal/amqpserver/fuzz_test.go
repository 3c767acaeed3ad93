package amqpserver_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/amqpserver"
	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
	"github.com/dpslab/dpslab/internal/frontdoor"
)

// stream is a connection on which everything was sent already.
type stream struct {
	io.Reader
	sent bytes.Buffer
}

func (s *stream) Write(p []byte) (int, error)    { return s.sent.Write(p) }
func (*stream) Close() error                     { return nil }
func (*stream) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (*stream) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (*stream) SetDeadline(time.Time) error      { return nil }
func (*stream) SetReadDeadline(time.Time) error  { return nil }
func (*stream) SetWriteDeadline(time.Time) error { return nil }

// FuzzServe gives a server whole connections. It must come to an end, and whatever it says
// must be AMQP, in frames that the client takes. The files under testdata are connections
// that go wrong; every run of the tests serves them.
func FuzzServe(f *testing.F) {
	p := &peer{t: &testing.T{}, kept: []byte{}}
	say(p, func() {})
	f.Add(p.kept)
	for _, more := range []amqp.Performative{
		&amqp.Detach{Handle: 1, Closed: true}, &amqp.End{}, &amqp.Close{}, linkFlow(0, 0, 5, true, true),
		&amqp.Disposition{Role: amqp.Receiver, First: 0, Last: amqp.Some(uint32(1 << 30)), State: &amqp.Accepted{}},
		&amqp.Disposition{Role: amqp.Sender, First: 0, Last: amqp.Some(uint32(1 << 30)), Settled: true},
	} {
		frame, err := amqp.Frame{Performative: more}.Append(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(append(bytes.Clone(p.kept), frame...))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h := echo()
		h.mechanisms = []amqp.Symbol{"PLAIN"}
		srv := amqpserver.New(h, amqpserver.Options{Credit: 4, Window: 4})
		s := &stream{Reader: bytes.NewReader(b)}
		srv.Serve(context.Background(), &frontdoor.Conn{Conn: s})
		for s.sent.Len() > 0 {
			var header amqp.ProtocolHeader
			if bytes.HasPrefix(s.sent.Bytes(), []byte("AMQP")) {
				if n, err := io.ReadFull(&s.sent, header[:]); err != nil || header != amqp.HeaderAMQP && header != amqp.HeaderSASL {
					t.Fatalf("a header of %d bytes, %q, %v", n, header, err)
				}
				continue
			}
			if _, err := amqp.ReadFrame(&s.sent, 64<<10); err != nil {
				t.Fatalf("what was sent cannot be read: %v", err)
			}
		}
	})
}
