package tpm

import (
	"context"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/devwire/amqpframe"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// saslChecks are about the mechanism TPM, byte by byte (docs/protocol/device-api.md 4.3).
var saslChecks = []harness.Check{{
	Requirement: "DPS-TPM-018",
	Title:       "the init of SASL TPM is answered with one zero byte, whatever its hostname",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := device(ctx, env, t)
		for _, hostname := range []string{"", d.Scope + "/registrations/" + d.RegistrationID, d.Service.Device.Host} {
			s := beginAs(ctx, env, t, d, hostname)
			t.Expect(s.challenge(ctx)).To(Equal([]byte{0}), "hostname %q", hostname)
		}
	},
}, {
	Requirement: "DPS-TPM-019",
	Title:       "the key comes in two challenges, behind 0x80 and 0xC1, which a TPM can put together",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := device(ctx, env, t)
		s := begin(ctx, env, t, d)
		s.challenge(ctx)
		first := s.respond(s.root()).challenge(ctx)
		t.Expect(first).NotTo(BeEmpty())
		t.Expect(first[0]).To(BeEquivalentTo(0x80))
		second := s.respond([]byte{0}).challenge(ctx)
		t.Expect(second).NotTo(BeEmpty())
		t.Expect(second[0]).To(BeEquivalentTo(0xC1))
		t.Expect(len(first) > 1 && len(second) > 1).To(BeTrue(), "both challenges hold a part of the key")
		t.Expect(d.TPM.Import(append(first[1:], second[1:]...))).To(Succeed())
	},
}, {
	Requirement: "DPS-TPM-020",
	Title:       "no frame of SASL TPM has more than 512 bytes",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := begin(ctx, env, t, device(ctx, env, t))
		s.challenge(ctx)
		for _, response := range [][]byte{s.root(), {0}} {
			s.respond(response)
			bytes, err := s.Read(ctx, "sasl-challenge").Append(nil)
			t.Must(err, "measure the frame")
			t.Expect(len(bytes)).To(BeNumerically("<=", 512))
		}
	},
}, {
	Requirement: "DPS-TPM-021",
	Title:       "a good token is answered with outcome 0, a wrong one with outcome 1",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := device(ctx, env, t)
		for _, c := range []struct {
			device *harness.Device
			code   int
		}{{d, 0}, {forging(d), 1}} {
			s := begin(ctx, env, t, c.device)
			s.key(ctx)
			token, err := c.device.TPMToken(env.Wire.Clock.Now(), "registration")
			t.Must(err, "sign")
			t.Expect(s.respond([]byte("\x00" + token)).outcome(ctx)).To(Equal(c.code))
		}
	},
}, {
	Requirement: "DPS-TPM-022",
	Title:       "a register request is taken with TPM keys in its body and without",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, inBody := range []bool{true, false} {
			d := s.TPMDevice(ctx, t).With(func(id *devwire.Identity) { id.AMQP.TPMInBody = inBody })
			t.Expect(d.Try(ctx, t)).To(harness.BeAccepted(), "TPM keys in the body: %v", inBody)
		}
	},
}}

// session is a device in the exchange of SASL TPM.
type session struct {
	*harness.Frames
	t      *harness.T
	device *harness.Device
}

// begin sends the init of SASL TPM.
func begin(ctx context.Context, env *harness.Env, t *harness.T, d *harness.Device) *session {
	return beginAs(ctx, env, t, d, "")
}

func beginAs(ctx context.Context, env *harness.Env, t *harness.T, d *harness.Device, hostname string) *session {
	s := &session{d.Frames(ctx, t), t, d}
	login, err := env.Wire.SASLTPM(d.Identity)
	t.Must(err, "read the tpm's keys")
	login.Hostname = hostname
	t.Given("the service offers SASL TPM", func() {
		s.Write(amqpframe.Layer(amqpframe.HeaderSASL))
		s.Read(ctx, "header")
		t.Expect(s.Read(ctx, "sasl-mechanisms").Body.Symbols("sasl-server-mechanisms")).To(ContainElement("TPM"))
	})
	s.Write(login.Init())
	return s
}

// root is the response that shows the storage root key.
func (s *session) root() []byte {
	key, err := s.device.TPM.StorageRootKey()
	s.t.Must(err, "read the storage root key")
	return append([]byte{0}, key...)
}

func (s *session) respond(response []byte) *session {
	s.Write(amqpframe.SASL(amqpframe.New("sasl-response", amqpframe.Fields{"response": response})))
	return s
}

func (s *session) challenge(ctx context.Context) []byte {
	challenge, _ := s.Read(ctx, "sasl-challenge").Body.Field("challenge").([]byte)
	return challenge
}

// outcome is the code that ends the exchange.
func (s *session) outcome(ctx context.Context) int {
	code, ok := s.Read(ctx, "sasl-outcome").Body.Field("code").(uint8)
	if !ok {
		return -1
	}
	return int(code)
}

// key goes on until the TPM has the key of the challenge.
func (s *session) key(ctx context.Context) {
	s.t.Given("the tpm takes the key of the challenge", func() {
		s.challenge(ctx)
		first := s.respond(s.root()).challenge(ctx)
		second := s.respond([]byte{0}).challenge(ctx)
		s.t.Expect(len(first) > 1 && len(second) > 1).To(BeTrue(), "both challenges hold a part of the key")
		s.t.Answered(s.device.TPM.Import(append(first[1:], second[1:]...)), "give the tpm the key")
	})
}
