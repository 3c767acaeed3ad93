package x509

import (
	"context"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/suites/harness"
)

// groupChecks are about enrollment groups by the certificate that signs their devices'.
var groupChecks = []harness.Check{{
	Requirement: "DPS-X509-006",
	Title:       "a device is accepted whose leaf the group's root has issued",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		t.Expect(env.Service(ctx, t).X509Group(ctx, t).Device(t).Try(ctx, t)).To(harness.BeAccepted())
	},
}, {
	Requirement: "DPS-X509-006",
	Title:       "a device is accepted whose leaf the group's intermediate has issued",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		between := intermediate(env, t, t.Authority(env))
		group := env.Service(ctx, t).X509Group(ctx, t, harness.SigningCertificates(between.Certificate))
		group.Authority = between
		t.Expect(group.Device(t).Try(ctx, t)).To(harness.BeAccepted())
	},
}, {
	Requirement: "DPS-X509-007",
	Title:       "a device is accepted that presents the intermediate below the group's root",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		group := env.Service(ctx, t).X509Group(ctx, t)
		d := group.Device(t)
		t.Expect(present(d, issued(env, t, intermediate(env, t, group.Authority), d.RegistrationID)).Try(ctx, t)).To(harness.BeAccepted())
	},
}, {
	Requirement: "DPS-X509-008",
	Title:       "a device that leaves out the intermediate is refused",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		group := env.Service(ctx, t).X509Group(ctx, t)
		d := group.Device(t)
		chain := issued(env, t, intermediate(env, t, group.Authority), d.RegistrationID)
		accepted(ctx, t, present(d, chain))
		chain.Certificate = chain.Certificate[:1]
		t.Expect(present(d, chain).Try(ctx, t)).To(refused)
	},
}, {
	Requirement: "DPS-X509-009",
	Title:       "a leaf of a foreign authority with the names of the group's is refused with 401",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		group := env.Service(ctx, t).X509Group(ctx, t)
		d := group.Device(t)
		accepted(ctx, t, d)
		t.Expect(present(d, issued(env, t, namesake(env, t, group.Authority), d.RegistrationID)).Try(ctx, t)).To(harness.BeRefused())
	},
}, {
	Requirement: "DPS-X509-010",
	Title:       "a device whose registration id is not the common name of its leaf is refused",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		group := env.Service(ctx, t).X509Group(ctx, t)
		d, other := group.Device(t), group.Device(t)
		accepted(ctx, t, d)
		t.Expect(d.With(func(id *devwire.Identity) { id.RegistrationID = other.RegistrationID }).Try(ctx, t)).To(refused)
	},
}, {
	Requirement: "DPS-X509-011",
	Title:       "a device is accepted whose leaf the group's secondary certificate has issued",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		first, second := t.Authority(env), t.Authority(env)
		group := env.Service(ctx, t).X509Group(ctx, t, harness.SigningCertificates(first.Certificate, second.Certificate))
		group.Authority = second
		t.Expect(group.Device(t).Try(ctx, t)).To(harness.BeAccepted())
	},
}, {
	Requirement: "DPS-X509-012",
	Title:       "a device whose leaf has expired is refused",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		group := env.Service(ctx, t).X509Group(ctx, t)
		d := group.Device(t)
		accepted(ctx, t, d)
		over := pki.Options{Now: env.Wire.Clock.Now().Add(-48 * time.Hour), Lifetime: 24 * time.Hour}
		old, err := group.Authority.Device(d.RegistrationID, over)
		t.Must(err, "make an expired device certificate")
		t.Expect(present(d, old).Try(ctx, t)).To(refused)
	},
}}

func intermediate(env *harness.Env, t *harness.T, a *pki.Authority) *pki.Authority {
	between, err := a.Intermediate(t.Name(), pki.Options{Now: env.Wire.Clock.Now()})
	t.Must(err, "make an intermediate authority")
	return between
}
