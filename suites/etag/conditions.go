package etag

import (
	"context"
	"net/http"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// conditionChecks are about what an If-Match, or its absence, lets through.
var conditionChecks = []harness.Check{{
	Requirement: "DPS-ETAG-003",
	Title:       "a PUT without If-Match on an existing record is answered with 409",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		record := newRecord(ctx, t, s)
		t.Expect(update(ctx, t, s, record).Status).To(Equal(http.StatusConflict))
		succeeds(t, "the same PUT with the etag succeeds", func() devwire.HTTPResponse {
			return update(ctx, t, s, record, tagOf(record))
		})
	},
}, {
	Requirement: "DPS-ETAG-004",
	Title:       "If-Match: * updates and deletes unconditionally",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		record := newRecord(ctx, t, s)
		for range 2 {
			t.Expect(update(ctx, t, s, record, "*").Status).To(Equal(http.StatusOK), "PUT")
		}
		t.Expect(s.Delete(ctx, t, pathOf(record), "*").Status).To(Equal(http.StatusNoContent), "DELETE")
		t.Expect(s.Get(ctx, t, pathOf(record)).Status).To(Equal(http.StatusNotFound))
	},
}, {
	Requirement: "DPS-ETAG-005",
	Title:       "a PUT or DELETE with an outdated etag in If-Match is answered with 412",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		record := newRecord(ctx, t, s)
		succeeds(t, "the etag is good once", func() devwire.HTTPResponse { return update(ctx, t, s, record, tagOf(record)) })
		for _, tag := range []string{tagOf(record), outdated} {
			t.Expect(update(ctx, t, s, record, tag).Status).To(Equal(http.StatusPreconditionFailed), "PUT with %s", tag)
			t.Expect(s.Delete(ctx, t, pathOf(record), tag).Status).To(Equal(http.StatusPreconditionFailed), "DELETE with %s", tag)
		}
		now := tagOf(read(ctx, t, s, record))
		succeeds(t, "the current etag is good", func() devwire.HTTPResponse { return s.Delete(ctx, t, pathOf(record), now) })
	},
}, {
	Requirement: "DPS-ETAG-009",
	Title:       "a PUT with If-Match on a record that does not exist is answered with 412 or 404",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		record := unwritten(t)
		for _, tag := range []string{outdated, "*"} {
			t.Expect(update(ctx, t, s, record, tag).Status).To(BeElementOf(http.StatusPreconditionFailed, http.StatusNotFound), tag)
			t.Expect(s.Get(ctx, t, pathOf(record)).Status).To(Equal(http.StatusNotFound), tag)
		}
		succeeds(t, "the same PUT without If-Match creates it", func() devwire.HTTPResponse { return update(ctx, t, s, record) })
	},
}, {
	Requirement: "DPS-ETAG-010",
	Title:       "a DELETE without If-Match is unconditional",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, record := range []harness.Members{newRecord(ctx, t, s), newGroup(ctx, t, s)} {
			t.Expect(s.Delete(ctx, t, pathOf(record)).Status).To(Equal(http.StatusNoContent))
			t.Expect(s.Get(ctx, t, pathOf(record)).Status).To(Equal(http.StatusNotFound))
		}
	},
}, {
	Requirement: "DPS-ETAG-011",
	Title:       "groups have the same rules of concurrency",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		group := newGroup(ctx, t, s)
		t.Expect(update(ctx, t, s, group).Status).To(Equal(http.StatusConflict), "PUT without If-Match")
		t.Expect(update(ctx, t, s, group, tagOf(group)).Status).To(Equal(http.StatusOK), "PUT with the etag")
		t.Expect(update(ctx, t, s, group, tagOf(group)).Status).To(Equal(http.StatusPreconditionFailed), "PUT with the outdated etag")
		t.Expect(s.Delete(ctx, t, pathOf(group), tagOf(group)).Status).To(Equal(http.StatusPreconditionFailed), "DELETE with the outdated etag")
		t.Expect(update(ctx, t, s, group, "*").Status).To(Equal(http.StatusOK), "PUT with *")
		now := tagOf(read(ctx, t, s, group))
		t.Expect(update(ctx, t, s, group, bare(now)).Status).To(Equal(http.StatusOK), "PUT with the bare etag")
		now = tagOf(read(ctx, t, s, group))
		t.Expect(s.Delete(ctx, t, pathOf(group), now).Status).To(Equal(http.StatusNoContent), "DELETE with the etag")
	},
}, {
	Requirement: "DPS-ETAG-013",
	Title:       "the etag in the body of a PUT is ignored",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		record := newRecord(ctx, t, s)
		current := tagOf(record)
		record["etag"] = outdated
		answer := update(ctx, t, s, record, current)
		t.Expect(answer.Status).To(Equal(http.StatusOK), "an outdated etag beside the current one in If-Match")
		t.Expect(tagOf(object(t, answer))).NotTo(Equal(outdated))
		t.Expect(update(ctx, t, s, record, "*").Status).To(Equal(http.StatusOK), "an outdated etag beside If-Match: *")
		t.Expect(update(ctx, t, s, read(ctx, t, s, record)).Status).To(Equal(http.StatusConflict), "the current etag without If-Match")
	},
}}
