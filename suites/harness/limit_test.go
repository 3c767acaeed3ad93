package harness_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/reports"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/dpslab/dpslab/suites/sut"
	. "github.com/onsi/gomega"
)

// slow is an environment whose checks have five minutes and may ask once a minute.
func slow() *harness.Env {
	return &harness.Env{Target: sut.Target{Quotas: sut.Quotas{ServiceRequestsPerMinute: 1}}, Timeouts: harness.ConformantTimeouts()}
}

func TestTimeStandsStillWhileARunWaitsForAQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, slow(), plain, func(ctx context.Context, env *harness.Env, t *harness.T) {
			for range 10 { // half a request a minute: twenty minutes
				t.Must(env.Wire.Meter.Before(ctx, devwire.Operation{Kind: devwire.ToService}), "ask")
			}
			t.Must(clock.Wait(ctx, clock.System(), 4*time.Minute), "work")
			t.Expect(ctx.Err()).To(Succeed())
		})
		if r.Outcome != reports.Passed || r.Duration < 20*time.Minute {
			t.Errorf("%s %s after %v", r.Outcome, r.Failure, r.Duration)
		}
	})
}

func TestAWaitForAQuotaDoesNotLengthenTheWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, slow(), plain, func(ctx context.Context, env *harness.Env, t *harness.T) {
			for range 3 {
				t.Must(env.Wire.Meter.Before(ctx, devwire.Operation{Kind: devwire.ToService}), "ask")
			}
			<-ctx.Done()
		})
		if r.Outcome != reports.Error || !strings.Contains(r.Failure, "longer than 5m0s") || r.Duration != 9*time.Minute {
			t.Errorf("%s %s after %v", r.Outcome, r.Failure, r.Duration)
		}
	})
}

func TestThrottling(t *testing.T) {
	t.Parallel()
	enroll := func(ctx context.Context, env *harness.Env, t *harness.T) {
		env.Service(ctx, t).Enroll(ctx, t, harness.SymmetricKeys(harness.Key(), harness.Key()))
		t.Expect(1).To(Equal(1))
	}
	asserted := func(ctx context.Context, env *harness.Env, t *harness.T) {
		t.Expect(env.Service(ctx, t).Put(ctx, t, "/enrollments/a", harness.Members{}).Status).To(Equal(http.StatusCreated))
	}
	cleaned := func(ctx context.Context, env *harness.Env, t *harness.T) {
		t.Expect(env.Service(ctx, t).Put(ctx, t, "/enrollments/a", harness.Members{}).Status).To(BeNumerically("<", 300))
	}
	for _, c := range []struct {
		rule, throttled string
		check           func(ctx context.Context, env *harness.Env, t *harness.T)
		quotas          sut.Quotas
		outcome         reports.Outcome
		asked           int
		says            string
	}{
		{"in set-up it is waited for", "PUT /enrollments/", enroll, sut.DocumentedQuotas, reports.Passed, 3, ""},
		{"in clean-up it is waited for", "DELETE /enrollments/", cleaned, sut.DocumentedQuotas, reports.Passed, 3, ""},
		{"under assertion it is not, and no verdict", "PUT /enrollments/", asserted, sut.DocumentedQuotas, reports.Error, 1, "the target throttles"},
		{"a target without quotas does not throttle", "PUT /enrollments/", enroll, sut.Quotas{}, reports.Error, 1, "429"},
		{"whose answer under assertion counts", "PUT /enrollments/", asserted, sut.Quotas{}, reports.Failed, 1, "429"},
	} {
		s, target := startScript(t)
		target.Control, target.Quotas = nil, c.quotas
		s.throttled, s.throttles = c.throttled, 2
		r := run(t, open(t, target), plain, c.check)
		asked := 0
		for _, request := range s.requests() {
			if strings.HasPrefix(request, c.throttled) {
				asked++
			}
		}
		if r.Outcome != c.outcome || asked != c.asked || !strings.Contains(r.Failure, c.says) {
			t.Errorf("%s: %s %s, asked %d times", c.rule, r.Outcome, r.Failure, asked)
		}
	}
}

func TestAWaitForAThrottledServiceIsToldUnderARed(t *testing.T) {
	t.Parallel()
	s, target := startScript(t)
	target.Control, target.Quotas = nil, sut.DocumentedQuotas
	s.throttled, s.throttles = "PUT /enrollments/", 1
	r := run(t, open(t, target), plain, func(ctx context.Context, env *harness.Env, t *harness.T) {
		env.Service(ctx, t).Enroll(ctx, t, harness.SymmetricKeys(harness.Key(), harness.Key()))
		t.Expect(1).To(Equal(2))
	})
	if steps := strings.Join(r.Steps, "\n"); r.Outcome != reports.Failed || !strings.Contains(steps, "is throttled; wait 1s and ask again") {
		t.Errorf("%s, steps:\n%s", r.Outcome, steps)
	}
}
