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
		t.Expect(stranger(ctx, env, t, nil).Try(ctx, t)).To(harness.BeRefused())
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
		for what, options := range map[string]pki.Options{
			"unknown": {Now: env.Wire.Clock.Now()}, "expired": {Now: env.Wire.Clock.Now().Add(-48 * time.Hour), Lifetime: 24 * time.Hour},
		} {
			id := t.Name()
			leaf, err := pki.SelfSigned(id, options)
			t.Must(err, "make a device certificate")
			d := &harness.Device{Identity: devwire.Identity{Scope: service.Scope, RegistrationID: id, Certificate: &leaf}, Service: service}
			t.Expect(d.Try(ctx, t)).To(harness.BeRefused(), what)
		}
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
		t.Expect(p.Subscribe(ctx, devwire.ResponseFilter, 1)).To(BeEquivalentTo(1))
		p.Publish(devwire.RegisterTopic("1"), 1, []byte("{}"))
		heard := p.Answer(ctx)
		answer, _, err := devwire.ParseMQTTAnswer(heard.TopicName, heard.Payload)
		t.Answered(err, "register")
		t.Expect(answer.Code).To(Equal(401))
	},
}}

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
