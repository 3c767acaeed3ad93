package amqpserver

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
)

// buffers are for encoding. Large ones are not kept.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

const keptBuffer = 16 << 10

// errTooLarge is the error of a frame that does not fit into the client's maximum.
var errTooLarge = errors.New("a frame is larger than the client takes")

// send writes one frame of an AMQP channel.
func (c *Conn) send(channel uint16, p amqp.Performative) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.write(amqp.Frame{Channel: channel, Performative: p})
}

// write encodes a frame and writes it in one piece. c.writing is held.
func (c *Conn) write(f amqp.Frame) error {
	return c.writeMax(f, c.maxFrame)
}

func (c *Conn) writeMax(f amqp.Frame, limit uint32) error {
	if c.silent {
		return ErrClosed
	}
	buf := buffers.Get().(*[]byte)
	defer func() {
		if cap(*buf) <= keptBuffer {
			buffers.Put(buf)
		}
	}()
	frame, err := f.Append((*buf)[:0])
	if excess := len(frame) - int(limit); err == nil && excess > 0 { // [DPS-AMQP-049]
		shorten(f.Performative, excess)
		frame, err = f.Append(frame[:0])
	}
	*buf = frame
	switch {
	case err != nil:
		return fmt.Errorf("encode %T: %w", f.Performative, err)
	case len(frame) > int(limit):
		return fmt.Errorf("%w: %d bytes, and it takes %d", errTooLarge, len(frame), limit)
	}
	return c.writeBytes(frame)
}

// writeBytes writes b. c.writing is held. A write that fails ends the connection.
func (c *Conn) writeBytes(b []byte) error {
	c.writeBy(c.server.options.Timeouts.Write)
	if _, err := c.conn.Write(b); err != nil {
		c.silent = true
		err = fmt.Errorf("write: %w", err)
		c.abandon(err.Error())
		return err
	}
	c.lastWrite.Store(c.age())
	return nil
}

// shorten takes from the error in p, if there is one, so many bytes of its description or,
// when those are not enough, all but its condition. A client that takes frames of 512 bytes
// still learns that.
func shorten(p amqp.Performative, excess int) {
	var field **amqp.Error
	switch p := p.(type) {
	case *amqp.Disposition:
		rejected, ok := p.State.(*amqp.Rejected)
		if !ok {
			return
		}
		copied := *rejected
		p.State, field = &copied, &copied.Error
	case *amqp.Detach:
		field = &p.Error
	case *amqp.End:
		field = &p.Error
	case *amqp.Close:
		field = &p.Error
	}
	if field == nil || *field == nil {
		return
	}
	short := **field
	if left := len(short.Description) - excess; left >= 0 {
		short.Description = strings.ToValidUTF8(short.Description[:left], "")
	} else {
		short.Description, short.Info = "", nil
	}
	*field = &short
}
