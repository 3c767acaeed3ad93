package x509

import (
	"context"
	"crypto/tls"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// handshakeChecks are about the TLS handshake and the CONNECT, which judge no certificate.
var handshakeChecks = []harness.Check{{
	Requirement: "DPS-X509-001",
	Title:       "a client without a certificate is answered",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		// With TLS 1.3 a client takes the handshake for done before the server has seen
		// its certificate: what counts is that it hears an answer.
		device := stranger(ctx, env, t, nil)
		answered(t, "no certificate", device.Try(ctx, t))
		device.Service.Serves(ctx, t)
	},
}, {
	Requirement: "DPS-X509-001",
	Title:       "a client that has a certificate is asked for it",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		t.Expect(env.Service(ctx, t).X509Device(ctx, t).Try(ctx, t)).To(harness.BeAccepted())
	},
}, {
	Requirement: "DPS-X509-001",
	Title:       "clients with certificates that nobody knows, or that have expired, are answered",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		service := env.Service(ctx, t)
		now := env.Wire.Clock.Now()
		for _, c := range []struct {
			what    string
			options pki.Options
		}{
			{"a certificate that nobody knows", pki.Options{Now: now}},
			{"an expired certificate", pki.Options{Now: now.Add(-48 * time.Hour), Lifetime: 24 * time.Hour}},
		} {
			id := t.Name()
			leaf, err := pki.SelfSigned(id, c.options)
			t.Must(err, "make a device certificate")
			d := &harness.Device{Identity: devwire.Identity{Scope: service.Scope, RegistrationID: id, Certificate: &leaf}, Service: service}
			answered(t, c.what, d.Try(ctx, t))
		}
		service.Serves(ctx, t)
	},
}, {
	Requirement: "DPS-X509-005",
	Title:       "a CONNECT with a certificate that nobody knows is accepted, and register answered with 401",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		leaf := t.SelfSigned(env, t.Name())
		d := stranger(ctx, env, t, &leaf)
		p := d.Packets(ctx, t)
		t.Expect(p.Login(ctx, d.ConnectPacket()).ReturnCode).To(BeZero())
		t.Given("the device is subscribed", func() {
			t.Expect(p.Subscribe(ctx, devwire.ResponseFilter, 1)).To(BeNumerically("<=", 1))
		})
		body, err := d.Registration(nil)
		t.Must(err, "write the register request")
		p.Publish(devwire.RegisterTopic("1"), 1, body)
		heard := p.Answer(ctx)
		answer, _, err := devwire.ParseMQTTAnswer(heard.TopicName, heard.Payload)
		t.Answered(err, "register")
		t.Expect(answer.Code).To(Equal(401))
	},
}}

// answered asserts that the device heard something above TLS, whatever it was.
func answered(t *harness.T, who string, r harness.Reply) {
	t.Expect(r.Code != 0 || r.Connack != 0 || r.Refused != 0).To(BeTrue(), "the answer to a client with %s: %v", who, r)
}

// stranger is a device that nobody enrolled.
func stranger(ctx context.Context, env *harness.Env, t *harness.T, leaf *tls.Certificate) *harness.Device {
	service := env.Service(ctx, t)
	id := devwire.Identity{Scope: service.Scope, RegistrationID: t.Name(), Certificate: leaf}
	if leaf != nil {
		id.RegistrationID = harness.Leaf(*leaf).Subject.CommonName
	} else {
		id.Key = harness.Key()
	}
	return &harness.Device{Identity: id, Service: service}
}
