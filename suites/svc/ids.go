package svc

import (
	"context"
	"net/http"
	"strings"

	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// idChecks are about the ids of enrollments and groups.
var idChecks = []harness.Check{{
	Requirement: "DPS-SVC-041",
	Title:       "ids of 1 to 128 letters, digits, dashes, dots, underscores and colons are accepted",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		ids := []string{t.Name() + "-", t.Name() + ".B_c:D9", t.Name() + "--..__::Z", filled(t.Name(), 128)}
		if env.Control != nil { // elsewhere an enrollment with so short an id may be somebody's
			ids = append(ids, "7")
		}
		for _, id := range ids {
			answer := put(ctx, t, s, with(newEnrollment(t), harness.Members{"registrationId": id}))
			t.Expect(answer.Status).To(Equal(http.StatusOK), id)
			t.Expect(object(t, answer)).To(HaveKeyWithValue("registrationId", id))
			group := put(ctx, t, s, with(newGroup(t), harness.Members{"enrollmentGroupId": id}))
			t.Expect(group.Status).To(Equal(http.StatusOK), "group "+id)
		}
	},
}, {
	Requirement: "DPS-SVC-041",
	Title:       "other ids are answered with 400",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		accepted(ctx, t, s, "an id of 128 characters", with(newEnrollment(t), harness.Members{"registrationId": filled(t.Name(), 128)}))
		for _, end := range []string{".", "_", ":", " x", "!", "@x", "/x", "+x", "ü", "%"} {
			id := t.Name() + end
			t.Expect(put(ctx, t, s, with(newEnrollment(t), harness.Members{"registrationId": id})).Status).
				To(Equal(http.StatusBadRequest), "an id that ends in %q", end)
			t.Expect(put(ctx, t, s, with(newGroup(t), harness.Members{"enrollmentGroupId": id})).Status).
				To(Equal(http.StatusBadRequest), "a group that ends in %q", end)
		}
		long := with(newEnrollment(t), harness.Members{"registrationId": filled(t.Name(), 129)})
		t.Expect(put(ctx, t, s, long).Status).To(Equal(http.StatusBadRequest), "129 characters")
	},
}, {
	Requirement: "DPS-SVC-042",
	Title:       "an enrollment is found by its id in any letter case",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		id := "Mixed-" + t.Name()
		record := s.Enroll(ctx, t, newEnrollment(t), harness.Members{"registrationId": id})
		for _, spelled := range []string{id, strings.ToLower(id), strings.ToUpper(id)} {
			answer := s.Get(ctx, t, "/enrollments/"+spelled)
			t.Expect(answer.Status).To(Equal(http.StatusOK), spelled)
			t.Expect(etagOf(object(t, answer))).To(Equal(etagOf(record)), spelled)
		}
		again := put(ctx, t, s, with(newEnrollment(t), harness.Members{"registrationId": strings.ToUpper(id)}))
		t.Expect(again.Status).To(Equal(http.StatusConflict), "a second enrollment that differs in case alone")
	},
}}

// filled is a name made longer by letters.
func filled(name string, length int) string { return name + strings.Repeat("x", length-len(name)) }
