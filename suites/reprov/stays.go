package reprov

import (
	"context"
	"encoding/base64"
	"net/http"
	"regexp"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// stayChecks are about devices that stay at their hub.
var stayChecks = []harness.Check{{
	Requirement: "DPS-REPROV-007",
	Title:       "a device that never moves stays at its hub with its twin",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		for _, p := range []harness.Members{never, policy(false, true)} {
			d := redirected(ctx, env, t, p)
			d.again(ctx, t, d.from)
			d.isAt(ctx, t, d.from, d.to)
			d.hasTwin(ctx, t, d.from, "south", 2)
		}
	},
}, {
	Requirement: "DPS-REPROV-012",
	Title:       "a device keeps its twin at the same hub under each policy",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		for _, p := range []harness.Members{migrate, reset, never, noPolicy} {
			d := settle(ctx, env, t, p)
			answer := d.again(ctx, t, d.from)
			d.hasTwin(ctx, t, d.from, "south", 2)
			t.Expect(answer.State.Substatus).To(Equal(initialAssignment))
		}
	},
}}

var keyField = regexp.MustCompile(`SharedAccessKey=[^;]*`)

// repairChecks are about moves that fail on their way.
var repairChecks = []harness.Check{{
	Requirement: "DPS-REPROV-009",
	Title:       "an identity that could not be removed is removed with the next registration",
	Needs:       harness.Refusing.Needs,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		from, to := harness.Refusing.Hub(ctx, env, t), env.Hub(ctx, t)
		s := env.Service(ctx, t, harness.WithHubs(from.Hub, to), harness.WithRetryAfter(0))
		d := settleAt(ctx, t, s, from.Hub, to, reset)
		d.change(ctx, t, at(to))
		from.Disturb(ctx, t)
		d.again(ctx, t, to)
		from.Restore(ctx, t)
		t.Given("the old identity is still there", func() { t.Expect(d.identityStatus(ctx, t, from.Hub)).To(Equal(http.StatusOK)) })
		d.again(ctx, t, to)
		d.isAt(ctx, t, to, from.Hub)
	},
}, {
	Requirement: "DPS-REPROV-010",
	Title:       "a device whose new hub refuses the service stays at its old hub",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := refused(ctx, env, t)
		d.isAt(ctx, t, d.from, d.to)
		d.hasTwin(ctx, t, d.from, "south", 2)
		t.Expect(d.AtHub(t, d.initial).Try(ctx, t)).To(harness.BeAccepted(), "the device at its old hub")
	},
}, {
	Requirement: "DPS-REPROV-018",
	Title:       "a move that failed is finished by the next registration, with the twin of then",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := refused(ctx, env, t)
		d.Service.Link(ctx, t, harness.WithHubs(d.from, d.to))
		d.grows(ctx, t, "east", 3)
		d.again(ctx, t, d.to)
		d.isAt(ctx, t, d.to, d.from)
		d.hasTwin(ctx, t, d.to, "east", 3)
	},
}}

// refused is a device whose move failed, because its new hub refuses the service.
func refused(ctx context.Context, env *harness.Env, t *harness.T) settled {
	d := redirected(ctx, env, t, migrate)
	wrong := keyField.ReplaceAllLiteralString(d.to.ConnectionString, "SharedAccessKey="+base64.StdEncoding.EncodeToString(harness.Key()))
	d.Service.Link(ctx, t, harness.WithHubs(d.from), harness.WithLink(d.to, wrong))
	t.Given("its move fails", func() { t.Expect(d.Provision(ctx, t).Status).To(Equal(dps.StatusFailed)) })
	return d
}

// forgetChecks are about registrations that an operator deletes.
var forgetChecks = []harness.Check{{
	Requirement: "DPS-REPROV-017",
	Title:       "a device whose registration was deleted is assigned as for the first time",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := redirected(ctx, env, t, migrate)
		t.Given("the registration is deleted", func() {
			t.Expect(d.Service.Delete(ctx, t, devwire.RegistrationPath(d.RegistrationID)).Status).To(Equal(http.StatusNoContent))
		})
		answer := d.again(ctx, t, d.to)
		t.Expect(answer.State.Substatus).To(Equal(initialAssignment))
		d.hasTwin(ctx, t, d.to, "north", 1)
	},
}}
