package amqpserver_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/amqpserver"
	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
)

// TestEveryEnd: however a connection ends, its links end, its goroutines end, and then it is
// Closed.
func TestEveryEnd(t *testing.T) {
	for _, c := range []struct {
		rule string
		end  func(*amqpserver.Server, *peer)
	}{
		{"a close", func(_ *amqpserver.Server, p *peer) { p.send(0, &amqp.Close{}); next[*amqp.Close](p); p.ends() }},
		{"a close with an error", func(_ *amqpserver.Server, p *peer) {
			p.send(0, &amqp.Close{Error: amqp.Errorf(amqp.InternalError, "ours")})
			if got := next[*amqp.Close](p); got.Error != nil {
				p.t.Errorf("answered with %v", got.Error)
			}
			p.ends()
		}},
		{"the end of the stream", func(_ *amqpserver.Server, p *peer) { p.Close() }},
		{"the end of one direction", func(_ *amqpserver.Server, p *peer) { p.Conn.(*net.TCPConn).CloseWrite(); p.ends() }},
		{"half a frame", func(_ *amqpserver.Server, p *peer) { p.sendBytes(0, 0, 0, 20, 2); p.Close() }},
		{"a violation", func(_ *amqpserver.Server, p *peer) {
			p.send(0, &amqp.Open{ContainerID: "x"})
			p.closes(amqp.NotAllowed)
		}},
		{"Drop", func(srv *amqpserver.Server, p *peer) {
			if n := srv.Drop("dev-01", nil); n != 1 {
				p.t.Errorf("%d dropped", n)
			}
			p.closes(amqp.ConnectionForced)
		}},
		{"Drop with a reason", func(srv *amqpserver.Server, p *peer) {
			srv.Drop("dev-01", amqp.Errorf(amqp.UnauthorizedAccess, "the device is disabled"))
			if e := p.closes(amqp.UnauthorizedAccess); e.Description != "the device is disabled" {
				p.t.Errorf("because %v", e)
			}
		}},
		{"the end of the context", func(_ *amqpserver.Server, p *peer) { p.hangUp(); p.closes(amqp.ConnectionForced) }},
	} {
		t.Run(c.rule, func(t *testing.T) {
			events := make(chan string, 10)
			srv := amqpserver.New(&handler{
				open: func(conn *amqpserver.Conn, _ *amqp.Open) *amqp.Error {
					conn.Identify("dev-01")
					conn.Go(func(ctx context.Context) { <-ctx.Done(); events <- "goroutine" })
					return nil
				},
				incoming: func(r *amqpserver.Receiver, _, _ *amqp.Attach) (amqpserver.Receive, *amqp.Error) {
					r.OnDetach(func() { events <- "link" })
					return nil, nil
				},
				closed: func(conn *amqpserver.Conn) { events <- "closed " + conn.Identity() },
			}, amqpserver.Options{Timeouts: amqpserver.Timeouts{Linger: 5 * time.Second}})
			p := begun(t, srv)
			p.sender(0, "a")
			c.end(srv, p)
			within(t, "the end of Serve", p.served)
			close(events)
			var all []string
			for e := range events {
				all = append(all, e)
			}
			if len(all) != 3 || all[2] != "closed dev-01" {
				t.Errorf("in this order: %q", all)
			}
			if n := srv.Drop("dev-01", nil); n != 0 {
				t.Errorf("%d are left to drop", n)
			}
		})
	}
}

func TestCloseByTheHandler(t *testing.T) {
	conns := make(chan *amqpserver.Conn, 1)
	srv := amqpserver.New(&handler{open: func(c *amqpserver.Conn, _ *amqp.Open) *amqp.Error { conns <- c; return nil }}, amqpserver.Options{})
	t.Run("with an error", func(t *testing.T) {
		p := begun(t, srv)
		(<-conns).Close(amqp.Errorf(amqp.InternalError, "the token has expired"))
		p.closes(amqp.InternalError)
	})
	t.Run("without one", func(t *testing.T) {
		p := begun(t, srv)
		(<-conns).Close(nil)
		if end := next[*amqp.Close](p); end.Error != nil {
			t.Errorf("closed with %v", end.Error)
		}
		p.send(0, attachSender(0, "which crosses"))
		p.send(0, &amqp.Close{})
		p.ends()
	})
	t.Run("with a client that does not answer", func(t *testing.T) {
		srv := amqpserver.New(&handler{open: func(c *amqpserver.Conn, _ *amqp.Open) *amqp.Error { conns <- c; return nil }}, amqpserver.Options{Timeouts: quick})
		p := begun(t, srv)
		(<-conns).Close(nil)
		next[*amqp.Close](p)
		p.ends()
	})
	t.Run("twice", func(t *testing.T) {
		p := begun(t, srv)
		c := <-conns
		c.Close(amqp.Errorf(amqp.InternalError, "first"))
		c.Close(amqp.Errorf(amqp.NotFound, "second"))
		p.closes(amqp.InternalError)
	})
	t.Run("while it opens", func(t *testing.T) {
		p := serve(t, amqpserver.New(&handler{open: func(c *amqpserver.Conn, _ *amqp.Open) *amqp.Error { c.Close(nil); return nil }}, amqpserver.Options{Timeouts: quick}))
		p.header(amqp.HeaderAMQP)
		p.wantHeader(amqp.HeaderAMQP)
		p.send(0, &amqp.Open{ContainerID: "x", MaxFrameSize: 512})
		within(t, "the end of Serve", p.served)
	})
}

