// Package qry verifies queries of the service API: what an answer is, how a client goes
// from page to page, which texts are understood, and which registrations belong to a group.
package qry

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// Checks returns the checks of the family QRY.
func Checks() []harness.Check {
	return slices.Concat(answerChecks, pageChecks, textChecks, conditionChecks, refusalChecks, registrationChecks)
}

// What can be asked. The collection of registrations is that of a group.
const (
	enrollments = "/enrollments"
	groups      = "/enrollmentGroups"
)

// question is a query for one page.
type question struct {
	collection   string
	text         string
	size         int    // 0 sends no x-ms-max-item-count
	continuation string // "" sends none
}

func ask(ctx context.Context, t *harness.T, s *harness.Service, q question) devwire.HTTPResponse {
	header := http.Header{}
	if q.size != 0 {
		header.Set("x-ms-max-item-count", strconv.Itoa(q.size))
	}
	if q.continuation != "" {
		header.Set("x-ms-continuation", q.continuation)
	}
	return s.Do(ctx, t, devwire.ServiceRequest{
		Method: http.MethodPost, Path: q.collection + "/query", Header: header, Body: harness.Members{"query": q.text},
	})
}

// itemsOf are the records of a page.
func itemsOf(t *harness.T, page devwire.HTTPResponse) []harness.Members {
	items, err := page.List()
	t.Answered(err, "read the page")
	return items
}

// mostPages bounds how long a client follows x-ms-continuation.
const mostPages = 1000

// pages follows a query to its end, as the SDKs do, and returns every page.
func pages(ctx context.Context, t *harness.T, s *harness.Service, q question) []devwire.HTTPResponse {
	var list []devwire.HTTPResponse
	for range mostPages {
		page := ask(ctx, t, s, q)
		t.Expect(page.Status).To(Equal(http.StatusOK), "page %d of %q", len(list)+1, q.text)
		list = append(list, page)
		if q.continuation = page.Header.Get("x-ms-continuation"); q.continuation == "" {
			return list
		}
	}
	t.Expect(len(list)).To(BeNumerically("<", mostPages), "pages")
	return list
}

// selected are the ids that a query returns, of all its pages.
func selected(ctx context.Context, t *harness.T, s *harness.Service, collection, text string) []any {
	var ids []any
	for _, page := range pages(ctx, t, s, question{collection: collection, text: text}) {
		ids = append(ids, idsOf(itemsOf(t, page))...)
	}
	return ids
}

func idsOf(items []harness.Members) []any {
	var ids []any
	for _, item := range items {
		id, ok := item["registrationId"]
		if !ok {
			id = item["enrollmentGroupId"]
		}
		ids = append(ids, id)
	}
	return ids
}

// enroll makes n enrollments and returns their ids.
func enroll(ctx context.Context, t *harness.T, s *harness.Service, n int) []any {
	var ids []any
	for range n {
		ids = append(ids, s.Enroll(ctx, t, keys())["registrationId"])
	}
	return ids
}

func keys() harness.Members { return harness.SymmetricKeys(harness.Key(), harness.Key()) }

// enrollGroup makes a group without devices.
func enrollGroup(ctx context.Context, t *harness.T, s *harness.Service) (id string) {
	id, _ = s.EnrollGroup(ctx, t, keys())["enrollmentGroupId"].(string)
	return id
}
