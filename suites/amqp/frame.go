package amqp

import (
	"context"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/devwire/amqpframe"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// opened logs the device in and opens the connection with an open that the check alters.
// It returns the service's open.
func opened(ctx context.Context, t *harness.T, d *harness.Device, change func(open *amqpframe.Described)) (f *harness.Frames, answer *amqpframe.Described) {
	f = d.Frames(ctx, t)
	t.Given(d.RegistrationID+" is logged in", func() { t.Answered(f.Login(ctx, d.Identity), "log in by sasl") })
	mine := devwire.AMQPOpen(d.Service.Device, d.Identity)
	change(mine)
	f.Write(amqpframe.Layer(amqpframe.HeaderAMQP), amqpframe.On(0, mine))
	f.Read(ctx, "header")
	return f, f.Read(ctx, "open").Body
}

// attached goes on to both links, with credit.
func attached(ctx context.Context, t *harness.T, env *harness.Env, d *harness.Device, f *harness.Frames) session {
	f.Write(amqpframe.On(0, devwire.AMQPBegin()), amqpframe.On(0, attachment(d, devwire.AMQPReceiver)),
		amqpframe.On(0, attachment(d, devwire.AMQPSender)), amqpframe.On(0, devwire.AMQPCredit(50)))
	for _, name := range []string{"begin", "attach", "attach"} {
		f.Read(ctx, name)
	}
	return session{f, t, env, d}
}

// smallest is the smallest max-frame-size that there is.
const smallest = 512

// idle is an idle-time-out that a check waits for.
const idle = time.Second

// frameChecks are about what a device's open asks for.
var frameChecks = []harness.Check{{
	Requirement: "DPS-AMQP-049",
	Title:       "a device that takes frames of 512 bytes is assigned, and gets none that is larger",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		group := env.Service(ctx, t).SymmetricKeyGroup(ctx, t)
		d := group.Device(t).With(func(id *devwire.Identity) { // its answers are larger than a frame
			id.RegistrationID += "-" + strings.Repeat("x", 120-len(id.RegistrationID))
			id.Key = devwire.DeriveKey(group.Primary, id.RegistrationID)
		})
		f, _ := opened(ctx, t, d, func(open *amqpframe.Described) { open.Set("max-frame-size", smallest) })
		s := attached(ctx, t, env, d, f)
		last := s.settle(ctx, s.registered(ctx))
		t.Expect(s.read(last.Message).Status).To(Equal(dps.StatusAssigned))
		t.Expect(len(last.Frames)).To(BeNumerically(">", 1), "the frames of an answer that does not fit into one")
		for _, frame := range last.Frames {
			expectFits(t, frame)
		}
		s.Transfer(request(`{"registrationId":"`+strings.Repeat("y", 400)+`"}`, operationType, register))
		rejection := s.Read(ctx, "disposition")
		t.Expect(rejection.Body.Inner("state").Name()).To(Equal("rejected"))
		expectFits(t, rejection)
	},
}, {
	Requirement: "DPS-AMQP-051",
	Title:       "a quiet connection hears a frame within the idle-time-out of its open, again and again",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		f, _ := opened(ctx, t, d, func(open *amqpframe.Described) {
			open.Set("idle-time-out", uint32(idle.Milliseconds()))
		})
		for range 3 {
			ctx, cancel := context.WithTimeout(ctx, idle)
			_, err := f.AMQPConn.Next(ctx)
			cancel()
			t.Expect(err).NotTo(HaveOccurred(), "a frame has to come within %v", idle)
		}
	},
}}

// expectFits asserts that a frame is no larger than the smallest allowed. What is measured
// is its shortest encoding, which is never longer than the one on the wire.
func expectFits(t *harness.T, f amqpframe.Frame) {
	raw, err := f.Append(nil)
	t.Must(err, "measure a frame")
	t.Expect(len(raw)).To(BeNumerically("<=", smallest), "the size of %s", f)
}

