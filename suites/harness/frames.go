package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/devwire/amqpframe"
	"github.com/dpslab/dpslab/internal/dps"
)

// Frames is an AMQP connection frame by frame, for checks of order, of types and of
// malformed input. It sends nothing by itself.
type Frames struct {
	*devwire.AMQPConn
	t      *T
	env    *Env
	device *Device
	sent   int // messages
}

// amqpTransport is the run's, or for a run without one what carries AMQP at the target.
func (t *T) amqpTransport() dps.Transport {
	for _, over := range []dps.Transport{t.Transport(), t.first} {
		if over == dps.AMQP || over == dps.AMQPWebSocket {
			return over
		}
	}
	return dps.AMQP
}

// Frames opens an AMQP connection of the device and sends nothing on it.
func (d *Device) Frames(ctx context.Context, t *T) *Frames {
	over := t.amqpTransport()
	env := d.Service.env
	conn, err := env.Wire.AMQP(ctx, over, d.Service.Device, devwire.DialOptions{Certificate: d.Certificate, Path: d.AMQP.Path})
	t.Answered(err, "open an amqp connection over "+over.String())
	t.Cleanup(func(context.Context) { conn.Close() })
	return &Frames{AMQPConn: conn, t: t, env: env, device: d}
}

// Links opens an AMQP connection of the device, logs in and attaches both links: what has
// to hold before most checks of requests and answers.
func (d *Device) Links(ctx context.Context, t *T) *Frames {
	f := d.Frames(ctx, t)
	t.Given(d.RegistrationID+" is logged in and attached", func() {
		t.Answered(f.Login(ctx, d.Identity), "log in by sasl")
		t.Answered(f.Attach(ctx, d.Service.Device, d.Identity), "attach the links")
	})
	return f
}

// Write sends frames, all in one write. That the connection is gone already is no error
// here: what the target did shows when its side is read.
func (f *Frames) Write(frames ...amqpframe.Frame) {
	for _, frame := range frames {
		f.t.Step("send %s", frame)
	}
	var unsent *devwire.NotSent
	switch err := f.Send(frames...); {
	case errors.As(err, &unsent):
		f.t.Must(err, "write the frames")
	case err != nil:
		f.t.Step("the frames could not be sent: %v", err)
	}
}

// Next returns the next frame, an empty one too. That none comes in Timeouts.Answer, or
// that the target closes the connection instead, is a failure.
func (f *Frames) Next(ctx context.Context) amqpframe.Frame {
	ctx, cancel := context.WithTimeout(ctx, f.env.Timeouts.Answer)
	defer cancel()
	frame, err := f.AMQPConn.Next(ctx)
	if errors.Is(err, io.EOF) {
		err = errors.New("the target closed the connection instead of answering")
	}
	f.t.Answered(err, "wait for a frame")
	return frame
}

// Read returns the next frame of one of these names. Empty frames and, where it is not
// asked for, flow are passed over; any other frame is a failure.
func (f *Frames) Read(ctx context.Context, names ...string) amqpframe.Frame {
	for {
		frame := f.Next(ctx)
		switch name := frame.Name(); {
		case slices.Contains(names, name):
			return frame
		case name != "empty" && name != "flow":
			f.t.fail(fmt.Sprintf("expected %q, got %s", names, frame))
		}
	}
}

// Transfer sends a message on the device's sender. Its outcome is still to be read.
func (f *Frames) Transfer(m amqpframe.Message) {
	frame, err := devwire.AMQPTransfer(f.sent, m)
	f.t.Must(err, "write a message")
	f.sent++
	f.Write(frame)
}

// Register sends a register request and returns it.
func (f *Frames) Register(payload ...json.RawMessage) amqpframe.Message {
	m, err := devwire.AMQPRegister(f.device.Identity, first(payload))
	f.t.Must(err, "write the register request")
	f.Transfer(m)
	return m
}

// Poll sends the question for an operation's status and returns it.
func (f *Frames) Poll(operationID string) amqpframe.Message {
	m, err := devwire.AMQPPoll(f.device.Identity, operationID)
	f.t.Must(err, "write the poll")
	f.Transfer(m)
	return m
}

