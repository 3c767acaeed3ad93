package amqpserver

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
)

const (
	// maxSASLFrame bounds what a client may send before it is known. The standard has 512
	// bytes for it, into which the longest device id and its token do not fit.
	maxSASLFrame = 4 << 10
	// maxSASLSteps bounds an exchange. TPM has four.
	maxSASLSteps = 16
)

// authenticate goes through a SASL exchange (OASIS part 5, 5.3.2), from the server's header
// to an outcome of OK.
func (c *Conn) authenticate(mechanisms []amqp.Symbol) error {
	if err := c.answerHeader(amqp.HeaderSASL, amqp.HeaderSASL); err != nil {
		return err
	}
	offer := MechanismsReply{Mechanisms: slices.Clone(mechanisms)}
	Mechanisms.Hit(c.ctx, c.points(), c.At(StepSASL), &offer)
	if !offer.Drop {
		if err := c.sendSASL(&amqp.SASLMechanisms{Mechanisms: offer.Mechanisms}); err != nil {
			return err
		}
	}
	init, err := readSASL[*amqp.SASLInit](c)
	if err != nil {
		return err
	}
	c.mechanism = init.Mechanism
	step := SASLStep{Mechanism: init.Mechanism, Hostname: init.Hostname, Response: init.Response}
	if !slices.Contains(mechanisms, init.Mechanism) {
		return c.outcome(SASLReply{Code: amqp.SASLAuth})
	}
	for ; step.N < maxSASLSteps; step.N++ {
		reply := c.server.handler.Authenticate(c.ctx, c, step)
		if reply.Challenge == nil {
			return c.outcome(reply)
		}
		if step.Response, err = c.challenge(step.N, reply.Challenge); err != nil {
			return err
		}
	}
	return c.outcome(SASLReply{Code: amqp.SASLSystem})
}

func (c *Conn) challenge(n int, challenge []byte) (response []byte, err error) {
	reply := ChallengeReply{N: n, Challenge: challenge}
	Challenge.Hit(c.ctx, c.points(), c.At(StepSASL), &reply)
	if !reply.Drop {
		if err := c.sendSASL(&amqp.SASLChallenge{Challenge: reply.Challenge}); err != nil {
			return nil, err
		}
	}
	r, err := readSASL[*amqp.SASLResponse](c)
	if err != nil {
		return nil, err
	}
	return r.Response, nil
}

// outcome ends the exchange. Its error is nil when the client goes on.
func (c *Conn) outcome(judged SASLReply) error {
	reply := OutcomeReply{Code: judged.Code, AdditionalData: judged.AdditionalData}
	Outcome.Hit(c.ctx, c.points(), c.At(StepSASL), &reply)
	if !reply.Drop {
		if err := c.sendSASL(&amqp.SASLOutcome{Code: reply.Code, AdditionalData: reply.AdditionalData}); err != nil {
			return err
		}
	}
	if reply.Code != amqp.SASLOK {
		return fmt.Errorf("%w: SASL %.40q ended with code %d", errRefused, c.mechanism, reply.Code)
	}
	return nil
}

func (c *Conn) sendSASL(p amqp.Performative) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.writeMax(amqp.Frame{Type: amqp.FrameSASL, Performative: p}, amqp.MinMaxFrameSize)
}

// readSASL reads the client's next frame, which must be a T.
func readSASL[T amqp.Performative](c *Conn) (want T, err error) {
	f, err := c.readWithin(c.server.options.Timeouts.SASL, "answer in SASL")
	if err != nil {
		return want, err
	}
	want, ok := f.Performative.(T)
	if !ok { // of the other frame type, or out of order: there is no close frame yet to say so
		return want, fmt.Errorf("%w: %T in SASL, where %T belongs", errRefused, f.Performative, want)
	}
	return want, nil
}

// readWithin reads a frame for which the client has so much time.
func (c *Conn) readWithin(timeout time.Duration, what string) (amqp.Frame, error) {
	c.readBy(timeout)
	f, err := amqp.ReadFrame(c.in, c.limits.MaxFrame)
	if isTimeout(err) {
		err = fmt.Errorf("no %s within %v", what, timeout)
	}
	return f, err
}

// ParsePlain takes apart the initial response of SASL PLAIN (RFC 4616): the identity to act
// as, which may be empty, the identity that authenticates, and its password.
func ParsePlain(response []byte) (authorize, identity, password string, ok bool) {
	parts := bytes.Split(response, []byte{0})
	if len(parts) != 3 || len(parts[1]) == 0 {
		return "", "", "", false
	}
	return string(parts[0]), string(parts[1]), string(parts[2]), true
}
