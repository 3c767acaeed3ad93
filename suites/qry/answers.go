package qry

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// answerChecks are about one answer to a query.
var answerChecks = []harness.Check{{
	Requirement: "DPS-QRY-001",
	Title:       "a query is answered with 200 and a bare JSON array",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		enroll(ctx, t, s, 2)
		enrollGroup(ctx, t, s)
		for _, collection := range []string{enrollments, groups} {
			page := ask(ctx, t, s, question{collection: collection, text: "SELECT *"})
			t.Expect(page.Status).To(Equal(http.StatusOK), collection)
			var array []any
			t.Expect(json.Unmarshal(page.Body, &array)).To(Succeed(), collection)
			t.Expect(array).NotTo(BeEmpty(), collection)
		}
	},
}, {
	Requirement: "DPS-QRY-001",
	Title:       "a query that nothing matches is answered with an empty array",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		page := ask(ctx, t, s, question{collection: devwire.RegistrationPath(enrollGroup(ctx, t, s)), text: "SELECT *"})
		t.Expect(page.Status).To(Equal(http.StatusOK))
		t.Expect(page.Body).To(MatchJSON("[]"))
	},
}, {
	Requirement: "DPS-QRY-002",
	Title:       "x-ms-item-type is exactly the kind of the items",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		enroll(ctx, t, s, 1)
		for collection, kind := range map[string]string{
			enrollments: "Enrollment",
			groups:      "EnrollmentGroup",
			devwire.RegistrationPath(enrollGroup(ctx, t, s)): "DeviceRegistration",
		} {
			page := ask(ctx, t, s, question{collection: collection, text: "SELECT *"})
			t.Expect(page.Header.Values("x-ms-item-type")).To(Equal([]string{kind}), collection)
		}
	},
}, {
	Requirement: "DPS-QRY-021",
	Title:       "an enrollment whose id is query is kept apart from the query operation",
	Needs:       []harness.Need{harness.NeedControl}, // elsewhere such an enrollment may be somebody's
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		record := keys()
		record["registrationId"] = "query"
		t.Expect(s.Put(ctx, t, "/enrollments/query", record).Status).To(Equal(http.StatusOK), "PUT")
		read := s.Get(ctx, t, "/enrollments/query")
		t.Expect(read.Status).To(Equal(http.StatusOK), "GET")
		enrollment, err := read.JSON()
		t.Answered(err, "read the enrollment")
		t.Expect(enrollment).To(HaveKeyWithValue("registrationId", "query"))
		t.Expect(selected(ctx, t, s, enrollments, "SELECT *")).To(ConsistOf("query"))
		t.Expect(s.Delete(ctx, t, "/enrollments/query").Status).To(Equal(http.StatusNoContent), "DELETE")
		t.Expect(selected(ctx, t, s, enrollments, "SELECT *")).To(BeEmpty())
	},
}}
