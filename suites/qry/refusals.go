package qry

import (
	"context"
	"net/http"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// understood is the positive twin of a refusal.
func understood(ctx context.Context, t *harness.T, s *harness.Service) {
	t.Given("a good query is answered", func() {
		t.Expect(ask(ctx, t, s, question{collection: enrollments, text: "SELECT *", size: 1}).Status).To(BeNumerically("<", 300))
	})
}

// refusalChecks are about queries that cannot be answered.
var refusalChecks = []harness.Check{{
	Requirement: "DPS-QRY-014",
	Title:       "a query that cannot be parsed is answered with 400",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		understood(ctx, t, s)
		for _, text := range []string{
			"SELECT", "SELECT * FROM", "SELECT * WHERE", "DROP enrollments", "SELECT * FROM enrollments WHERE deviceId =",
			"SELECT * WHERE deviceId = 'red", "SELECT * WHERE (deviceId = 'red'", "SELECT * WHERE AND", "SELECT * * ",
		} {
			t.Expect(ask(ctx, t, s, question{collection: enrollments, text: text}).Status).To(Equal(http.StatusBadRequest), text)
		}
	},
}, {
	Requirement: "DPS-QRY-015",
	Title:       "a query request without a query is answered with 400",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		understood(ctx, t, s)
		for _, collection := range []string{enrollments, groups} {
			for _, body := range []string{"", "{}", `{"query":""}`, `{"query":null}`} {
				t.Expect(s.Post(ctx, t, collection+"/query", []byte(body)).Status).
					To(Equal(http.StatusBadRequest), "%s, body %q", collection, body)
			}
		}
	},
}, {
	Requirement: "DPS-QRY-016",
	Title:       "an x-ms-max-item-count that is not a positive integer is answered with 400",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		understood(ctx, t, s)
		for _, size := range []string{"0", "-1", "1.5", "ten", "1e2"} {
			answer := s.Do(ctx, t, devwire.ServiceRequest{
				Method: http.MethodPost, Path: enrollments + "/query", Body: harness.Members{"query": "SELECT *"},
				Header: http.Header{"x-ms-max-item-count": {size}},
			})
			t.Expect(answer.Status).To(Equal(http.StatusBadRequest), size)
		}
	},
}}
