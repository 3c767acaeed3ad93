package svc

import (
	"context"
	"net/http"

	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// naiveChecks are about the REST extension that a lab may turn on: a list and a create that
// the true API lacks (service-api.md 8).
var naiveChecks = []harness.Check{{
	Requirement: "DPS-SVC-058",
	Title:       "with the naive REST extension the GET of a collection is answered with what a query for everything returns",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t, harness.WithNaiveREST())
		s.Enroll(ctx, t, newEnrollment(t))
		s.EnrollGroup(ctx, t, newGroup(t))
		for _, collection := range []string{"/enrollments", "/enrollmentGroups"} {
			list := s.Get(ctx, t, collection)
			t.Expect(list.Status).To(Equal(http.StatusOK), collection)
			page := s.Post(ctx, t, collection+"/query", harness.Members{"query": "*"})
			t.Expect(list.Body).To(MatchJSON(page.Body), collection)
			t.Expect(list.Header.Get("x-ms-item-type")).To(Equal(page.Header.Get("x-ms-item-type")), collection)
		}
	},
}, {
	Requirement: "DPS-SVC-059",
	Title:       "with the naive REST extension the POST of one record is answered with 201 and its Location",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t, harness.WithNaiveREST())
		for collection, record := range map[string]harness.Members{"/enrollments": newEnrollment(t), "/enrollmentGroups": newGroup(t)} {
			answer := s.Post(ctx, t, collection, record)
			t.Expect(answer.Status).To(Equal(http.StatusCreated), collection)
			t.Expect(answer.Header.Get("Location")).To(Equal(pathOf(record)))
			t.Expect(s.Get(ctx, t, answer.Header.Get("Location")).Status).To(Equal(http.StatusOK), collection)
		}
	},
}, {
	Requirement: "DPS-SVC-060",
	Title:       "with the naive REST extension the POST of a record that exists is answered with 409",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t, harness.WithNaiveREST())
		for collection, record := range map[string]harness.Members{"/enrollments": newEnrollment(t), "/enrollmentGroups": newGroup(t)} {
			t.Given("the first POST is accepted", func() {
				t.Expect(s.Post(ctx, t, collection, record).Status).To(BeNumerically("<", 300))
			})
			t.Expect(s.Post(ctx, t, collection, record).Status).To(Equal(http.StatusConflict), collection)
		}
	},
}, {
	Requirement: "DPS-SVC-061",
	Title:       "with the naive REST extension the POST of neither a record nor a bulk operation is answered with 400",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t, harness.WithNaiveREST())
		t.Given("the POST of a record is accepted", func() {
			t.Expect(s.Post(ctx, t, "/enrollments", newEnrollment(t)).Status).To(BeNumerically("<", 300))
		})
		for _, body := range []string{``, `[]`, `"pump-1"`, `17`, `{}`, `{"attestation":{"type":"symmetricKey"}}`, `{"mode":"create"}`} {
			t.Expect(s.Post(ctx, t, "/enrollments", []byte(body)).Status).To(Equal(http.StatusBadRequest), "body %q", body)
			t.Expect(s.Post(ctx, t, "/enrollmentGroups", []byte(body)).Status).To(Equal(http.StatusBadRequest), "group, body %q", body)
		}
	},
}, {
	Requirement: "DPS-SVC-062",
	Title:       "a record made through the naive REST extension is seen by the true API and the other way round",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t, harness.WithNaiveREST())
		posted, written := newEnrollment(t), newEnrollment(t)
		t.Given("both are accepted", func() {
			t.Expect(s.Post(ctx, t, "/enrollments", posted).Status).To(BeNumerically("<", 300))
			t.Expect(put(ctx, t, s, written).Status).To(BeNumerically("<", 300))
		})
		t.Expect(s.Get(ctx, t, pathOf(posted)).Status).To(Equal(http.StatusOK), "GET of what was posted")
		listed, err := s.Get(ctx, t, "/enrollments").List()
		t.Answered(err, "read the list")
		ids := Or(HaveKeyWithValue("registrationId", posted["registrationId"]), HaveKeyWithValue("registrationId", written["registrationId"]))
		t.Expect(listed).To(ConsistOf(ids, ids))
		again := put(ctx, t, s, posted)
		t.Expect(again.Status).To(Equal(http.StatusConflict), "PUT of what was posted")
	},
}}
