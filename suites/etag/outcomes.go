package etag

import (
	"context"
	"maps"
	"net/http"
	"sync"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// writers is how many write at once.
const writers = 8

// outcomeChecks are about what a refused write, and several writes at once, leave behind.
var outcomeChecks = []harness.Check{{
	Requirement: "DPS-ETAG-015",
	Title:       "a record is unchanged after a write that was refused",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, record := range []harness.Members{newRecord(ctx, t, s), newGroup(ctx, t, s)} {
			before := read(ctx, t, s, record)
			invalid := maps.Clone(record)
			invalid["provisioningStatus"] = "paused"
			for what, answer := range map[string]devwire.HTTPResponse{
				"PUT without If-Match": update(ctx, t, s, record),
				"PUT with another tag": update(ctx, t, s, record, outdated),
				"PUT that is invalid":  s.Put(ctx, t, pathOf(record), invalid, "*"),
				"DELETE":               s.Delete(ctx, t, pathOf(record), outdated),
			} {
				t.Expect(answer.Status).To(BeNumerically(">=", 400), what)
			}
			t.Expect(read(ctx, t, s, record)).To(Equal(before))
		}
	},
}, {
	Requirement: "DPS-ETAG-016",
	Title:       "of several concurrent updates with the same etag exactly one succeeds",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		record := newRecord(ctx, t, s)
		statuses, errs := make([]int, writers), make([]error, writers)
		var all sync.WaitGroup
		for i := range writers {
			changed := maps.Clone(record)
			changed["deviceId"] = t.Name()
			all.Go(func() {
				var answer devwire.HTTPResponse
				answer, errs[i] = s.API.Do(ctx, devwire.ServiceRequest{
					Method: http.MethodPut, Path: pathOf(record), Body: changed, Header: http.Header{"If-Match": {tagOf(record)}},
				})
				statuses[i] = answer.Status
			})
		}
		all.Wait()
		for i := range writers {
			t.Answered(errs[i], "PUT")
		}
		refused := BeElementOf(http.StatusPreconditionFailed, http.StatusConflict)
		t.Expect(statuses).To(ConsistOf(Equal(http.StatusOK), refused, refused, refused, refused, refused, refused, refused))
	},
}}
