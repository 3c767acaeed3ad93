package err

import (
	"context"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
)

// codeChecks are about six-digit codes that are known.
var codeChecks = []harness.Check{{
	Requirement: "DPS-ERR-005",
	Title:       "another certificate than the enrolled one is answered with 401002",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		t.Expect(stranger(ctx, env, t, env.Service(ctx, t))).To(beError(401002))
	},
}, {
	Requirement: "DPS-ERR-006",
	Title:       "a token that is signed with another key is answered with 401002",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		t.Given("its own key is accepted", func() { t.Expect(d.Try(ctx, t)).To(harness.BeAccepted()) })
		wrong := d.With(func(id *devwire.Identity) { id.Key = harness.Key() })
		t.Expect(wrong.Register(ctx, t)).To(beError(401002))
	},
}, {
	Requirement: "DPS-ERR-007",
	Title:       "the poll of an unknown operation is answered with 404203",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		conn := env.Service(ctx, t).SymmetricKeyDevice(ctx, t).Connect(ctx, t)
		t.Given("the device registers", func() { t.Expect(registered(ctx, t, conn)).To(beTaken()) })
		t.Expect(polled(ctx, t, conn, unknownOperation)).To(beError(404203))
	},
}, {
	Requirement: "DPS-ERR-008",
	Title:       "a device that registers again while its registration is under way is answered with 409203",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t, withLostHub(ctx, env, t)).SymmetricKeyDevice(ctx, t)
		conn := d.Connect(ctx, t)
		t.Given("its first registration is under way", func() { t.Expect(registered(ctx, t, conn)).To(beTaken()) })
		t.Expect(registered(ctx, t, conn)).To(beError(409203))
	},
}}
