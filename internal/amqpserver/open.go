package amqpserver

import (
	"errors"
	"fmt"
	"time"

	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
)

// open reads the client's open and answers it (OASIS part 2, 2.4.1). After its error, which
// the client is told in a close, there is nothing more to say.
func (c *Conn) open() error {
	options := &c.server.options
	c.limits.MaxFrame = options.MaxFrame
	asked, violation, err := c.readOpen()
	if err != nil {
		return err
	}
	c.limits = Limits{MaxFrame: options.MaxFrame, MaxMessage: options.MaxMessage, IdleTimeout: options.IdleTimeout}
	Enforced.Hit(c.ctx, c.points(), c.At(StepOpen), &c.limits)

	reply := OpenReply{Asked: asked, Error: violation, Open: amqp.Open{
		ContainerID: options.ContainerID, MaxFrameSize: options.MaxFrame, ChannelMax: options.ChannelMax,
	}}
	if options.IdleTimeout > 0 {
		reply.Open.IdleTimeout = amqp.Some(uint32(options.IdleTimeout.Milliseconds()))
	}
	if violation == nil {
		reply.Error = c.server.handler.Open(c.ctx, c, asked)
		c.accepted = reply.Error == nil
	}
	Open.Hit(c.ctx, c.points(), c.At(StepOpen), &reply)
	if err := c.sendOpen(reply); err != nil {
		return err
	}
	if reply.Error != nil {
		c.Close(reply.Error)
		return nil
	}
	c.watchIdle()
	return nil
}

// leastQuiet is the shortest idle-time-out of a client that can be honoured.
const leastQuiet = 20 * time.Millisecond

// readOpen reads the client's open and what it asks for. A client that begins with
// something else gets an open all the same, so that it can be told.
func (c *Conn) readOpen() (asked *amqp.Open, violation *amqp.Error, err error) {
	f, err := c.readWithin(c.server.options.Timeouts.Open, "open")
	for err == nil && f.Performative == nil && f.Type == amqp.FrameAMQP {
		f, err = c.readWithin(c.server.options.Timeouts.Open, "open")
	}
	if errors.As(err, &violation) {
		return &amqp.Open{}, violation, nil
	}
	if err != nil {
		return nil, nil, err
	}
	asked, ok := f.Performative.(*amqp.Open)
	if !ok {
		return &amqp.Open{}, amqp.Errorf(amqp.NotAllowed, "%T where the open belongs", f.Performative), nil
	}
	c.channelMax = asked.ChannelMax
	c.quiet = time.Duration(asked.IdleTimeout.V) * time.Millisecond
	switch {
	case asked.MaxFrameSize < amqp.MinMaxFrameSize:
		violation = amqp.Errorf(amqp.InvalidField, "a max-frame-size of %d is below %d", asked.MaxFrameSize, amqp.MinMaxFrameSize)
	case c.quiet > 0 && c.quiet < leastQuiet:
		violation = amqp.Errorf(amqp.NotAllowed, "an idle-time-out of %v cannot be honoured; %v can", c.quiet, leastQuiet)
	default:
		c.maxFrame = min(asked.MaxFrameSize, c.server.options.MaxFrame) // ours bounds what is buffered
	}
	return asked, violation, nil
}

func (c *Conn) sendOpen(reply OpenReply) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	if !reply.Drop {
		if err := c.write(amqp.Frame{Performative: &reply.Open}); err != nil {
			return fmt.Errorf("open: %w", err)
		}
	}
	c.opened = true
	return nil
}

// sayClose sends the server's close, once, and reports whether the client may have
// something to say to it.
func (c *Conn) sayClose(err *amqp.Error) bool {
	frame := CloseFrame{Error: err}
	Close.Hit(c.ctx, c.points(), c.At(StepEnd), &frame)
	c.writing.Lock()
	defer c.writing.Unlock()
	if !c.opened || c.silent {
		return false
	}
	if !frame.Drop {
		if c.write(amqp.Frame{Performative: &amqp.Close{Error: frame.Error}}) != nil {
			return false
		}
	}
	c.silent = true
	return true
}
