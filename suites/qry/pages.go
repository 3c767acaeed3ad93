package qry

import (
	"context"
	"net/http"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

const (
	someRecords = 5
	pageOfThem  = 2
)

// paged asks for a page that is not the last, and returns it with its question.
func paged(ctx context.Context, t *harness.T, s *harness.Service) (question, devwire.HTTPResponse) {
	enroll(ctx, t, s, someRecords)
	q := question{collection: enrollments, text: "SELECT * FROM enrollments", size: pageOfThem}
	page := ask(ctx, t, s, q)
	t.Given("there are more pages", func() {
		t.Expect(page.Status).To(BeNumerically("<", 300))
		t.Expect(page.Header.Get("x-ms-continuation")).NotTo(BeEmpty())
	})
	return q, page
}

// pageChecks are about going from page to page.
var pageChecks = []harness.Check{{
	Requirement: "DPS-QRY-003",
	Title:       "x-ms-continuation is left out on the last page",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		q, _ := paged(ctx, t, s)
		list := pages(ctx, t, s, q)
		// Node takes an empty header for another page.
		t.Expect(list[len(list)-1].Header).NotTo(HaveKey("X-Ms-Continuation"))
	},
}, {
	Requirement: "DPS-QRY-003",
	Title:       "x-ms-continuation is left out when there is one page",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		page := ask(ctx, t, s, question{collection: devwire.RegistrationPath(enrollGroup(ctx, t, s)), text: "*", size: pageOfThem})
		t.Expect(page.Status).To(Equal(http.StatusOK))
		t.Expect(page.Header).NotTo(HaveKey("X-Ms-Continuation"))
	},
}, {
	Requirement: "DPS-QRY-004",
	Title:       "a page has no more items than x-ms-max-item-count asks for",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		enroll(ctx, t, s, someRecords)
		for _, size := range []int{1, pageOfThem} {
			for _, page := range pages(ctx, t, s, question{collection: enrollments, text: "*", size: size}) {
				t.Expect(len(itemsOf(t, page))).To(BeNumerically("<=", size))
			}
		}
	},
}, {
	Requirement: "DPS-QRY-005",
	Title:       "a client that follows x-ms-continuation sees every record exactly once",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		want := enroll(ctx, t, s, someRecords)
		var got []any
		for _, page := range pages(ctx, t, s, question{collection: enrollments, text: "SELECT *", size: pageOfThem}) {
			got = append(got, idsOf(itemsOf(t, page))...)
		}
		for _, id := range want {
			t.Expect(count(got, id)).To(Equal(1), "%s among %d records", id, len(got))
		}
	},
}, {
	Requirement: "DPS-QRY-006",
	Title:       "a continuation is printable ASCII",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		_, page := paged(ctx, t, env.Service(ctx, t))
		t.Expect(page.Header.Get("x-ms-continuation")).To(MatchRegexp(`^[\x20-\x7e]+$`))
	},
}, {
	Requirement: "DPS-QRY-007",
	Title:       "an invalid continuation is answered with 400",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		q, page := paged(ctx, t, s)
		good := page.Header.Get("x-ms-continuation")
		t.Given("the continuation is good as it is", func() {
			q.continuation = good
			t.Expect(ask(ctx, t, s, q).Status).To(BeNumerically("<", 300))
		})
		for _, bad := range []string{"nonsense", "bm9uc2Vuc2U=", "~" + good, good[:len(good)/2]} {
			q.continuation = bad
			t.Expect(ask(ctx, t, s, q).Status).To(Equal(http.StatusBadRequest), bad)
		}
	},
}, {
	Requirement: "DPS-QRY-008",
	Title:       "a continuation of another query is answered with 400",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		q, page := paged(ctx, t, s)
		q.continuation = page.Header.Get("x-ms-continuation")
		t.Given("the continuation is good for its query", func() { t.Expect(ask(ctx, t, s, q).Status).To(BeNumerically("<", 300)) })
		other := q
		other.text = "SELECT * FROM enrollments WHERE provisioningStatus = 'enabled'"
		t.Expect(ask(ctx, t, s, other).Status).To(Equal(http.StatusBadRequest), "another text")
		other = q
		other.collection = groups
		t.Expect(ask(ctx, t, s, other).Status).To(Equal(http.StatusBadRequest), "another collection")
	},
}}

func count(list []any, id any) int {
	n := 0
	for _, one := range list {
		if one == id {
			n++
		}
	}
	return n
}
