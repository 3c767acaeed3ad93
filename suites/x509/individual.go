package x509

import (
	"context"
	"crypto/tls"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/suites/harness"
)

// refused is a refusal where the requirement names no code.
var refused = harness.BeRefused(400, 401, 403, 404)

// present is the device with another certificate.
func present(d *harness.Device, c tls.Certificate) *harness.Device {
	return d.With(func(id *devwire.Identity) { id.Certificate = &c })
}

// individualChecks are about enrollments that name one device's certificates.
var individualChecks = []harness.Check{{
	Requirement: "DPS-X509-002",
	Title:       "a device with the primary certificate of its enrollment is accepted, self-signed",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		t.Expect(env.Service(ctx, t).X509Device(ctx, t).Try(ctx, t)).To(harness.BeAccepted())
	},
}, {
	Requirement: "DPS-X509-002",
	Title:       "a device with the primary certificate of its enrollment is accepted, signed by an authority",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		id := t.Name()
		leaf := issued(env, t, t.Authority(env), id)
		d := env.Service(ctx, t).X509Device(ctx, t, harness.Members{"registrationId": id}, harness.ClientCertificates(harness.Leaf(leaf)))
		t.Expect(present(d, leaf).Try(ctx, t)).To(harness.BeAccepted())
	},
}, {
	Requirement: "DPS-X509-003",
	Title:       "a device with the secondary certificate of its enrollment is accepted",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		id := t.Name()
		first, second := t.SelfSigned(env, id), t.SelfSigned(env, id)
		d := env.Service(ctx, t).X509Device(ctx, t,
			harness.Members{"registrationId": id}, harness.ClientCertificates(harness.Leaf(first), harness.Leaf(second)))
		t.Expect(present(d, second).Try(ctx, t)).To(harness.BeAccepted())
	},
}, {
	Requirement: "DPS-X509-004",
	Title:       "a device with another certificate than the enrolled one is refused with 401",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).X509Device(ctx, t)
		accepted(ctx, t, d)
		t.Expect(present(d, t.SelfSigned(env, d.RegistrationID)).Try(ctx, t)).To(harness.BeRefused())
	},
}, {
	Requirement: "DPS-X509-009",
	Title:       "a leaf of a foreign authority with the names of the enrolled one is refused with 401",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		id, authority := t.Name(), t.Authority(env)
		leaf := issued(env, t, authority, id)
		d := present(env.Service(ctx, t).X509Device(ctx, t,
			harness.Members{"registrationId": id}, harness.ClientCertificates(harness.Leaf(leaf))), leaf)
		accepted(ctx, t, d)
		t.Expect(present(d, issued(env, t, namesake(env, t, authority), id)).Try(ctx, t)).To(harness.BeRefused())
	},
}, {
	Requirement: "DPS-X509-013",
	Title:       "a device of an X.509 enrollment that presents no certificate is refused",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).X509Device(ctx, t)
		accepted(ctx, t, d)
		t.Expect(d.With(func(id *devwire.Identity) { id.Certificate = nil }).Try(ctx, t)).To(refused)
	},
}, {
	Requirement: "DPS-X509-014",
	Title:       "a device of a symmetric key enrollment that presents a certificate and no token is refused",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		accepted(ctx, t, d)
		leaf := t.SelfSigned(env, d.RegistrationID)
		t.Expect(d.With(func(id *devwire.Identity) { id.Key, id.Certificate = nil, &leaf }).Try(ctx, t)).To(refused)
	},
}}

// accepted is the positive twin of a refusal.
func accepted(ctx context.Context, t *harness.T, d *harness.Device) {
	t.Given(d.RegistrationID+" is accepted with its own credential", func() {
		t.Expect(d.Try(ctx, t)).To(harness.BeAccepted())
	})
}

// issued is a leaf with the certificates between it and the authority's root.
func issued(env *harness.Env, t *harness.T, a *pki.Authority, commonName string) tls.Certificate {
	leaf, err := a.Device(commonName, pki.Options{Now: env.Wire.Clock.Now()})
	t.Must(err, "make a device certificate")
	return leaf
}

// namesake is another authority of the same name.
func namesake(env *harness.Env, t *harness.T, a *pki.Authority) *pki.Authority {
	other, err := pki.NewRoot(a.Certificate.Subject.CommonName, pki.Options{Now: env.Wire.Clock.Now()})
	t.Must(err, "make a certificate authority")
	return other
}
