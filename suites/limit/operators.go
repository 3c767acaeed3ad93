package limit

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/dpslab/dpslab/internal/controlapi"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// read asks for something that is not there: whatever is asked counts.
func read(ctx context.Context, t *harness.T, s *harness.Service) devwire.HTTPResponse {
	return s.Get(ctx, t, devwire.EnrollmentPath(t.Name()))
}

// throttledAnswer asserts 429 with its error and a Retry-After of whole seconds, and
// returns how long that is.
func throttledAnswer(t *harness.T, answer devwire.HTTPResponse) time.Duration {
	t.Expect(answer.Status).To(Equal(http.StatusTooManyRequests))
	t.Expect(answer.Error()).To(HaveField("ErrorCode", throttledCode))
	seconds, err := strconv.Atoi(answer.Header.Get("Retry-After"))
	t.Expect(err).NotTo(HaveOccurred())
	t.Expect(seconds).To(And(BeNumerically(">", 0), BeNumerically("<=", 60)))
	return time.Duration(seconds) * time.Second
}

var operatorChecks = []harness.Check{{
	Requirement: "DPS-LIMIT-003",
	Title:       "a request of the service API over the limit is told 429001 and Retry-After",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		s.Limit(ctx, t, controlapi.Limits{OperationsPerMinute: 2})
		t.Given("two requests are answered", func() {
			for range 2 {
				t.Expect(read(ctx, t, s).Status).To(Equal(http.StatusNotFound))
			}
		})
		throttledAnswer(t, read(ctx, t, s))
	},
}, {
	Requirement: "DPS-LIMIT-003",
	Title:       "a throttled request of the service API is answered when its time has passed",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		s.Limit(ctx, t, controlapi.Limits{OperationsPerMinute: 1})
		t.Given("one request is answered", func() { t.Expect(read(ctx, t, s).Status).To(Equal(http.StatusNotFound)) })
		s.Advance(ctx, t, throttledAnswer(t, read(ctx, t, s)))
		t.Expect(read(ctx, t, s).Status).To(Equal(http.StatusNotFound))
	},
}}
