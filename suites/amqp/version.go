package amqp

import (
	"context"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
)

// versionChecks are about the api-version of a link.
var versionChecks = []harness.Check{{
	Requirement: "DPS-AMQP-073",
	Title:       "a device registers with each api-version that SDKs send",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		group := env.Service(ctx, t).SymmetricKeyGroup(ctx, t)
		for _, version := range env.Versions(t, harness.APIVersions()...) {
			d := group.Device(t).With(func(id *devwire.Identity) { id.APIVersion = version })
			t.Expect(d.Try(ctx, t)).To(harness.BeAccepted(), version)
		}
	},
}}
