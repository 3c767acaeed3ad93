package qry

import (
	"context"
	"net/http"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// registrationChecks are about the registrations of a group.
var registrationChecks = []harness.Check{{
	Requirement: "DPS-QRY-017",
	Title:       "a group's registrations are those of the devices that registered through it, and no others",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		group, other := s.SymmetricKeyGroup(ctx, t), s.SymmetricKeyGroup(ctx, t)
		mine := []*harness.Device{group.Device(t), group.Device(t)}
		for _, device := range append(mine, other.Device(t), s.SymmetricKeyDevice(ctx, t)) {
			t.Given("the device has registered", func() { t.Expect(device.Try(ctx, t)).To(harness.BeAccepted()) })
		}
		path := devwire.RegistrationPath(group.ID)
		t.Eventually(ctx, func() []any { return selected(ctx, t, s, path, "SELECT *") }).
			Should(ConsistOf(mine[0].RegistrationID, mine[1].RegistrationID))
		states := itemsOf(t, ask(ctx, t, s, question{collection: path, text: "SELECT *"}))
		t.Expect(states).To(HaveEach(HaveKeyWithValue("status", Not(BeEmpty()))))
	},
}, {
	Requirement: "DPS-QRY-018",
	Title:       "the query of a group's registrations is accepted without a body",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		group := s.SymmetricKeyGroup(ctx, t)
		device := group.Device(t)
		device.Assigned(ctx, t)
		path := devwire.RegistrationPath(group.ID) + "/query"
		for what, header := range map[string]http.Header{
			"nothing":            nil,
			"as the CLI asks it": {"Content-Type": {"application/json; charset=utf-8"}},
		} {
			answer := s.Do(ctx, t, devwire.ServiceRequest{Method: http.MethodPost, Path: path, Header: header})
			t.Expect(answer.Status).To(Equal(http.StatusOK), what)
			t.Expect(idsOf(itemsOf(t, answer))).To(ConsistOf(device.RegistrationID), what)
		}
	},
}, {
	Requirement: "DPS-QRY-019",
	Title:       "the registrations of a group without any are an empty array",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		path := devwire.RegistrationPath(enrollGroup(ctx, t, s)) + "/query"
		for what, answer := range map[string]devwire.HTTPResponse{
			"without a body": s.Post(ctx, t, path, nil),
			"with a query":   s.Post(ctx, t, path, harness.Members{"query": "SELECT *"}),
		} {
			t.Expect(answer.Status).To(Equal(http.StatusOK), what)
			t.Expect(answer.Body).To(MatchJSON("[]"), what)
		}
	},
}, {
	Requirement: "DPS-QRY-020",
	Title:       "the query of an unknown group's registrations is answered with 404",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		t.Given("that of a known group is answered", func() {
			known := devwire.RegistrationPath(enrollGroup(ctx, t, s))
			t.Expect(s.Post(ctx, t, known+"/query", nil).Status).To(BeNumerically("<", 300))
		})
		unknown := devwire.RegistrationPath(t.Name())
		t.Expect(s.Post(ctx, t, unknown+"/query", nil).Status).To(Equal(http.StatusNotFound))
	},
}}
