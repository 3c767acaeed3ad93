package serviceapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/dpslab/dpslab/internal/etag"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/problem"
)

// maxItems bounds a bulk operation (service-api.md 1.5).
const maxItems = 10

// Mode is what a bulk operation does with its items.
type Mode string

// The modes, as they are written first.
const (
	ModeCreate            Mode = "create"
	ModeUpdate            Mode = "update"
	ModeUpdateIfMatchETag Mode = "updateIfMatchETag"
	ModeDelete            Mode = "delete"
)

// Applying is passed before an item of a bulk operation is applied.
var Applying = point.Define[Item]("serviceapi.applying")

// Item is one item of a bulk operation. A Problem refuses it.
type Item struct {
	Mode    Mode
	ID      string
	ETag    string // as the item has it
	Failed  int    // items of the operation that were refused before this one
	Problem *problem.Error
}

// bulkDoc is BulkEnrollmentOperation and BulkEnrollmentGroupOperation.
type bulkDoc struct {
	Mode        string          `json:"mode"`
	Enrollments []enrollmentDoc `json:"enrollments"`
	Groups      []enrollmentDoc `json:"enrollmentGroups"`
}

// bulkResult is BulkEnrollmentOperationResult. Errors is never left out: the C client does
// not read a result without it.
type bulkResult struct {
	Successful bool        `json:"isSuccessful"`
	Errors     []itemError `json:"errors"`
}

type itemError struct {
	RegistrationID    string `json:"registrationId,omitempty"`
	EnrollmentGroupID string `json:"enrollmentGroupId,omitempty"`
	Code              int    `json:"errorCode"`
	Status            string `json:"errorStatus"`
}

