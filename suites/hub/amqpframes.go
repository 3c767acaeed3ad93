package hub

import (
	"context"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/devwire/amqpframe"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// batchFormat is the message-format of a batch (iot-hub.md 2.4).
const batchFormat = 0x80013700

// frames are a device's connection to its hub frame by frame, logged in by SASL PLAIN and
// with a session begun.
type frames struct {
	*devwire.AMQPConn
	t   *harness.T
	env *harness.Env
}

func openFrames(ctx context.Context, env *harness.Env, t *harness.T, d *harness.HubDevice) frames {
	conn, err := env.Wire.AMQP(ctx, t.Transport(), d.Hub.Endpoint, devwire.DialOptions{})
	t.Answered(err, "open an amqp connection to the hub")
	t.Cleanup(func(context.Context) { conn.Close() })
	f := frames{conn, t, env}
	t.Given(d.DeviceID+" is logged in and has a session", func() {
		token := d.Token(d.Hub.Host, env.Wire.Clock.Now())
		t.Answered(conn.SASL(ctx, devwire.SASLPlain(devwire.HubPlainUser(d.Hub.Host, d.DeviceID), token)), "log in by sasl")
		f.send(amqpframe.Layer(amqpframe.HeaderAMQP), amqpframe.On(0, amqpframe.New("open", amqpframe.Fields{
			"container-id": d.DeviceID, "hostname": d.Hub.Host,
		})), amqpframe.On(0, devwire.AMQPBegin()))
		for _, name := range []string{"header", "open", "begin"} {
			f.read(ctx, name)
		}
	})
	return f
}

func (f frames) send(list ...amqpframe.Frame) { f.t.Answered(f.Send(list...), "send frames") }

// read returns the next frame of these names, past flow.
func (f frames) read(ctx context.Context, names ...string) amqpframe.Frame {
	for {
		frame, err := f.Expect(ctx, append(names, "flow")...)
		f.t.Answered(err, "wait for a frame")
		if frame.Name() != "flow" {
			return frame
		}
	}
}

// attach attaches a link whose end at the hub is that address.
func (f frames) attach(ctx context.Context, handle int, receives bool, address string) {
	own, remote := amqpframe.Fields{}, amqpframe.Fields{"address": address}
	attach := amqpframe.New("attach", amqpframe.Fields{"name": address + map[bool]string{true: " in"}[receives], "handle": handle, "role": receives})
	if receives {
		attach.Set("source", amqpframe.New("source", remote)).Set("target", amqpframe.New("target", own))
	} else {
		attach.Set("source", amqpframe.New("source", own)).Set("target", amqpframe.New("target", remote)).Set("initial-delivery-count", 0)
	}
	f.send(amqpframe.On(0, attach))
	f.read(ctx, "attach")
}

// sendRaw sends one message as telemetry and returns its outcome.
func sendRaw(ctx context.Context, env *harness.Env, t *harness.T, d *harness.HubDevice, m amqpframe.Message, format uint32) *amqpframe.Described {
	f := openFrames(ctx, env, t, d)
	f.attach(ctx, 0, false, "/devices/"+d.DeviceID+"/messages/events")
	payload, err := m.Encode()
	t.Must(err, "write a message")
	f.send(amqpframe.On(0, amqpframe.New("transfer", amqpframe.Fields{
		"handle": 0, "delivery-id": 0, "delivery-tag": []byte{1}, "message-format": format, "settled": false,
	}), payload))
	return f.read(ctx, "disposition").Body.Inner("state")
}

// methodCall looks at a call as it comes, and leaves it unanswered.
func methodCall(ctx context.Context, env *harness.Env, t *harness.T) {
	d := env.Hub(ctx, t).Device(ctx, t)
	f := openFrames(ctx, env, t, d)
	address := "/devices/" + d.DeviceID + "/methods/devicebound"
	f.attach(ctx, 0, true, address)
	f.attach(ctx, 1, false, address)
	f.send(amqpframe.On(0, devwire.AMQPCredit(10)))
	call(ctx, t, d, "reboot", nil)
	m, err := f.Delivery(ctx)
	t.Answered(err, "wait for the call")
	t.Expect(m.Message.Property("correlation-id")).To(BeAssignableToTypeOf(amqpframe.UUID{}), "the correlation-id")
	name, _ := m.Message.Application("IoThub-methodname")
	t.Expect(name).To(Equal("reboot"))
	t.Expect(m.Message.Data()).To(HaveLen(1), "data sections")
}
