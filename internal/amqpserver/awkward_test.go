package amqpserver_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/amqpserver"
	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
	"github.com/dpslab/dpslab/internal/clock"
)

// say is all that a client has to say from its first byte on, in order, without waiting for
// any answer; wait is called between one frame and the next.
func say(p *peer, wait func()) {
	large := message(p.t, strings.Repeat("0123456789", 40))
	first := transfer(1, 0)
	first.More = true
	for _, step := range []func(){
		func() { p.header(amqp.HeaderSASL) },
		func() { p.sendSASL(&amqp.SASLInit{Mechanism: "PLAIN", Response: []byte("\x00user\x00pass")}) },
		func() { p.header(amqp.HeaderAMQP) },
		func() { p.send(0, &amqp.Open{ContainerID: "x", MaxFrameSize: 512}) },
		func() { p.send(0, &amqp.Begin{IncomingWindow: 100, OutgoingWindow: 100, HandleMax: 10}) },
		func() { p.send(0, attachReceiver(0, "a")) },
		func() { p.send(0, attachSender(1, "a")) },
		func() { p.credit(0, 0, 10) },
		func() { p.sendFrame(amqp.Frame{Performative: first, Payload: large[:100]}) },
		func() { p.sendFrame(amqp.Frame{Performative: &amqp.Transfer{Handle: 1}, Payload: large[100:]}) },
	} {
		step()
		wait()
	}
}

// hear checks what the server has to say to that.
func hear(p *peer) {
	p.t.Helper()
	p.wantHeader(amqp.HeaderSASL)
	next[*amqp.SASLMechanisms](p)
	next[*amqp.SASLOutcome](p)
	p.wantHeader(amqp.HeaderAMQP)
	next[*amqp.Open](p)
	next[*amqp.Begin](p)
	next[*amqp.Attach](p)
	next[*amqp.Attach](p)
	next[*amqp.Flow](p)
	p.outcome(0)
}

func answer(p *peer) {
	p.t.Helper()
	if _, m := p.message(); text(m) != strings.Repeat("0123456789", 40) {
		p.t.Errorf("answered with %q", text(m))
	}
}

func TestAwkwardNetworks(t *testing.T) {
	echoing := func() *handler {
		h := echo()
		h.mechanisms = []amqp.Symbol{"PLAIN"}
		return h
	}
	srv := func() *amqpserver.Server { return amqpserver.New(echoing(), amqpserver.Options{}) }
	nothing := func() {}

	for rule, chunk := range map[string]int{"frame by frame": 0, "byte by byte": 1, "seven bytes at once": 7} {
		t.Run(rule, func(t *testing.T) {
			p := serve(t, srv())
			p.chunk = chunk
			go say(p, nothing)
			hear(p)
			answer(p)
		})
		t.Run(rule+", over a connection without a buffer", func(t *testing.T) {
			client, server := net.Pipe()
			p := serveOn(t, srv(), client, server)
			p.chunk = chunk
			go say(p, nothing)
			hear(p)
			answer(p)
		})
	}
	t.Run("all at once", func(t *testing.T) {
		p := serve(t, srv())
		p.kept = []byte{}
		say(p, nothing)
		all := p.kept
		p.kept = nil
		p.sendBytes(all...)
		hear(p)
		answer(p)
	})
	t.Run("all at once, and the client's direction closed", func(t *testing.T) {
		p := serve(t, srv())
		p.kept = []byte{}
		say(p, nothing)
		if _, err := p.Write(p.kept); err != nil {
			t.Fatal(err)
		}
		p.Conn.(*net.TCPConn).CloseWrite()
		hear(p) // what was decided on the reader; the answer may come too late
		within(t, "the end of Serve", p.served)
	})
	t.Run("cut at any byte", func(t *testing.T) {
		p := &peer{t: t, kept: []byte{}}
		say(p, nothing)
		for n := range p.kept {
			client, server := net.Pipe()
			cut := serveOn(t, srv(), client, server)
			go func() {
				client.Write(p.kept[:n])
				client.Close()
			}()
			go func() { // or nothing could be written
				for b := make([]byte, 512); ; {
					if _, err := client.Read(b); err != nil {
						return
					}
				}
			}()
			within(t, "the end of Serve", cut.served)
		}
	})
	t.Run("an hour between one frame and the next", func(t *testing.T) {
		c := clock.NewMovable(clock.Frozen(time.Unix(1e9, 0)))
		p := serve(t, amqpserver.New(echoing(), amqpserver.Options{IdleTimeout: -1, Clock: c}))
		go say(p, func() { c.Advance(time.Hour) })
		hear(p)
		answer(p)
	})
	t.Run("an hour between one frame and the next, of which the server knows", func(t *testing.T) {
		c := clock.NewMovable(clock.Frozen(time.Unix(1e9, 0)))
		p := serve(t, amqpserver.New(echoing(), amqpserver.Options{IdleTimeout: time.Minute, Clock: c}))
		p.header(amqp.HeaderAMQP)
		p.wantHeader(amqp.HeaderAMQP)
		p.send(0, &amqp.Open{ContainerID: "x", MaxFrameSize: 512})
		next[*amqp.Open](p)
		advance(t, c, time.Hour)
		p.closes(amqp.ResourceLimitExceeded)
	})
}
