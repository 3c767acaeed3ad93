package amqpserver

import (
	"errors"
	"fmt"
	"io"

	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
)

// negotiate answers the client's protocol header and, when it is that of SASL, goes through
// SASL and answers the one behind it (OASIS part 2, 2.2, and part 5, 5.3.2).
func (c *Conn) negotiate() error {
	asked, err := c.readHeader()
	if err != nil {
		return err
	}
	if asked == amqp.HeaderSASL { // [DPS-AMQP-001]
		mechanisms := c.server.handler.Mechanisms(c)
		if len(mechanisms) == 0 {
			return c.refuseHeader(asked, amqp.HeaderAMQP)
		}
		if err := c.authenticate(mechanisms); err != nil {
			return err
		}
		if asked, err = c.readHeader(); err != nil {
			return err
		}
	}
	if asked != amqp.HeaderAMQP { // the header of TLS, which is below here, among them [DPS-AMQP-054]
		return c.refuseHeader(asked, amqp.HeaderAMQP)
	}
	return c.answerHeader(asked, amqp.HeaderAMQP) // [DPS-AMQP-002]
}

func (c *Conn) readHeader() (header amqp.ProtocolHeader, err error) {
	timeout := c.server.options.Timeouts.Header
	c.readBy(timeout)
	if _, err = io.ReadFull(c.in, header[:]); isTimeout(err) {
		err = fmt.Errorf("no protocol header within %v", timeout)
	}
	return header, err
}

func (c *Conn) answerHeader(asked, answer amqp.ProtocolHeader) error {
	reply := HeaderReply{Asked: asked, Answer: answer}
	Header.Hit(c.ctx, c.points(), c.At(StepHeader), &reply)
	if reply.Drop {
		return nil
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.writeBytes(reply.Answer[:])
}

// errRefused is the error of a connection that ends before there can be a close frame.
var errRefused = errors.New("refused")

// refuseHeader tells the client what would have been right.
func (c *Conn) refuseHeader(asked, right amqp.ProtocolHeader) error {
	if err := c.answerHeader(asked, right); err != nil {
		return err
	}
	return fmt.Errorf("%w: protocol header %q", errRefused, asked[:])
}
