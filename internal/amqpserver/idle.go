package amqpserver

import (
	"time"

	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
)

// age is how long the connection has been there, in nanoseconds on the server's clock.
func (c *Conn) age() int64 { return int64(c.server.options.Clock.Now().Sub(c.born)) }

// watchIdle begins to keep both idle-time-outs (OASIS part 2, 2.4.5) with one timer, which
// is set for what is due first and asks, when it fires, what has happened meanwhile.
func (c *Conn) watchIdle() {
	if c.limits.IdleTimeout > 0 || c.quiet > 0 {
		now := c.age()
		c.lastRead.Store(now)
		c.lastWrite.Store(now)
		c.setTimer(now)
	}
}

func (c *Conn) setTimer(now int64) {
	next := c.limits.IdleTimeout - time.Duration(now-c.lastRead.Load())
	if left := c.quiet/2 - time.Duration(now-c.lastWrite.Load()); c.limits.IdleTimeout == 0 || c.quiet > 0 && left < next {
		next = left
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closing {
		c.timer = c.server.options.Clock.AfterFunc(max(next, 0), c.lookIdle)
	}
}

// lookIdle closes a connection whose client has been silent for too long, and speaks up
// when the server has been.
func (c *Conn) lookIdle() {
	if !c.enter() {
		return
	}
	defer c.leave()
	now := c.age()
	if limit := c.limits.IdleTimeout; limit > 0 && time.Duration(now-c.lastRead.Load()) >= limit {
		c.Close(amqp.Errorf(amqp.ResourceLimitExceeded, "no frame within the idle-time-out of %v", limit))
		return
	}
	if c.quiet > 0 && time.Duration(now-c.lastWrite.Load()) >= c.quiet/2 { // [DPS-AMQP-051]
		var frame KeepaliveFrame
		Keepalive.Hit(c.ctx, c.points(), c.At(StepIdle), &frame)
		c.lastWrite.Store(now) // dropped ones count, or the timer would not rest
		if !frame.Drop {
			c.writing.Lock()
			err := c.write(amqp.Frame{})
			c.writing.Unlock()
			if err != nil {
				return
			}
		}
	}
	c.setTimer(now)
}
