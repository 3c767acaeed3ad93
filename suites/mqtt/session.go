package mqtt

import (
	"context"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/eclipse/paho.mqtt.golang/packets"
	. "github.com/onsi/gomega"
)

// session is a device's connection, logged in and subscribed.
type session struct {
	*harness.Packets
	t      *harness.T
	env    *harness.Env
	device *harness.Device
}

// open connects a new device of a new service, subscribed at QoS 1.
func open(ctx context.Context, env *harness.Env, t *harness.T) session {
	return openAs(ctx, env, t, env.Service(ctx, t).SymmetricKeyDevice(ctx, t))
}

func openAs(ctx context.Context, env *harness.Env, t *harness.T, d *harness.Device) session {
	return session{Packets: d.Session(ctx, t, 1), t: t, env: env, device: d}
}

// body is the device's register document.
func (s session) body() []byte {
	body, err := s.device.Registration(nil)
	s.t.Must(err, "write the register request")
	return body
}

// askRegister and askPoll send a request at QoS 1; the answer is still to be heard.
func (s session) askRegister(rid string) *packets.PublishPacket {
	return s.Publish(devwire.RegisterTopic(rid), 1, s.body())
}

func (s session) askPoll(rid, operationID string) *packets.PublishPacket {
	return s.Publish(devwire.PollTopic(rid, operationID), 1, nil)
}

// register and poll send a request and hear its answer.
func (s session) register(ctx context.Context, rid string) devwire.Answer {
	s.askRegister(rid)
	return s.hear(ctx)
}

func (s session) poll(ctx context.Context, rid, operationID string) devwire.Answer {
	s.askPoll(rid, operationID)
	return s.hear(ctx)
}

// registered is register where something else is checked: the answer has to be good.
func (s session) registered(ctx context.Context, rid string) (first devwire.Answer) {
	s.t.Given(s.device.RegistrationID+" registers", func() {
		first = s.register(ctx, rid)
		s.t.Expect(first.Code).To(BeNumerically("<", 300), "%s", first.Raw)
	})
	return first
}

// settle polls, as often as the service asks, until the answer is terminal or a refusal.
func (s session) settle(ctx context.Context, first devwire.Answer) devwire.Answer {
	last := first
	pause := max(first.RetryAfter, time.Second)
	s.t.Eventually(ctx, func() bool {
		last = s.poll(ctx, "poll", first.OperationID)
		return last.Code >= 300 || last.Status.Terminal()
	}).WithTimeout(s.env.Timeouts.Assign).WithPolling(pause).Should(BeTrue(), "the status has to become terminal")
	return last
}

// take returns the next answer as a packet, and acknowledges it as a client has to.
func (s session) take(ctx context.Context) *packets.PublishPacket {
	m := s.Answer(ctx)
	if m.Qos == 1 {
		ack := packets.NewControlPacket(packets.Puback).(*packets.PubackPacket)
		ack.MessageID = m.MessageID
		s.Write(ack)
	}
	return m
}

// hear returns the next answer as a device reads it.
func (s session) hear(ctx context.Context) devwire.Answer { return s.read(s.take(ctx)) }

func (s session) read(m *packets.PublishPacket) devwire.Answer {
	a, _, err := devwire.ParseMQTTAnswer(m.TopicName, m.Payload)
	s.t.Answered(err, "read the answer on "+m.TopicName)
	return a
}

// expectAlive asserts that the connection serves, and that nothing waits unread on it.
func (s session) expectAlive(ctx context.Context) {
	s.Write(packets.NewControlPacket(packets.Pingreq))
	s.t.Expect(s.Next(ctx)).To(BeAssignableToTypeOf(&packets.PingrespPacket{}), "the answer to PINGREQ has to come next")
}

// disconnect ends the session as a client does.
func (s session) disconnect() {
	s.Write(packets.NewControlPacket(packets.Disconnect))
	s.Close()
}
