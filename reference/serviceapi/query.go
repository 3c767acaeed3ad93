package serviceapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/internal/query"
	"github.com/dpslab/dpslab/reference/document"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/problem"
)

// itemTypes are the words of x-ms-item-type, whose case the C client compares exactly.
var itemTypes = [...]string{enrollments: "Enrollment", groups: "EnrollmentGroup", registrations: "DeviceRegistration"}

// projectionType is the word for items that are not whole records: what the SDKs call
// whatever is none of the kinds (service-api.md 1.4, inferred).
const projectionType = "Unknown"

// Asking is passed when a query was understood, before its page is made.
var Asking = point.Define[Question]("serviceapi.asking")

// Question is a query for one page.
type Question struct {
	Query query.Query
	After string // the id behind which the page begins
	Size  int    // the most items of the page
}

// everything is the query of a request without one.
const everything = "SELECT *"

// source lists records of a collection in order, beginning after an id: the id of each,
// and the document that a query sees and answers.
type source func(ctx context.Context, after string, limit int) ([]queried, error)

type queried struct {
	id  string
	doc any
}

func (a *API) queryEnrollments(ctx context.Context, x *exchange) (*Reply, error) {
	text, err := x.queryText(true)
	if err != nil {
		return nil, err
	}
	return a.page(ctx, x, text, a.enrollmentSource(x.route.kind()))
}

// listEnrollments is the naive GET: what a query for everything answers (service-api.md 8).
func (a *API) listEnrollments(ctx context.Context, x *exchange) (*Reply, error) {
	return a.page(ctx, x, everything, a.enrollmentSource(x.route.kind()))
}

func (a *API) queryRegistrations(ctx context.Context, x *exchange) (*Reply, error) {
	text, err := x.queryText(false)
	if err != nil {
		return nil, err
	}
	if _, err := a.find(ctx, enrollment.Group, x.route.id); err != nil { // [DPS-QRY-020]
		return nil, err
	}
	return a.page(ctx, x, text, func(ctx context.Context, after string, limit int) ([]queried, error) {
		records, err := a.o.Registrations.ListGroup(ctx, x.route.id, after, limit)
		var list []queried
		for _, r := range records {
			list = append(list, queried{r.RegistrationID, document.StateOf(r)})
		}
		return list, err
	})
}

func (a *API) enrollmentSource(kind enrollment.Kind) source {
	return func(ctx context.Context, after string, limit int) ([]queried, error) {
		found, err := a.o.Enrollments.List(ctx, kind, after, limit)
		if err != nil {
			return nil, err
		}
		var list []queried
		for _, e := range found {
			record, err := a.recordOf(ctx, e)
			if err != nil {
				return nil, err
			}
			list = append(list, queried{e.ID, encode(e, withoutKeys, record)})
		}
		return list, nil
	}
}

// queryText is the query that the body asks. Only registrations may be asked for without
// a body, which the Azure command line does.
func (x *exchange) queryText(required bool) (string, error) {
	body, err := x.body()
	if err != nil {
		return "", err
	}
	if len(body) == 0 && !required { // [DPS-QRY-018]
		return everything, nil
	}
	var doc struct {
		Query string `json:"query"`
	}
	if json.Unmarshal(body, &doc) != nil {
		return "", problem.InvalidArgument("The request body is not a query.")
	}
	if doc.Query == "" { // [DPS-QRY-015]
		return "", problem.InvalidArgument("A query is required.")
	}
	return doc.Query, nil
}

// page answers one page of a query: a bare array, what its items are, and where to go on.
func (a *API) page(ctx context.Context, x *exchange, text string, from source) (*Reply, error) {
	q, err := query.Parse(text)
	if err != nil { // [DPS-QRY-014]
		return nil, problem.InvalidArgument("The query is not valid: %v.", err)
	}
	size, err := query.PageSize(x.Header.Get("x-ms-max-item-count"))
	if err != nil { // [DPS-QRY-016]
		return nil, problem.InvalidArgument("%v.", err)
	}
	collection := itemTypes[x.route.collection] + "/" + x.route.id
	begin, err := query.DecodeContinuation(x.Header.Get("x-ms-continuation"), text, collection)
	if err != nil { // [DPS-QRY-007] [DPS-QRY-008]
		return nil, problem.InvalidArgument("%v.", err)
	}
	question := Question{q, begin.After, size}
	Asking.Hit(ctx, a.o.Points, x.at, &question)
	items, next, err := collect(ctx, question.Query, from, question.After, question.Size)
	if err != nil {
		return nil, err
	}
	reply, err := jsonReply(http.StatusOK, items)
	itemType := itemTypes[x.route.collection] // [DPS-QRY-002]
	if q.Projects() {
		itemType = projectionType // [DPS-QRY-022]
	}
	reply.Header.Set("x-ms-item-type", itemType)
	reply.Header.Set("x-ms-max-item-count", strconv.Itoa(size))
	if next != "" { // [DPS-QRY-003]
		reply.Header.Set("x-ms-continuation", query.EncodeContinuation(query.Token{After: next}, text, collection))
	}
	return reply, err
}

// collect gathers up to size matching documents. next is the id behind which the rest
// begins; it is empty when the source has nothing more.
func collect(ctx context.Context, q query.Query, from source, after string, size int) (items []any, next string, err error) {
	items = []any{} // [DPS-QRY-001] an empty page is [], not null
	for {
		// One more than fits tells whether this page is the last.
		want := size - len(items) + 1
		list, err := from(ctx, after, want)
		if err != nil {
			return nil, "", err
		}
		for _, one := range list {
			item, matches, err := selected(q, one.doc)
			if err != nil {
				return nil, "", err
			}
			if matches && len(items) == size {
				return items, after, nil
			}
			if matches {
				items = append(items, item)
			}
			after = one.id
		}
		if len(list) < want {
			return items, "", nil
		}
	}
}

// selected shows the query a document as its JSON members, and returns what the query
// takes of it.
func selected(q query.Query, doc any) (item any, matches bool, err error) {
	if q.All() && !q.Projects() {
		return doc, true, nil
	}
	b, err := json.Marshal(doc)
	if err != nil {
		return nil, false, err
	}
	var members map[string]any
	if err := json.Unmarshal(b, &members); err != nil {
		return nil, false, err
	}
	if q.Projects() {
		return q.Project(members), q.Matches(members), nil
	}
	return doc, q.Matches(members), nil
}
