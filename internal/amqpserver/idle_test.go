package amqpserver_test

import (
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/amqpserver"
	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
	"github.com/dpslab/dpslab/internal/clock"
)

// idling is a connection on a clock that the test moves.
func idling(t *testing.T, server time.Duration, client uint32) (*peer, *clock.Movable) {
	t.Helper()
	c := clock.NewMovable(clock.Frozen(time.Unix(1e9, 0)))
	p := serve(t, amqpserver.New(&handler{}, amqpserver.Options{IdleTimeout: server, Clock: c}))
	open := &amqp.Open{ContainerID: "x", MaxFrameSize: 512}
	if client > 0 {
		open.IdleTimeout = amqp.Some(client)
	}
	p.openWith(open).begin(0)
	return p, c
}

// advance moves the clock when a timer is set for it.
func advance(t *testing.T, c *clock.Movable, d time.Duration) {
	t.Helper()
	if err := c.BlockUntil(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	c.Advance(d)
}

func (p *peer) empty() {
	p.t.Helper()
	if f, err := amqp.ReadFrame(p, 512); err != nil || f.Performative != nil {
		p.t.Fatalf("%T, %v", f.Performative, err)
	}
}

func (p *peer) nothing() {
	p.t.Helper()
	p.send(0, &amqp.Flow{IncomingWindow: 1000, OutgoingWindow: 100, Echo: true})
	if f, err := amqp.ReadFrame(p, 512); err != nil || f.Performative == nil {
		p.t.Fatalf("%T, %v", f.Performative, err)
	}
}

func TestTheClientsIdleTimeOut(t *testing.T) {
	p, c := idling(t, -1, 10_000)
	for range 3 { // at half of it
		advance(t, c, 4999*time.Millisecond)
		advance(t, c, time.Millisecond)
		p.empty()
	}
	advance(t, c, 3*time.Second)
	p.nothing() // whose answer says as much as an empty frame
	advance(t, c, 2*time.Second)
	p.nothing()
	advance(t, c, 5*time.Second)
	p.empty()
}

func TestTheServersIdleTimeOut(t *testing.T) {
	p, c := idling(t, 10*time.Second, 0)
	advance(t, c, 9*time.Second)
	p.lives()
	advance(t, c, 9*time.Second)
	p.sendFrame(amqp.Frame{}) // an empty frame is enough
	p.lives()
	advance(t, c, 9*time.Second)
	p.lives()
	advance(t, c, 10*time.Second)
	p.closes(amqp.ResourceLimitExceeded)
}

func TestBothIdleTimeOuts(t *testing.T) {
	p, c := idling(t, 10*time.Second, 8000)
	advance(t, c, 4*time.Second)
	p.empty()
	advance(t, c, 4*time.Second)
	p.empty()
	advance(t, c, 2*time.Second)
	p.closes(amqp.ResourceLimitExceeded)
}

func TestWithoutIdleTimeOutsNothingIsWatched(t *testing.T) {
	p, c := idling(t, -1, 0)
	c.Advance(1000 * time.Hour)
	p.lives()
}

// TestIdleTimeOutsOfTheMachine: without a clock of its own, a server idles by the machine's.
func TestIdleTimeOutsOfTheMachine(t *testing.T) {
	p := serve(t, amqpserver.New(&handler{}, amqpserver.Options{IdleTimeout: 200 * time.Millisecond}))
	p.openWith(&amqp.Open{ContainerID: "x", MaxFrameSize: 512, IdleTimeout: amqp.Some(uint32(60))})
	empty := 0
	for {
		f, err := amqp.ReadFrame(p, 512)
		if err != nil {
			t.Fatal(err)
		}
		if end, ok := f.Performative.(*amqp.Close); ok {
			if end.Error.Condition != amqp.ResourceLimitExceeded || empty < 2 {
				t.Errorf("closed with %v after %d empty frames", end.Error, empty)
			}
			return
		}
		empty++
	}
}
