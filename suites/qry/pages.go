package qry

import (
	"context"
	"math"
	"net/http"
	"strconv"

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

// onPagesOfOne are the ids of a collection, read one by one, and how many pages held one.
func onPagesOfOne(ctx context.Context, t *harness.T, s *harness.Service, collection string) (ids []any, filled int) {
	for _, page := range pages(ctx, t, s, question{collection: collection, text: "SELECT *", size: 1}) {
		items := itemsOf(t, page)
		t.Expect(len(items)).To(BeNumerically("<=", 1), "items of a page")
		ids, filled = append(ids, idsOf(items)...), filled+len(items)
	}
	return ids, filled
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
	Requirement: "DPS-QRY-005",
	Title:       "three groups, or registrations of a group, on pages of one are each seen exactly once",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		var ids []any
		for range 3 {
			ids = append(ids, enrollGroup(ctx, t, s))
		}
		every, _ := onPagesOfOne(ctx, t, s, groups)
		for _, id := range ids {
			t.Expect(count(every, id)).To(Equal(1), "%s among %d groups", id, len(every))
		}
		group := s.SymmetricKeyGroup(ctx, t)
		ids = nil
		for range 3 {
			device := group.Device(t)
			device.Assigned(ctx, t)
			ids = append(ids, device.RegistrationID)
		}
		every, filled := onPagesOfOne(ctx, t, s, devwire.RegistrationPath(group.ID))
		t.Expect(every).To(ConsistOf(ids...))
		t.Expect(filled).To(Equal(3), "pages with an item")
	},
}, {
	Requirement: "DPS-QRY-006",
	Title:       "a continuation is printable ASCII",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		_, page := paged(ctx, t, env.Service(ctx, t))
		t.Expect(page.Header.Get("x-ms-continuation")).To(MatchRegexp(`^[\x20-\x7e]+$`))
	},
}, {
	Requirement: "DPS-QRY-023",
	Title:       "an x-ms-max-item-count beyond every page is answered with a page",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		id := enroll(ctx, t, s, 1)[0]
		for _, size := range []int{10000, math.MaxInt32} {
			page := ask(ctx, t, s, question{collection: enrollments, text: "SELECT *", size: size})
			t.Expect(page.Status).To(Equal(http.StatusOK), "%d", size)
			t.Expect(itemsOf(t, page)).NotTo(BeEmpty(), "%d", size)
		}
		var got []any
		for _, page := range pages(ctx, t, s, question{collection: enrollments, text: "SELECT *", size: math.MaxInt32}) {
			got = append(got, idsOf(itemsOf(t, page))...)
		}
		t.Expect(got).To(ContainElement(id))
	},
}, {
	Requirement: "DPS-QRY-024",
	Title:       "x-ms-max-item-count stands in the answer too",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		enroll(ctx, t, s, 1)
		page := ask(ctx, t, s, question{collection: enrollments, text: "SELECT *", size: pageOfThem})
		t.Expect(page.Header.Values("x-ms-max-item-count")).To(Equal([]string{strconv.Itoa(pageOfThem)}))
		unasked := ask(ctx, t, s, question{collection: enrollments, text: "SELECT *"})
		t.Expect(unasked.Header.Get("x-ms-max-item-count")).To(MatchRegexp(`^[1-9][0-9]*$`), "where none was asked")
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
