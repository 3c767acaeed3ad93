package amqpserver

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
	"github.com/dpslab/dpslab/internal/clock"
)

// errClosed is how a connection ends well: the client has sent its close.
var errClosed = errors.New("the client closed the connection")

// run is the connection on its reader, from the first byte to the last. It says why it ended.
func (c *Conn) run() string {
	err := c.negotiate()
	if err == nil {
		err = c.open()
	}
	for err == nil {
		if err = c.await(); err == nil {
			err = c.judge(c.take())
		}
	}
	var violation *amqp.Error
	switch {
	case errors.As(err, &violation): // [DPS-AMQP-052] [DPS-AMQP-053]
		c.Close(violation)
		c.drain()
	case errors.Is(err, errRefused), errors.Is(err, ErrClosed):
		c.drain()
	case errors.Is(err, errTooLarge):
		c.Close(amqp.Errorf(amqp.InternalError, "%v", err))
		c.drain()
	case errors.Is(err, errClosed): // [DPS-AMQP-056]
		c.Close(nil)
	case errors.Is(err, io.EOF):
		err = errors.New("the client ended the connection without a close")
	}
	c.mu.Lock()
	c.ended = true
	c.mu.Unlock()
	c.words.Wait()
	return err.Error()
}

// judge lets a fault pass over a violation. Any other error is as it was.
func (c *Conn) judge(err error) error {
	var v Violation
	if !errors.As(err, &v.Error) {
		return err
	}
	if Violated.Hit(c.ctx, c.points(), c.At(StepReceive), &v); v.Ignore {
		return nil
	}
	return err
}

// drain reads what the client still sends, so that closing the connection does not take
// from it what it was sent last.
func (c *Conn) drain() {
	c.conn.SetReadDeadline(clock.SocketDeadline(c.server.options.Timeouts.Linger))
	io.Copy(io.Discard, c.in)
}

// await waits for the next frame's first byte. It is apart from take, so that a connection
// that waits keeps nothing else on its stack. Idleness is the timer's business.
func (c *Conn) await() error {
	if c.in.Buffered() > 0 {
		return nil
	}
	c.readBy(0)
	_, err := c.in.Peek(1)
	return err
}

// take reads the frame that has begun to arrive and acts on it.
func (c *Conn) take() error {
	if !c.wholeFrame() {
		c.readBy(c.server.options.Timeouts.Frame)
	}
	f, err := amqp.ReadFrame(c.in, c.limits.MaxFrame)
	if err != nil {
		if isTimeout(err) && !c.isClosing() {
			err = amqp.Errorf(amqp.FramingError, "a frame took longer than %v", c.server.options.Timeouts.Frame)
		}
		return err
	}
	c.lastRead.Store(c.age())
	if f.Type != amqp.FrameAMQP {
		return amqp.Errorf(amqp.FramingError, "a frame of type %d behind the open", f.Type)
	}
	if end, ok := f.Performative.(*amqp.Close); ok {
		if end.Error != nil {
			return fmt.Errorf("%w because of %.200q", errClosed, end.Error.Error())
		}
		return errClosed
	}
	if c.isClosing() {
		return nil // nothing of it counts any more
	}
	return c.act(f)
}

// wholeFrame reports whether all of the next frame is in the buffer.
func (c *Conn) wholeFrame() bool {
	buffered := c.in.Buffered()
	if buffered < 4 {
		return false
	}
	size, _ := c.in.Peek(4)
	return uint64(binary.BigEndian.Uint32(size)) <= uint64(buffered)
}

// act does what a frame wants. An *amqp.Error that it returns ends the connection.
func (c *Conn) act(f amqp.Frame) error {
	switch p := f.Performative.(type) {
	case nil: // the client says that it is there
		return nil
	case *amqp.Open:
		return amqp.Errorf(amqp.NotAllowed, "a second open")
	case *amqp.Begin:
		return c.begin(f.Channel, p)
	}
	c.mu.Lock()
	s := c.sessions[f.Channel]
	c.mu.Unlock()
	if s == nil {
		return amqp.Errorf(amqp.NotAllowed, "%T on channel %d, which has no session", f.Performative, f.Channel)
	}
	return s.act(f)
}

func (s *session) act(f amqp.Frame) error {
	if end, ok := f.Performative.(*amqp.End); ok {
		return s.ended(end)
	}
	if s.isOver() { // ended from here, and the client does not know yet
		return nil
	}
	switch p := f.Performative.(type) {
	case *amqp.Attach:
		return s.attach(p)
	case *amqp.Detach:
		return s.detached(p)
	case *amqp.Flow:
		return s.flow(p)
	case *amqp.Transfer:
		return s.transfer(p, f.Payload)
	case *amqp.Disposition:
		return s.disposition(p)
	}
	return nil
}

// isTimeout tells a deadline that passed. Over a WebSocket it cancels a context.
func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, context.Canceled)
}