// badFrameChecks are about what is no frame, or no message.
var badFrameChecks = []harness.Check{{
	Requirement: "DPS-AMQP-052",
	Title:       "a frame that is larger than the service's open allows ends the connection",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		f, open := opened(ctx, t, d, func(*amqpframe.Described) {})
		limit, ok := open.Number("max-frame-size")
		if !ok || limit > 1<<20 {
			t.Skip("the service's open allows frames that are too large to be tried")
		}
		t.Given("a request that fits is taken", func() { t.Expect(d.Try(ctx, t)).To(harness.BeAccepted()) })
		s := attached(ctx, t, env, d, f)
		m, err := devwire.AMQPRegister(d.Identity, []byte(`"`+strings.Repeat("x", int(limit))+`"`))
		t.Must(err, "write the register request")
		s.Transfer(m)
		s.ExpectClosed(ctx, "disposition", "transfer")
	},
}, {
	Requirement: "DPS-AMQP-053",
	Title:       "what is no frame, or cannot be read as one, ends the connection",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		t.Given("the device is taken", func() { t.Expect(d.Try(ctx, t)).To(harness.BeAccepted()) })
		for _, c := range []struct{ what, bytes string }{
			{"a size below that of a frame's header", "\x00\x00\x00\x07\x02\x00\x00\x00"},
			{"a body that begins inside the header", "\x00\x00\x00\x08\x01\x00\x00\x00"},
			{"a body that begins behind the end", "\x00\x00\x00\x08\x03\x00\x00\x00"},
			{"a body that is no described type", "\x00\x00\x00\x09\x02\x00\x00\x00\x40"},
			{"a body that is cut off", "\x00\x00\x00\x0d\x02\x00\x00\x00\x00\x53\x11\xc0\x09"},
			{"a performative that nobody knows", "\x00\x00\x00\x0c\x02\x00\x00\x00\x00\x53\x99\x45"},
		} {
			f, _ := opened(ctx, t, d, func(*amqpframe.Described) {})
			t.Step("send %s", c.what)
			_ = f.SendBytes([]byte(c.bytes)) // what comes of it shows when the service's side is read
			f.ExpectClosed(ctx, "begin")
		}
	},
}, {
	Requirement: "DPS-AMQP-054",
	Title:       "a protocol that the service does not know is answered with one that it does, and closed",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		for _, header := range []string{"AMQP\x00\x00\x09\x01", "AMQP\x07\x01\x00\x00", "AMQP\x00\x02\x00\x00"} {
			f := d.Frames(ctx, t)
			t.Answered(f.SendBytes([]byte(header)), "send a header")
			answer := f.Read(ctx, "header").Header
			t.Expect(answer).To(HaveValue(BeElementOf(amqpframe.HeaderAMQP, amqpframe.HeaderSASL)), "the answer to % x", header)
			f.ExpectClosed(ctx)
		}
	},
}, {
	Requirement: "DPS-AMQP-055",
	Title:       "a message that cannot be decoded is refused, and its device registers again",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		for _, payload := range []string{"\x00\x53\x99\x40", "\x00\x53\x75\xa0\x09", "\x40", "\x00\x53\x74\xc1\x03\x03\x40\x40"} {
			s := openAs(ctx, env, t, d)
			frame, err := devwire.AMQPTransfer(0, amqpframe.Message{})
			t.Must(err, "write a message")
			frame.Payload = []byte(payload)
			s.Write(frame)
			f := s.Read(ctx, "disposition", "detach", "end", "close")
			if f.Name() == "disposition" {
				t.Expect(f.Body.Inner("state").Name()).To(Equal("rejected"), "the outcome of the message % x", payload)
			}
		}
		t.Expect(d.Try(ctx, t)).To(harness.BeAccepted())
	},
}}

// endChecks are about the end of links, sessions and connections.
var endChecks = []harness.Check{{
	Requirement: "DPS-AMQP-056",
	Title:       "a detach, an end and a close are each answered with the same",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		for _, handle := range bothLinks {
			s.Write(amqpframe.On(0, amqpframe.New("detach", amqpframe.Fields{"handle": handle, "closed": true})))
			detach := s.Read(ctx, "detach").Body
			t.Expect(detach.Field("closed")).To(BeEquivalentTo(true), "closed of the detach that answers")
			t.Expect(detach.Inner("error")).To(BeNil(), "the error of a detach that answers")
		}
		s.Write(amqpframe.On(0, amqpframe.New("end", nil)))
		t.Expect(s.Read(ctx, "end", "close").Name()).To(Equal("end"))
		s.Write(amqpframe.On(0, amqpframe.New("close", nil)))
		s.Read(ctx, "close")
		s.ExpectClosed(ctx)
	},
}}
