package amqp

import (
	"context"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/devwire/amqpframe"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// plain is the login of the device by its token.
func plain(env *harness.Env, d *harness.Device) devwire.SASLLogin {
	return devwire.SASLPlain(address(d), d.Token(env.Wire.Clock.Now()))
}

// begin sends the protocol header of SASL and returns what is offered.
func begin(ctx context.Context, t *harness.T, d *harness.Device) (f *harness.Frames, offered []string) {
	f = d.Frames(ctx, t)
	f.Write(amqpframe.Layer(amqpframe.HeaderSASL))
	header := f.Read(ctx, "header")
	t.Expect(*header.Header).To(Equal(amqpframe.HeaderSASL), "the header that answers SASL's")
	return f, f.Read(ctx, "sasl-mechanisms").Body.Symbols("sasl-server-mechanisms")
}

// outcomeOf is the code that a login ends with.
func outcomeOf(ctx context.Context, t *harness.T, d *harness.Device, l devwire.SASLLogin) (*harness.Frames, any) {
	f, _ := begin(ctx, t, d)
	f.Write(l.Init())
	return f, f.Read(ctx, "sasl-outcome").Body.Field("code")
}

// The codes of an outcome (AMQP 1.0 part 5 section 3.3.6).
const saslOK, saslAuth = uint8(0), uint8(1)

// refusesLogin asserts that a login ends with code 1 and then the connection.
func refusesLogin(ctx context.Context, t *harness.T, d *harness.Device, l devwire.SASLLogin, what string) {
	f, code := outcomeOf(ctx, t, d, l)
	t.Expect(code).To(Equal(saslAuth), "the outcome of SASL %s with %s", l.Mechanism, what)
	f.ExpectClosed(ctx, "header")
}

// saslChecks are about how a device logs in.
var saslChecks = []harness.Check{{
	Requirement: "DPS-AMQP-001",
	Title:       "SASL is answered, and AMQP behind it",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		f, code := outcomeOf(ctx, t, d, plain(env, d))
		t.Given("the device is logged in", func() { t.Expect(code).To(Equal(saslOK)) })
		f.Write(amqpframe.Layer(amqpframe.HeaderAMQP))
		t.Expect(*f.Read(ctx, "header").Header).To(Equal(amqpframe.HeaderAMQP))
	},
}, {
	Requirement: "DPS-AMQP-002",
	Title:       "a device with a certificate registers without SASL",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).X509Device(ctx, t)
		bare := styled(d, func(s *devwire.AMQPStyle) { s.SASL = devwire.NoSASL })
		t.Expect(bare.Try(ctx, t)).To(harness.BeAccepted())
	},
}, {
	Requirement: "DPS-AMQP-003",
	Title:       "PLAIN and TPM are among the mechanisms, in an array of symbols",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		f := env.Service(ctx, t).SymmetricKeyDevice(ctx, t).Frames(ctx, t)
		f.Write(amqpframe.Layer(amqpframe.HeaderSASL))
		f.Read(ctx, "header")
		offer := f.Read(ctx, "sasl-mechanisms").Body.Field("sasl-server-mechanisms")
		t.Expect(offer).To(BeAssignableToTypeOf(amqpframe.Array{}), "the type of sasl-server-mechanisms")
		t.Expect(offer).To(ContainElements(amqpframe.Symbol("PLAIN"), amqpframe.Symbol("TPM")))
	},
}, {
	Requirement: "DPS-AMQP-004",
	Title:       "PLAIN with the device's address and token ends with 0",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		_, code := outcomeOf(ctx, t, d, plain(env, d))
		t.Expect(code).To(Equal(saslOK))
	},
}, {
	Requirement: "DPS-AMQP-004",
	Title:       "the hostname of the init does not matter",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		for _, host := range []string{address(d), d.Service.Device.Host, "else.example"} {
			login := plain(env, d)
			login.Hostname = host
			_, code := outcomeOf(ctx, t, d, login)
			t.Expect(code).To(Equal(saslOK), "hostname %q", host)
		}
	},
}, {
	Requirement: "DPS-AMQP-005",
	Title:       "PLAIN with a token that is wrong ends with 1, and so does the connection",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		t.Given("the device's own token is taken", func() { t.Expect(d.Try(ctx, t)).To(harness.BeAccepted()) })
		liar := d.With(func(id *devwire.Identity) { id.Key = harness.Key() })
		for what, login := range map[string]devwire.SASLLogin{
			"a token of another key": plain(env, liar),
			"no token":               devwire.SASLPlain(address(d), ""),
			"what is no token":       devwire.SASLPlain(address(d), "secret"),
		} {
			refusesLogin(ctx, t, d, login, what)
		}
	},
}, {
	Requirement: "DPS-AMQP-006",
	Title:       "PLAIN with a user that names no registration ends with 1",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		t.Given("the device's address is taken", func() { t.Expect(d.Try(ctx, t)).To(harness.BeAccepted()) })
		token := d.Token(env.Wire.Clock.Now())
		for _, user := range []string{"", d.RegistrationID, d.Scope + "/" + d.RegistrationID, d.Scope + "/devices/" + d.RegistrationID} {
			refusesLogin(ctx, t, d, devwire.SASLPlain(user, token), "the user "+user)
		}
	},
}, {
	Requirement: "DPS-AMQP-007",
	Title:       "a device with a certificate registers by EXTERNAL",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).X509Device(ctx, t)
		external := styled(d, func(s *devwire.AMQPStyle) { s.SASL = "EXTERNAL" })
		t.Expect(external.Try(ctx, t)).To(harness.BeAccepted())
	},
}, {
	Requirement: "DPS-AMQP-008",
	Title:       "EXTERNAL and ANONYMOUS without a certificate end with 1, where they are offered",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		t.Given("the device is taken by its token", func() { t.Expect(d.Try(ctx, t)).To(harness.BeAccepted()) })
		for _, login := range []devwire.SASLLogin{devwire.SASLExternal(), devwire.SASLAnonymous()} {
			f, offered := begin(ctx, t, d)
			f.Write(login.Init())
			frame := f.Read(ctx, "sasl-outcome")
			t.Expect(frame.Body.Field("code")).To(Equal(saslAuth), "SASL %s; offered are %q", login.Mechanism, offered)
		}
	},
}}
