package amqp

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/devwire/amqpframe"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// unknownOperation is an operation that no service has begun.
const unknownOperation = "5.0000000000000000.00000000-0000-4000-8000-000000000000"

// session is a device's connection with both links attached.
type session struct {
	*harness.Frames
	t      *harness.T
	env    *harness.Env
	device *harness.Device
}

// open attaches a new device of a new service.
func open(ctx context.Context, env *harness.Env, t *harness.T) session {
	return openAs(ctx, env, t, env.Service(ctx, t).SymmetricKeyDevice(ctx, t))
}

func openAs(ctx context.Context, env *harness.Env, t *harness.T, d *harness.Device) session {
	return session{d.Links(ctx, t), t, env, d}
}

// styled is the device with another way of speaking AMQP.
func styled(d *harness.Device, change func(s *devwire.AMQPStyle)) *harness.Device {
	return d.With(func(id *devwire.Identity) { change(&id.AMQP) })
}

// address is that of the device's links, and the user of its SASL PLAIN.
func address(d *harness.Device) string { return devwire.AMQPLinkAddress(d.Scope, d.RegistrationID) }

// poll makes the question for an operation's status with that correlation-id.
func (s session) poll(operationID string, correlation any) amqpframe.Message {
	m, err := devwire.AMQPPoll(s.device.Identity, operationID)
	s.t.Must(err, "write the poll")
	m[0] = amqpframe.New("properties", amqpframe.Fields{"correlation-id": correlation})
	return m
}

// accepted asserts that the next outcome is accepted.
func (s session) accepted(ctx context.Context) {
	outcome := s.Outcome(ctx)
	s.t.Expect(outcome.Name()).To(Equal("accepted"), "%s", outcome)
}

// rejected asserts that the next outcome is a rejection that tells why, and returns that.
func (s session) rejected(ctx context.Context) devwire.Answer {
	outcome := s.Outcome(ctx)
	s.t.Expect(outcome.Name()).To(Equal("rejected"), "%s", outcome)
	a, err := devwire.ParseAMQPRejection(outcome)
	s.t.Answered(err, "read the rejection")
	return a
}

// hear returns the next answer as a device reads it.
func (s session) hear(ctx context.Context) devwire.Answer { return s.read(s.Answer(ctx).Message) }

func (s session) read(m amqpframe.Message) devwire.Answer {
	a, err := devwire.ParseAMQPAnswer(m)
	s.t.Answered(err, "read the answer")
	return a
}

// register sends a register request, which is accepted, and hears its answer.
func (s session) register(ctx context.Context, payload ...json.RawMessage) devwire.Answer {
	s.Register(payload...)
	s.accepted(ctx)
	return s.hear(ctx)
}

// registered is register where something else is checked.
func (s session) registered(ctx context.Context) (first devwire.Answer) {
	s.t.Given(s.device.RegistrationID+" registers", func() { first = s.register(ctx) })
	return first
}

// settle polls, as often as the service asks, until the answer is terminal, and returns
// that as it came.
func (s session) settle(ctx context.Context, first devwire.Answer) (last devwire.AMQPDelivery) {
	pause := max(first.RetryAfter, time.Second)
	s.t.Eventually(ctx, func() bool {
		s.Poll(first.OperationID)
		s.accepted(ctx)
		last = s.Answer(ctx)
		return s.read(last.Message).Status.Terminal()
	}).WithTimeout(s.env.Timeouts.Assign).WithPolling(pause).Should(BeTrue(), "the status has to become terminal")
	return last
}

// inPieces are the transfer frames of the session's first message, with that many bytes of
// it in each.
func inPieces(t *harness.T, m amqpframe.Message, size int) (frames []amqpframe.Frame) {
	payload, err := m.Encode()
	t.Must(err, "write a message")
	for first := true; first || len(payload) > 0; first = false {
		body := amqpframe.New("transfer", amqpframe.Fields{"handle": devwire.AMQPSender, "more": len(payload) > size})
		if first {
			body.Set("delivery-id", 0).Set("delivery-tag", []byte(strconv.Itoa(0))).Set("message-format", 0).Set("settled", false)
		}
		n := min(size, len(payload))
		frames = append(frames, amqpframe.On(0, body, payload[:n]))
		payload = payload[n:]
	}
	return frames
}
