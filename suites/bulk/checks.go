// Package bulk verifies bulk operations of the service API on enrollments and groups: what
// each mode does, how items that fail are told from those that do not, and which
// operations are refused as a whole.
package bulk

import (
	"context"
	"net/http"
	"slices"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// Checks returns the checks of the family BULK.
func Checks() []harness.Check {
	return slices.Concat(resultChecks, modeChecks, etagChecks, keyChecks, refusalChecks)
}

// collection is where a kind of record lives, and how an operation speaks of it.
type collection struct {
	path string
	list string // member of an operation that holds its items
	id   string // member of an item that names it
}

var (
	enrollments = collection{"/enrollments", "enrollments", "registrationId"}
	groups      = collection{"/enrollmentGroups", "enrollmentGroups", "enrollmentGroupId"}
	both        = []collection{enrollments, groups}
)

// record is a new item that any service takes.
func (c collection) record(t *harness.T) harness.Members {
	r := harness.SymmetricKeys(harness.Key(), harness.Key())
	r[c.id] = t.Name()
	return r
}

func (c collection) records(t *harness.T, n int) (list []harness.Members) {
	for range n {
		list = append(list, c.record(t))
	}
	return list
}

func (c collection) pathOf(item harness.Members) string {
	id, _ := item[c.id].(string)
	if c == groups {
		return devwire.GroupPath(id)
	}
	return devwire.EnrollmentPath(id)
}

// operate sends an operation.
func (c collection) operate(ctx context.Context, t *harness.T, s *harness.Service, mode string, items ...harness.Members) devwire.HTTPResponse {
	return s.Post(ctx, t, c.path, harness.Members{"mode": mode, c.list: items})
}

// stored makes a record by PUT and returns it as it was answered.
func (c collection) stored(ctx context.Context, t *harness.T, s *harness.Service) harness.Members {
	if c == groups {
		return s.EnrollGroup(ctx, t, c.record(t))
	}
	return s.Enroll(ctx, t, c.record(t))
}

// read is a record as GET shows it.
func (c collection) read(ctx context.Context, t *harness.T, s *harness.Service, item harness.Members) harness.Members {
	answer := s.Get(ctx, t, c.pathOf(item))
	t.Expect(answer.Status).To(Equal(http.StatusOK), "GET %s", c.pathOf(item))
	record, err := answer.JSON()
	t.Answered(err, "read the record")
	return record
}

// exists reports whether GET finds an item.
func (c collection) exists(ctx context.Context, t *harness.T, s *harness.Service, item harness.Members) bool {
	status := s.Get(ctx, t, c.pathOf(item)).Status
	t.Expect(status).To(BeElementOf(http.StatusOK, http.StatusNotFound), "GET %s", c.pathOf(item))
	return status == http.StatusOK
}

// result is BulkEnrollmentOperationResult.
type result struct {
	successful any
	errors     []harness.Members
}

// resultOf reads the answer to a well-formed operation, which is 200 whatever became of
// its items.
func resultOf(t *harness.T, a devwire.HTTPResponse) result {
	t.Expect(a.Status).To(Equal(http.StatusOK), "%s", a.Body)
	doc, err := a.JSON()
	t.Answered(err, "read the result")
	r := result{successful: doc["isSuccessful"]}
	list, _ := doc["errors"].([]any)
	for _, one := range list {
		item, _ := one.(harness.Members)
		r.errors = append(r.errors, item)
	}
	return r
}

// applied asserts that every item of an operation was applied.
func applied(t *harness.T, a devwire.HTTPResponse, what string) {
	r := resultOf(t, a)
	t.Expect(r.successful).To(BeTrue(), "%s: %s", what, a.Body)
	t.Expect(r.errors).To(BeEmpty(), what)
}

// failed asserts that of an operation's items exactly these failed.
func (c collection) failed(t *harness.T, a devwire.HTTPResponse, what string, items ...harness.Members) {
	r := resultOf(t, a)
	t.Expect(r.successful).To(BeFalse(), what)
	var want, got []any
	for _, item := range items {
		want = append(want, item[c.id])
	}
	for _, e := range r.errors {
		got = append(got, e[c.id])
	}
	t.Expect(got).To(ConsistOf(want...), what)
}

// with is an item with some members changed.
func with(item harness.Members, changes ...harness.Members) harness.Members {
	changed := harness.Members{}
	for _, set := range append([]harness.Members{item}, changes...) {
		for name, value := range set {
			changed[name] = value
		}
	}
	return changed
}

var disabled = harness.Members{"provisioningStatus": "disabled"}
