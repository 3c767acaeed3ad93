package amqpserver

import (
	"context"

	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
)

// Handler decides what a server does. It is called from the goroutine that reads the
// connection, so what may block goes through Delivery.Go or Conn.Go. The context ends with
// the connection. An error goes to the peer as it is and into the record of the
// connection, so it holds no secret.
type Handler interface {
	// Mechanisms are what is offered to a client that begins with SASL, in this order; none
	// refuses SASL. A client may do without SASL in any case (device-api.md 0.1, item 12).
	Mechanisms(c *Conn) []amqp.Symbol
	// Authenticate judges a client's choice of an offered mechanism, and each response to a
	// challenge. State of the exchange goes into c.Value.
	Authenticate(ctx context.Context, c *Conn, step SASLStep) SASLReply
	// Open decides on a connection. One that is refused gets the server's open, and then a
	// close with the error.
	Open(ctx context.Context, c *Conn, open *amqp.Open) *amqp.Error
	// Incoming decides on a link over which the client wants to send. The reply echoes
	// asked and may be bent. receive is called with each whole message, on the reader; nil
	// accepts and forgets them. A link that is refused gets an attach without a target and
	// a detach with the error.
	Incoming(ctx context.Context, r *Receiver, asked, reply *amqp.Attach) (receive Receive, refused *amqp.Error)
	// Outgoing decides on a link over which the client wants to receive; likewise.
	Outgoing(ctx context.Context, s *Sender, asked, reply *amqp.Attach) (refused *amqp.Error)
	// Closed runs once at the end of a connection whose open was not refused, after all of
	// its links and goroutines have ended.
	Closed(c *Conn)
}

// Receive takes a message. Sooner or later the delivery is settled, unless it came settled.
type Receive func(ctx context.Context, d *Delivery)

// SASLStep is what a client says in a SASL exchange.
type SASLStep struct {
	N         int // 0: the choice of a mechanism; then one more for each challenge answered
	Mechanism amqp.Symbol
	Hostname  string
	Response  []byte // nil: none
}

// SASLReply goes on with a Challenge or, when that is nil, ends the exchange with Code.
type SASLReply struct {
	Challenge      []byte
	Code           amqp.SASLCode
	AdditionalData []byte // with the outcome
}
