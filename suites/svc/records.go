package svc

import (
	"context"
	"net/http"

	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// recordChecks are about writing, reading and deleting a record.
var recordChecks = []harness.Check{{
	Requirement: "DPS-SVC-001",
	Title:       "the PUT of a new enrollment is answered with 200 and the record",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		record := newEnrollment(t)
		answer := put(ctx, t, s, record)
		t.Expect(answer.Status).To(Equal(http.StatusOK))
		t.Expect(object(t, answer)).To(HaveKeyWithValue("registrationId", record["registrationId"]))
		t.Expect(inside(object(t, answer), "attestation", "type")).To(Equal("symmetricKey"))
	},
}, {
	Requirement: "DPS-SVC-002",
	Title:       "the GET of an enrollment is answered with 200 and the record",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		record := s.Enroll(ctx, t, newEnrollment(t), harness.Members{"provisioningStatus": "disabled"})
		answer := s.Get(ctx, t, pathOf(record))
		t.Expect(answer.Status).To(Equal(http.StatusOK))
		t.Expect(object(t, answer)).To(HaveKeyWithValue("registrationId", record["registrationId"]))
		t.Expect(object(t, answer)).To(HaveKeyWithValue("provisioningStatus", "disabled"))
	},
}, {
	Requirement: "DPS-SVC-003",
	Title:       "the DELETE of an enrollment is answered with 204 and no body, and the enrollment is gone",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		record := s.Enroll(ctx, t, newEnrollment(t))
		answer := s.Delete(ctx, t, pathOf(record))
		t.Expect(answer.Status).To(Equal(http.StatusNoContent))
		t.Expect(answer.Body).To(BeEmpty())
		t.Expect(s.Get(ctx, t, pathOf(record)).Status).To(Equal(http.StatusNotFound))
	},
}, {
	Requirement: "DPS-SVC-004",
	Title:       "the PUT of a changed enrollment is answered with 200 and the new record, which GET shows too",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		record := s.Enroll(ctx, t, newEnrollment(t))
		answer := put(ctx, t, s, with(record, harness.Members{"deviceId": "renamed", "provisioningStatus": "disabled"}), etagOf(record))
		t.Expect(answer.Status).To(Equal(http.StatusOK))
		changed := And(HaveKeyWithValue("deviceId", "renamed"), HaveKeyWithValue("provisioningStatus", "disabled"))
		t.Expect(object(t, answer)).To(changed)
		t.Expect(object(t, s.Get(ctx, t, pathOf(record)))).To(changed)
	},
}, {
	Requirement: "DPS-SVC-005",
	Title:       "PUT, GET and DELETE of a group are answered with the codes of enrollments",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		record := newGroup(t)
		made := put(ctx, t, s, record)
		t.Expect(made.Status).To(Equal(http.StatusOK), "PUT of a new group")
		t.Expect(object(t, made)).To(HaveKeyWithValue("enrollmentGroupId", record["enrollmentGroupId"]))
		changed := put(ctx, t, s, with(record, harness.Members{"provisioningStatus": "disabled"}), etagOf(object(t, made)))
		t.Expect(changed.Status).To(Equal(http.StatusOK), "PUT of a changed group")
		read := s.Get(ctx, t, pathOf(record))
		t.Expect(read.Status).To(Equal(http.StatusOK), "GET")
		t.Expect(object(t, read)).To(HaveKeyWithValue("provisioningStatus", "disabled"))
		t.Expect(s.Delete(ctx, t, pathOf(record)).Status).To(Equal(http.StatusNoContent), "DELETE")
		t.Expect(s.Get(ctx, t, pathOf(record)).Status).To(Equal(http.StatusNotFound), "GET after the DELETE")
	},
}, {
	Requirement: "DPS-SVC-006",
	Title:       "GET and DELETE of an enrollment or group that does not exist are answered with 404",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		t.Given("records that exist are found", func() {
			t.Expect(s.Get(ctx, t, pathOf(s.Enroll(ctx, t, newEnrollment(t)))).Status).To(BeNumerically("<", 300))
			t.Expect(s.Get(ctx, t, pathOf(s.EnrollGroup(ctx, t, newGroup(t)))).Status).To(BeNumerically("<", 300))
		})
		for _, path := range []string{pathOf(newEnrollment(t)), pathOf(newGroup(t))} {
			t.Expect(s.Get(ctx, t, path).Status).To(Equal(http.StatusNotFound), "GET "+path)
			t.Expect(s.Delete(ctx, t, path).Status).To(Equal(http.StatusNotFound), "DELETE "+path)
		}
	},
}, {
	Requirement: "DPS-SVC-007",
	Title:       "attestationmechanism is answered with 200 and the mechanism for a request with an empty body",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, record := range []harness.Members{s.Enroll(ctx, t, newEnrollment(t)), s.EnrollGroup(ctx, t, newGroup(t))} {
			answer := s.Post(ctx, t, pathOf(record)+"/attestationmechanism", nil)
			t.Expect(answer.Status).To(Equal(http.StatusOK))
			t.Expect(object(t, answer)).To(HaveKeyWithValue("type", "symmetricKey"))
		}
	},
}, {
	Requirement: "DPS-SVC-007",
	Title:       "attestationmechanism is answered with 200 and the mechanism for a request with {}",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, record := range []harness.Members{s.Enroll(ctx, t, newEnrollment(t)), s.EnrollGroup(ctx, t, newGroup(t))} {
			answer := s.Post(ctx, t, pathOf(record)+"/attestationmechanism", []byte("{}"))
			t.Expect(answer.Status).To(Equal(http.StatusOK))
			t.Expect(object(t, answer)).To(HaveKeyWithValue("type", "symmetricKey"))
		}
	},
}}
