// Package err verifies what a device hears when something goes wrong, and what becomes of
// its registration over time (docs/protocol/device-api.md 1.5, 1.6, 2.8): the error document
// in every member and over each transport, the codes that SDKs act on, registrations that
// meet each other, and operations after their end. What a single transport makes of an error
// belongs to the family of that transport.
package err

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// Checks returns the checks of family ERR.
func Checks() []harness.Check { return slices.Concat(documentChecks, codeChecks, lifecycleChecks) }

// unknownOperation has the shape of an operation id.
const unknownOperation = "5.0000000000000000.00000000-0000-4000-8000-000000000000"

// refusal is an answer that must be an error.
type refusal struct {
	what string
	devwire.Answer
}

// refusals are errors that a device can meet over each transport.
func refusals(ctx context.Context, env *harness.Env, t *harness.T) []refusal {
	service := env.Service(ctx, t)
	d := service.SymmetricKeyDevice(ctx, t)
	conn := d.Connect(ctx, t)
	t.Given("the device registers", func() { t.Expect(registered(ctx, t, conn)).To(beTaken()) })
	return []refusal{
		{"a poll of an unknown operation", polled(ctx, t, conn, unknownOperation)},
		{"a certificate that nobody enrolled", stranger(ctx, env, t, service)},
	}
}

// stranger is what a device hears whose certificate is not the enrolled one.
func stranger(ctx context.Context, env *harness.Env, t *harness.T, service *harness.Service) devwire.Answer {
	d := service.X509Device(ctx, t)
	t.Given("its own certificate is accepted", func() { t.Expect(d.Try(ctx, t)).To(harness.BeAccepted()) })
	other := t.SelfSigned(env, d.RegistrationID)
	return d.With(func(id *devwire.Identity) { id.Certificate = &other }).Register(ctx, t)
}

// document is the body of an error as it is on the wire.
func document(t *harness.T, r refusal) map[string]any {
	t.Expect(r.Code).To(BeNumerically(">=", 400), "%s is an error", r.what)
	var doc map[string]any
	t.Expect(json.Unmarshal(r.Raw, &doc)).To(Succeed(), "the answer to %s is a JSON object: %q", r.what, r.Raw)
	return doc
}

func registered(ctx context.Context, t *harness.T, conn devwire.Device) devwire.Answer {
	answer, err := conn.Register(ctx, nil)
	t.Answered(err, "register")
	return answer
}

func polled(ctx context.Context, t *harness.T, conn devwire.Device, operation string) devwire.Answer {
	answer, err := conn.Poll(ctx, operation)
	t.Answered(err, "poll")
	return answer
}

// beTaken matches the answer to a register request that was accepted.
func beTaken() OmegaMatcher {
	return And(HaveField("Code", BeNumerically("<", 300)), HaveField("OperationID", Not(BeEmpty())))
}

// beError matches an answer that refuses with that six-digit code.
func beError(code int) OmegaMatcher {
	return And(HaveField("Code", code/1000), HaveField("Error", HaveField("ErrorCode", code)))
}

// settled polls until the registration has ended, and returns the last answer.
func settled(ctx context.Context, t *harness.T, conn devwire.Device, operation string) devwire.Answer {
	var last devwire.Answer
	t.Eventually(ctx, func() dps.Status {
		last = polled(ctx, t, conn, operation)
		return last.Status
	}).Should(Equal(dps.StatusAssigned))
	return last
}

// withLostHub links a hub under a name that leads nowhere, so that registrations go on and on.
func withLostHub(ctx context.Context, env *harness.Env, t *harness.T) harness.ServiceOption {
	hub := env.Hub(ctx, t)
	return harness.WithLink(hub, strings.Replace(hub.ConnectionString, hub.Host, "lost-"+hub.Host, 1))
}
