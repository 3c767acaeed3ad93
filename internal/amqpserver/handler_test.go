package amqpserver_test

import (
	"context"

	"github.com/dpslab/dpslab/internal/amqpserver"
	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
)

// handler is scripted by a test; what it leaves out accepts everything.
type handler struct {
	mechanisms   []amqp.Symbol
	authenticate func(*amqpserver.Conn, amqpserver.SASLStep) amqpserver.SASLReply
	open         func(*amqpserver.Conn, *amqp.Open) *amqp.Error
	incoming     func(r *amqpserver.Receiver, asked, reply *amqp.Attach) (amqpserver.Receive, *amqp.Error)
	outgoing     func(s *amqpserver.Sender, asked, reply *amqp.Attach) *amqp.Error
	closed       func(*amqpserver.Conn)
}

func (h *handler) Mechanisms(*amqpserver.Conn) []amqp.Symbol { return h.mechanisms }

func (h *handler) Authenticate(_ context.Context, c *amqpserver.Conn, step amqpserver.SASLStep) amqpserver.SASLReply {
	if h.authenticate == nil {
		return amqpserver.SASLReply{}
	}
	return h.authenticate(c, step)
}

func (h *handler) Open(_ context.Context, c *amqpserver.Conn, open *amqp.Open) *amqp.Error {
	if h.open == nil {
		return nil
	}
	return h.open(c, open)
}

func (h *handler) Incoming(_ context.Context, r *amqpserver.Receiver, asked, reply *amqp.Attach) (amqpserver.Receive, *amqp.Error) {
	if h.incoming == nil {
		return nil, nil
	}
	return h.incoming(r, asked, reply)
}

func (h *handler) Outgoing(_ context.Context, s *amqpserver.Sender, asked, reply *amqp.Attach) *amqp.Error {
	if h.outgoing == nil {
		return nil
	}
	return h.outgoing(s, asked, reply)
}

func (h *handler) Closed(c *amqpserver.Conn) {
	if h.closed != nil {
		h.closed(c)
	}
}
