package svc

import (
	"context"
	"math"
	"mime"
	"net/http"
	"strings"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// exchanged is an answer and what it is the answer to.
type exchanged struct {
	what   string
	answer devwire.HTTPResponse
}

// refusals are answers of the service to requests that it has to refuse, each for another
// reason.
func refusals(ctx context.Context, t *harness.T, s *harness.Service) []exchanged {
	record := s.Enroll(ctx, t, newEnrollment(t))
	path, none := pathOf(record), ""
	list := []exchanged{
		{"a request without a token", s.Do(ctx, t, devwire.ServiceRequest{Method: http.MethodGet, Path: path, Token: &none})},
		{"a body that is not JSON", s.Put(ctx, t, pathOf(newEnrollment(t)), []byte("not JSON"))},
		{"an enrollment that does not exist", s.Get(ctx, t, pathOf(newEnrollment(t)))},
		{"a method that the path does not know", s.Do(ctx, t, devwire.ServiceRequest{Method: http.MethodPatch, Path: path})},
		{"a PUT without If-Match on what exists", put(ctx, t, s, record)},
		{"an outdated etag", put(ctx, t, s, record, `"00000000-0000-0000-0000-000000000000"`)},
	}
	t.Given("the service refuses them", func() {
		for _, one := range list {
			t.Expect(one.answer.Status).To(BeNumerically(">=", 400), one.what)
		}
	})
	return list
}

// successes are answers with a body to requests that the service has to take.
func successes(ctx context.Context, t *harness.T, s *harness.Service) []exchanged {
	record := newEnrollment(t)
	list := []exchanged{
		{"a PUT", put(ctx, t, s, record)},
		{"a GET", s.Get(ctx, t, pathOf(record))},
		{"attestationmechanism", s.Post(ctx, t, pathOf(record)+"/attestationmechanism", nil)},
		{"a query", s.Post(ctx, t, "/enrollments/query", harness.Members{"query": "SELECT *"})},
	}
	t.Given("the service takes them", func() {
		for _, one := range list {
			t.Expect(one.answer.Status).To(BeNumerically("<", 300), one.what)
		}
	})
	return list
}

// answerChecks are about what all answers have in common, and all errors.
var answerChecks = []harness.Check{{
	Requirement: "DPS-SVC-012",
	Title:       "answers and errors are declared as application/json; charset=utf-8",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, one := range append(successes(ctx, t, s), refusals(ctx, t, s)...) {
			media, params, err := mime.ParseMediaType(one.answer.Header.Get("Content-Type"))
			t.Expect(err).NotTo(HaveOccurred(), one.what)
			t.Expect(media).To(Equal("application/json"), one.what)
			t.Expect(strings.ToLower(params["charset"])).To(Equal("utf-8"), one.what)
		}
	},
}, {
	Requirement: "DPS-SVC-013",
	Title:       "answers and errors have an x-ms-request-id",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, one := range append(successes(ctx, t, s), refusals(ctx, t, s)...) {
			t.Expect(one.answer.Header.Get("x-ms-request-id")).NotTo(BeEmpty(), one.what)
		}
		gone := s.Delete(ctx, t, pathOf(s.Enroll(ctx, t, newEnrollment(t))))
		t.Expect(gone.Header.Get("x-ms-request-id")).NotTo(BeEmpty(), "a DELETE")
	},
}, {
	Requirement: "DPS-SVC-014",
	Title:       "errors are JSON documents with errorCode, trackingId, message and timestampUtc",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		for _, one := range refusals(ctx, t, env.Service(ctx, t)) {
			document := object(t, one.answer)
			t.Expect(document["errorCode"]).To(BeAssignableToTypeOf(0.0), one.what)
			for _, name := range []string{"trackingId", "message", "timestampUtc"} {
				t.Expect(document).To(HaveKeyWithValue(name, And(BeAssignableToTypeOf(""), Not(BeEmpty()))), one.what)
			}
		}
	},
}, {
	Requirement: "DPS-SVC-015",
	Title:       "the thousands of every errorCode are the HTTP status",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		for _, one := range refusals(ctx, t, env.Service(ctx, t)) {
			code, _ := object(t, one.answer)["errorCode"].(float64)
			t.Expect(math.Floor(code/1000)).To(BeEquivalentTo(one.answer.Status), one.what)
		}
	},
}, {
	Requirement: "DPS-SVC-016",
	Title:       "errors have an x-ms-error-code header",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		for _, one := range refusals(ctx, t, env.Service(ctx, t)) {
			t.Expect(one.answer.Header.Get("x-ms-error-code")).NotTo(BeEmpty(), one.what)
		}
	},
}, {
	Requirement: "DPS-SVC-017",
	Title:       "the trackingId of an error stands in x-ms-request-id too",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		for _, one := range refusals(ctx, t, env.Service(ctx, t)) {
			t.Expect(object(t, one.answer)).To(HaveKeyWithValue("trackingId", one.answer.Header.Get("x-ms-request-id")), one.what)
		}
	},
}}