// TestDropOfOneAmongMany is of a connection that speaks for several devices.
func TestDropOfOneAmongMany(t *testing.T) {
	srv := amqpserver.New(&handler{incoming: func(r *amqpserver.Receiver, _, _ *amqp.Attach) (amqpserver.Receive, *amqp.Error) {
		r.Identify(r.Address())
		return nil, nil
	}}, amqpserver.Options{})
	p := begun(t, srv)
	p.sender(0, "dev-01")
	p.sender(1, "dev-02")
	if n := srv.Drop("dev-03", nil) + srv.Drop("", nil); n != 0 {
		t.Errorf("%d dropped", n)
	}
	if n := srv.Drop("dev-01", nil); n != 1 {
		t.Errorf("%d dropped", n)
	}
	p.detaches(0, amqp.DetachForced)
	p.transfer(1, 0, "x")
	p.outcome(0)
}

func TestAClientThatDoesNotReadIsDropped(t *testing.T) {
	client, server := net.Pipe() // without any buffer
	senders := make(chan *amqpserver.Sender, 1)
	p := serveOn(t, amqpserver.New(sending(senders), amqpserver.Options{Timeouts: amqpserver.Timeouts{Write: 50 * time.Millisecond}}), client, server)
	p.openWith(&amqp.Open{ContainerID: "x", MaxFrameSize: 512}).begin(0)
	p.receiver(0, "a", 10)
	if _, err := (<-senders).Send(t.Context(), data("x"), amqpserver.SendOptions{}); err == nil {
		t.Error("written to nobody")
	}
	within(t, "the end of Serve", p.served)
}

func TestCloseWakesABlockedWriter(t *testing.T) {
	client, server := net.Pipe()
	senders := make(chan *amqpserver.Sender, 1)
	srv := amqpserver.New(sending(senders), amqpserver.Options{Timeouts: amqpserver.Timeouts{Write: time.Hour, Linger: 50 * time.Millisecond}})
	p := serveOn(t, srv, client, server)
	p.openWith(&amqp.Open{ContainerID: "x", MaxFrameSize: 512}).begin(0)
	p.receiver(0, "a", 10)
	s := <-senders
	done := sends(context.Background(), s, "x", amqpserver.SendOptions{})
	var first [1]byte
	if _, err := p.Read(first[:]); err != nil { // it writes, and is not read any further
		t.Fatal(err)
	}
	s.Conn().Close(nil)
	if r := within(t, "Send", done); r.err == nil {
		t.Error("written to nobody")
	}
	within(t, "the end of Serve", p.served)
}

func TestTooManyGoroutinesEndAConnection(t *testing.T) {
	p := opened(t, amqpserver.New(&handler{open: func(c *amqpserver.Conn, _ *amqp.Open) *amqp.Error {
		for range amqpserver.MaxTasks {
			c.Go(func(ctx context.Context) { <-ctx.Done() })
		}
		return nil
	}, incoming: func(r *amqpserver.Receiver, _, _ *amqp.Attach) (amqpserver.Receive, *amqp.Error) {
		r.Conn().Go(func(context.Context) { t.Error("run") })
		return nil, nil
	}}, amqpserver.Options{}))
	p.begin(0)
	p.send(0, attachSender(0, "a"))
	for {
		if c, ok := p.frame().Performative.(*amqp.Close); ok {
			if c.Error.Condition != amqp.ResourceLimitExceeded {
				t.Errorf("closed with %v", c.Error)
			}
			return
		}
	}
}
