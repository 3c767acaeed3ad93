package amqp

import (
	"context"
	"errors"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/devwire/amqpframe"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// unauthorized is the condition for who may not (device-api.md 3.2).
const unauthorized = "amqp:unauthorized-access"

// begun logs the device in and begins AMQP and a session.
func begun(ctx context.Context, t *harness.T, d *harness.Device) *harness.Frames {
	f := d.Frames(ctx, t)
	t.Given(d.RegistrationID+" is logged in and has a session", func() {
		t.Answered(f.Login(ctx, d.Identity), "log in by sasl")
		f.Write(amqpframe.Layer(amqpframe.HeaderAMQP), amqpframe.On(0, devwire.AMQPOpen(d.Service.Device, d.Identity)),
			amqpframe.On(0, devwire.AMQPBegin()))
		for _, name := range []string{"header", "open", "begin"} {
			f.Read(ctx, name)
		}
	})
	return f
}

// attachment is the device's attach of that link, for a check to alter.
func attachment(d *harness.Device, handle uint32) *amqpframe.Described {
	return devwire.AMQPAttach(d.Service.Device, d.Identity, handle)
}

// refusal attaches a link that the service has to refuse, and returns its reason.
func refusal(ctx context.Context, t *harness.T, f *harness.Frames, attach *amqpframe.Described) *amqpframe.Described {
	f.Write(amqpframe.On(0, attach))
	frame := f.Read(ctx, "attach", "detach", "end", "close")
	if frame.Name() == "attach" { // a link that is refused is attached to nothing first
		frame = f.Read(ctx, "detach", "end", "close")
	}
	reason := frame.Body.Inner("error")
	t.Expect(reason.Text("condition")).NotTo(BeEmpty(), "the condition in %s", frame)
	return reason
}

// bothLinks are the handles of a device's links.
var bothLinks = []uint32{devwire.AMQPReceiver, devwire.AMQPSender}

// remote is the terminus at the service's end of the device's link.
func remote(attach *amqpframe.Described, handle uint32) *amqpframe.Described {
	if handle == devwire.AMQPReceiver {
		return attach.Inner("source")
	}
	return attach.Inner("target")
}

// linkChecks are about the addresses of links.
var linkChecks = []harness.Check{{
	Requirement: "DPS-AMQP-009",
	Title:       "an address is taken in every spelling of the SDKs",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		group := env.Service(ctx, t).SymmetricKeyGroup(ctx, t)
		for _, spelling := range []devwire.AMQPAddress{devwire.AddressBare, devwire.AddressSlash, devwire.AddressAbsolute} {
			d := styled(group.Device(t), func(s *devwire.AMQPStyle) { s.Address = spelling })
			t.Expect(d.Try(ctx, t)).To(harness.BeAccepted(), "the address %s", remote(attachment(d, devwire.AMQPSender), devwire.AMQPSender))
		}
	},
}, {
	Requirement: "DPS-AMQP-010",
	Title:       "an attach is answered with the name, the source and the target that were sent",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		device := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		d := styled(device, func(s *devwire.AMQPStyle) {
			s.Address, s.SenderSource, s.ReceiverTarget = devwire.AddressAbsolute, "remote_endpoint", "local_endpoint"
		})
		f := begun(ctx, t, d)
		for _, handle := range bothLinks {
			sent := attachment(d, handle)
			f.Write(amqpframe.On(0, sent))
			got := f.Read(ctx, "attach").Body
			t.Expect(got.Text("name")).To(Equal(sent.Text("name")))
			t.Expect(got.Field("role")).NotTo(Equal(sent.Field("role")), "role, where the service has the other one")
			for _, terminus := range []string{"source", "target"} {
				t.Expect(got.Inner(terminus).Text("address")).To(Equal(sent.Inner(terminus).Text("address")), "%s", terminus)
			}
		}
	},
}, {
	Requirement: "DPS-AMQP-011",
	Title:       "a link to another device's address is refused",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		group := env.Service(ctx, t).SymmetricKeyGroup(ctx, t)
		d, other := group.Device(t), group.Device(t)
		t.Given("a link to its own address is attached", func() { d.Links(ctx, t) })
		for _, handle := range bothLinks {
			reason := refusal(ctx, t, begun(ctx, t, d), attachment(other, handle))
			t.Expect(reason.Text("condition")).To(Equal(unauthorized), "%s", reason)
		}
	},
}, {
	Requirement: "DPS-AMQP-012",
	Title:       "a link to what is no registration is refused",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		t.Given("a link to its own address is attached", func() { d.Links(ctx, t) })
		for _, handle := range bothLinks {
			for _, text := range []string{d.RegistrationID, d.Scope + "/devices/" + d.RegistrationID, address(d) + "/more"} {
				attach := attachment(d, handle)
				remote(attach, handle).Set("address", text)
				refusal(ctx, t, begun(ctx, t, d), attach)
			}
		}
	},
}, {
	Requirement: "DPS-AMQP-013",
	Title:       "a device with neither token nor certificate is refused",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		t.Given("the device is taken by its token", func() { t.Expect(d.Try(ctx, t)).To(harness.BeAccepted()) })
		nobody := d.With(func(id *devwire.Identity) { id.Key = nil })
		f := nobody.Frames(ctx, t)
		err := f.Attach(ctx, d.Service.Device, nobody.Identity)
		var reason *devwire.AMQPError
		t.Expect(errors.As(err, &reason)).To(BeTrue(), "the service has to say why it refuses the link: %v", err)
		t.Expect(reason.Condition).To(Equal(unauthorized))
	},
}, {
	Requirement: "DPS-AMQP-014",
	Title:       "a device of an unknown id scope is refused, with a key and with a certificate",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, d := range []*harness.Device{s.SymmetricKeyDevice(ctx, t), s.X509Device(ctx, t)} {
			t.Given("the device is taken in its own scope", func() { t.Expect(d.Try(ctx, t)).To(harness.BeAccepted()) })
			stray := d.With(func(id *devwire.Identity) { id.Scope = "0ne00FFFFFF" })
			t.Expect(stray.Try(ctx, t)).To(harness.BeRefused(401, 404))
		}
	},
}, {
	Requirement: "DPS-AMQP-019",
	Title:       "requests on a link with an unknown api-version are rejected with 400",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		t.Given("a known version is taken", func() { t.Expect(d.Try(ctx, t)).To(harness.BeAccepted()) })
		strange := d.With(func(id *devwire.Identity) { id.APIVersion = "2019-03-32" })
		t.Expect(strange.Try(ctx, t)).To(harness.BeRefused(400))
	},
}, {
	Requirement: "DPS-AMQP-019",
	Title:       "requests on a link without api-version are rejected with 400",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		t.Given("a known version is taken", func() { t.Expect(d.Try(ctx, t)).To(harness.BeAccepted()) })
		f := begun(ctx, t, d)
		for _, handle := range bothLinks {
			f.Write(amqpframe.On(0, attachment(d, handle).Set("properties", nil)))
			f.Read(ctx, "attach")
		}
		f.Write(amqpframe.On(0, devwire.AMQPCredit(10)))
		s := session{f, t, env, d}
		s.Register()
		t.Expect(s.rejected(ctx).Code).To(Equal(400))
	},
}}