// Outcome returns the outcome of the last message, from the next disposition: accepted,
// rejected, released or modified.
func (f *Frames) Outcome(ctx context.Context) *amqpframe.Described {
	return f.Read(ctx, "disposition").Body.Inner("state")
}

// Answer returns the next message of the target, whatever dispositions come before it.
func (f *Frames) Answer(ctx context.Context) devwire.AMQPDelivery {
	ctx, cancel := context.WithTimeout(ctx, f.env.Timeouts.Answer)
	defer cancel()
	for {
		answer, err := f.Delivery(ctx)
		if frames := answer.Frames; err != nil && len(frames) == 0 && answer.Instead.Name() == "disposition" {
			continue
		}
		f.t.Answered(err, "wait for an answer")
		return answer
	}
}

// ExpectClosed asserts that the target closes the connection within Timeouts.Close, and
// that until then it sends no frame of the names that are refused.
func (f *Frames) ExpectClosed(ctx context.Context, refused ...string) {
	ctx, cancel := context.WithTimeout(ctx, f.env.Timeouts.Close)
	defer cancel()
	for {
		frame, err := f.AMQPConn.Next(ctx)
		if err != nil {
			f.t.assert(errors.Is(err, io.EOF), fmt.Sprintf("expected the target to close the connection: %v", err))
			return
		}
		if slices.Contains(refused, frame.Name()) {
			f.t.fail(fmt.Sprintf("expected the target to close the connection, it sent %s", frame))
		}
	}
}

// ExpectSilence asserts that nothing comes for Timeouts.Silence and that the connection
// stands.
func (f *Frames) ExpectSilence(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, f.env.Timeouts.Silence)
	defer cancel()
	frame, err := f.AMQPConn.Next(ctx)
	otherwise := fmt.Sprintf("expected nothing to come, got %s", frame)
	if err != nil {
		otherwise = fmt.Sprintf("expected the connection to stand: %v", err)
	}
	f.t.assert(errors.Is(err, context.DeadlineExceeded), otherwise)
}

// tryPlain is TryToken over AMQP: the text is the password of SASL PLAIN.
func (d *Device) tryPlain(ctx context.Context, t *T, token string) Reply {
	over := t.deviceTransport()
	t.Step("%s tries to register over %s with a token of its own making", d.RegistrationID, over)
	conn, err := d.Service.env.Wire.AMQP(ctx, over, d.Service.Device, devwire.DialOptions{Certificate: d.Certificate})
	if err != nil {
		return t.reply(devwire.Answer{}, err)
	}
	defer conn.Close()
	plain := devwire.SASLPlain(devwire.AMQPLinkAddress(d.Scope, d.RegistrationID), token)
	if err = conn.SASL(ctx, plain); err == nil {
		err = conn.Attach(ctx, d.Service.Device, d.Identity)
	}
	if err != nil {
		return t.reply(devwire.Answer{}, err)
	}
	return t.reply(registerFrames(ctx, conn, d.Identity))
}

// registerFrames sends one register request over attached links and reads what comes.
func registerFrames(ctx context.Context, conn *devwire.AMQPConn, id devwire.Identity) (devwire.Answer, error) {
	m, err := devwire.AMQPRegister(id, nil)
	if err != nil {
		return devwire.Answer{}, err
	}
	transfer, err := devwire.AMQPTransfer(0, m)
	if err != nil {
		return devwire.Answer{}, err
	}
	if err := conn.Send(transfer); err != nil {
		return devwire.Answer{}, err
	}
	for {
		frame, err := conn.Expect(ctx, "disposition", "flow")
		switch {
		case err != nil:
			return devwire.Answer{}, err
		case frame.Name() == "flow":
			continue
		}
		if outcome := frame.Body.Inner("state"); outcome.Name() != "accepted" {
			return devwire.ParseAMQPRejection(outcome)
		}
		answer, err := conn.Delivery(ctx)
		if err != nil {
			return devwire.Answer{}, err
		}
		return devwire.ParseAMQPAnswer(answer.Message)
	}
}