// postCollection tells a bulk operation from the naive POST of one record: a record has no
// member mode and none that is called like a collection (service-api.md 8).
func (a *API) postCollection(ctx context.Context, x *exchange) (*Reply, error) {
	body, err := x.body()
	if err != nil {
		return nil, err
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil {
		members = nil // whoever reads it says what is wrong with it
	}
	_, hasMode := members["mode"]
	_, hasItems := members[x.route.itemsMember()]
	if a.o.NaiveREST && !hasMode && !hasItems { // [DPS-BULK-023]
		return a.createEnrollment(ctx, x, body)
	}
	return a.bulk(ctx, x, body)
}

// itemsMember is the member of a bulk operation that holds its items.
func (r route) itemsMember() string {
	if r.collection == groups {
		return "enrollmentGroups"
	}
	return "enrollments"
}

// bulk applies every item that can be applied and lists the others; once the request is
// well-formed the answer is 200, whatever became of the items.
func (a *API) bulk(ctx context.Context, x *exchange, body []byte) (*Reply, error) {
	x.at.Step = "bulk " + strings.TrimPrefix(x.at.Step, "post ")
	if version := x.URL.Query().Get("api-version"); version == "" {
		return nil, problem.UnsupportedAPIVersion(version)
	}
	mode, items, err := parseBulk(x.route, body)
	if err != nil {
		return nil, err
	}
	result := bulkResult{Errors: []itemError{}} // [DPS-BULK-003]
	for _, doc := range items {
		p := a.apply(ctx, x, mode, doc, len(result.Errors))
		if p == nil {
			continue
		}
		failed := itemError{Code: p.Code, Status: p.Message} // [DPS-BULK-005]
		if x.route.kind() == enrollment.Group {
			failed.EnrollmentGroupID = doc.EnrollmentGroupID
		} else {
			failed.RegistrationID = doc.RegistrationID
		}
		result.Errors = append(result.Errors, failed)
	}
	result.Successful = len(result.Errors) == 0
	return jsonReply(http.StatusOK, result) // [DPS-BULK-001] [DPS-BULK-004]
}

// parseBulk reads an operation. What it refuses changes nothing: whoever gets an error in
// place of a result must not have to find out which items were applied.
func parseBulk(r route, body []byte) (Mode, []enrollmentDoc, error) {
	var doc bulkDoc
	if err := unmarshal(body, &doc); err != nil {
		return "", nil, err
	}
	mode, known := modes[strings.ToLower(doc.Mode)] // [DPS-BULK-016]
	if !known {                                     // [DPS-BULK-019]
		return "", nil, problem.InvalidArgument("mode %q is none of create, update, updateIfMatchETag, delete.", doc.Mode)
	}
	items := doc.Enrollments
	if r.kind() == enrollment.Group {
		items = doc.Groups
	}
	if len(items) == 0 || len(items) > maxItems { // [DPS-BULK-008] [DPS-BULK-009]
		return "", nil, problem.InvalidArgument("A bulk operation takes 1 to %d %s, not %d.", maxItems, r.itemsMember(), len(items))
	}
	seen := map[string]bool{}
	for i, item := range items {
		id := item.id(r.kind())
		switch folded := enrollment.Fold(id); {
		case id == "": // its error could not be told from that of another item
			return "", nil, problem.InvalidArgument("Item %d of %s has no id.", i, r.itemsMember())
		case seen[folded]: // [DPS-BULK-010]
			return "", nil, problem.InvalidArgument("The id %q stands in the operation more than once.", id)
		default:
			seen[folded] = true
		}
	}
	return mode, items, nil
}

// modes are found in any letter case: the Node client's type has updateIfMatchEtag.
var modes = map[string]Mode{
	"create": ModeCreate, "update": ModeUpdate, "updateifmatchetag": ModeUpdateIfMatchETag, "delete": ModeDelete,
}

// apply does with one item what the mode says, and returns why it did not.
func (a *API) apply(ctx context.Context, x *exchange, mode Mode, doc enrollmentDoc, failed int) *problem.Error {
	kind := x.route.kind()
	at := x.at
	at.Registration = doc.id(kind)
	item := Item{Mode: mode, ID: at.Registration, ETag: doc.ETag, Failed: failed}
	Applying.Hit(ctx, a.o.Points, at, &item)
	if item.Problem != nil {
		return item.Problem
	}
	var err error
	if item.Mode == ModeDelete {
		err = a.o.Enrollments.Delete(ctx, kind, item.ID, "") // [DPS-BULK-017]
	} else {
		_, err = a.put(ctx, at, kind, item.ID, doc, a.itemRule(at, kind, item))
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, enrollment.ErrNotFound): // [DPS-BULK-018]
		return problem.EnrollmentNotFound()
	case !errors.As(err, new(*problem.Error)):
		a.o.Logger.ErrorContext(ctx, "bulk item failed", "service", a.o.Name, "mode", item.Mode, "id", item.ID, "error", err)
	}
	return problem.As(err)
}

// itemRule is what an item's mode demands of the stored record.
func (a *API) itemRule(at point.At, kind enrollment.Kind, item Item) rule {
	return func(ctx context.Context, before enrollment.Enrollment, exists bool) error {
		p := Precondition{Method: http.MethodPost, Mode: item.Mode, Exists: exists}
		switch {
		case item.Mode == ModeCreate:
			if exists { // [DPS-BULK-011]
				p.Problem = problem.AlreadyExists("The " + kind.String())
			}
		case !exists: // [DPS-BULK-013]
			p.Problem = problem.EnrollmentNotFound()
		case item.Mode == ModeUpdateIfMatchETag:
			var err error
			p.Condition, err = etag.Parse(item.ETag)
			if err != nil || !p.Condition.Matches(etag.ETag(before.ETag)) { // [DPS-BULK-015]
				p.Problem = problem.PreconditionFailed()
			}
		}
		return a.conditioned(ctx, at, p)
	}
}

// id is the id by which the document of that kind names itself.
func (d enrollmentDoc) id(kind enrollment.Kind) string {
	if kind == enrollment.Group {
		return d.EnrollmentGroupID
	}
	return d.RegistrationID
}
