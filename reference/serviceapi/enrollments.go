package serviceapi

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"

	"github.com/dpslab/dpslab/internal/etag"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/problem"
	"github.com/dpslab/dpslab/reference/registration"
)

// Conditioned is passed when a write's If-Match was held against what is stored.
var Conditioned = point.Define[Precondition]("serviceapi.conditioned")

// Precondition is a write, its condition and the outcome: nil lets the write through.
type Precondition struct {
	Method    string
	Mode      Mode // of the bulk operation that the write belongs to, or ""
	Condition etag.Condition
	Exists    bool
	Problem   *problem.Error
}

// Storing is passed before an enrollment is written.
var Storing = point.Define[enrollment.Enrollment]("serviceapi.storing")

func (a *API) getEnrollment(ctx context.Context, x *exchange) (*Reply, error) {
	e, err := a.find(ctx, x.route.kind(), x.route.id)
	if err != nil {
		return nil, err
	}
	record, err := a.recordOf(ctx, e)
	if err != nil {
		return nil, err
	}
	return jsonReply(http.StatusOK, encode(e, withoutKeys, record))
}

func (a *API) attestationMechanism(ctx context.Context, x *exchange) (*Reply, error) {
	e, err := a.find(ctx, x.route.kind(), x.route.id)
	if err != nil {
		return nil, err
	}
	return jsonReply(http.StatusOK, encodeAttestation(e.Attestation, withKeys))
}

// putEnrollment creates without If-Match and replaces with it; both answer 200.
func (a *API) putEnrollment(ctx context.Context, x *exchange) (*Reply, error) {
	condition, err := etag.ParseIfMatch(x.Header)
	if err != nil {
		return nil, problem.InvalidArgument("ETag is invalid.")
	}
	doc, err := x.record()
	if err != nil {
		return nil, err
	}
	e, err := a.put(ctx, x.at, x.route.kind(), x.route.id, doc, a.precondition(x, condition))
	if err != nil {
		return nil, err
	}
	record, err := a.recordOf(ctx, e)
	if err != nil {
		return nil, err
	}
	return jsonReply(http.StatusOK, encode(e, withKeys, record)) // [DPS-SVC-001] [DPS-SVC-018]
}

// rule judges a write by the record that it would replace, if there is one.
type rule func(ctx context.Context, before enrollment.Enrollment, exists bool) error

// put stores the document under the rule. The record is compared and swapped, so of two
// writers with the same ETag one gets 412; an unconditional write tries again.
func (a *API) put(ctx context.Context, at point.At, kind enrollment.Kind, id string, doc enrollmentDoc, allowed rule) (enrollment.Enrollment, error) {
	for {
		before, err := a.o.Enrollments.Get(ctx, kind, id)
		exists := err == nil
		if err != nil && !errors.Is(err, enrollment.ErrNotFound) {
			return before, err
		}
		if err := allowed(ctx, before, exists); err != nil {
			return before, err
		}
		var was *enrollment.Enrollment
		if exists {
			was = &before
		}
		e, err := decode(doc, kind, id, was)
		if err != nil {
			return e, err
		}
		if err := e.Validate(a.o.Linked); err != nil {
			return e, err
		}
		e.Updated = a.o.Now()
		e.Created = e.Updated
		e.ETag = string(etag.New(rand.Reader, e.Updated)) // [DPS-ETAG-002]
		if exists {
			e.ID, e.Created = before.ID, before.Created
		}
		Storing.Hit(ctx, a.o.Points, at, &e)
		if exists {
			err = a.o.Enrollments.Replace(ctx, e, before.ETag)
		} else {
			err = a.o.Enrollments.Create(ctx, e)
		}
		changed := errors.Is(err, enrollment.ErrChanged) || errors.Is(err, enrollment.ErrExists) || errors.Is(err, enrollment.ErrNotFound)
		if !changed {
			return e, err
		}
	}
}

// precondition holds a PUT's condition against the stored record (service-api.md 1.3).
func (a *API) precondition(x *exchange, c etag.Condition) rule {
	return func(ctx context.Context, before enrollment.Enrollment, exists bool) error {
		p := Precondition{Method: x.Method, Condition: c, Exists: exists}
		switch {
		case exists && !c.Given(): // [DPS-ETAG-003]
			p.Problem = problem.AlreadyExists("The " + x.route.kind().String())
		case c.Given() && !exists:
			p.Problem = problem.PreconditionFailed()
		case exists && !c.Matches(etag.ETag(before.ETag)): // [DPS-ETAG-005]
			p.Problem = problem.PreconditionFailed()
		}
		return a.conditioned(ctx, x.at, p)
	}
}

func (a *API) conditioned(ctx context.Context, at point.At, p Precondition) error {
	Conditioned.Hit(ctx, a.o.Points, at, &p)
	if p.Problem != nil {
		return p.Problem
	}
	return nil
}

func (a *API) deleteEnrollment(ctx context.Context, x *exchange) (*Reply, error) {
	condition, err := etag.ParseIfMatch(x.Header)
	if err != nil {
		return nil, problem.InvalidArgument("ETag is invalid.")
	}
	for {
		e, err := a.find(ctx, x.route.kind(), x.route.id)
		if err != nil {
			return nil, err
		}
		if err := a.deletable(ctx, x, condition, e.ETag); err != nil {
			return nil, err
		}
		err = a.o.Enrollments.Delete(ctx, e.Kind, e.ID, e.ETag)
		if errors.Is(err, enrollment.ErrChanged) {
			continue
		}
		return noContent(), err // [DPS-SVC-003]
	}
}

// deletable holds a DELETE's condition against the stored tag; without one it is unconditional.
func (a *API) deletable(ctx context.Context, x *exchange, c etag.Condition, tag string) error {
	p := Precondition{Method: x.Method, Condition: c, Exists: true}
	if !c.Matches(etag.ETag(tag)) {
		p.Problem = problem.PreconditionFailed()
	}
	return a.conditioned(ctx, x.at, p)
}

// createEnrollment is the naive POST: one enrollment, create only (service-api.md 8).
func (a *API) createEnrollment(ctx context.Context, x *exchange, body []byte) (*Reply, error) {
	doc, err := parse(body)
	if err != nil {
		return nil, err
	}
	id := doc.id(x.route.kind())
	if id == "" {
		return nil, problem.InvalidArgument("The body names no enrollment: it needs registrationId or enrollmentGroupId.")
	}
	e, err := a.put(ctx, x.at, x.route.kind(), id, doc, a.precondition(x, etag.Condition{}))
	if err != nil {
		return nil, err
	}
	reply, err := jsonReply(http.StatusCreated, encode(e, withKeys, nil))
	reply.Header.Set("Location", x.route.itemPath(e.ID))
	return reply, err
}

// record reads the enrollment that the request carries, without judging it.
func (x *exchange) record() (enrollmentDoc, error) {
	body, err := x.body()
	if err != nil {
		return enrollmentDoc{}, err
	}
	return parse(body)
}

func (r route) itemPath(id string) string {
	return [...]string{"/enrollments/", "/enrollmentGroups/", "/registrations/"}[r.collection] + url.PathEscape(id)
}

func (a *API) find(ctx context.Context, kind enrollment.Kind, id string) (enrollment.Enrollment, error) {
	e, err := a.o.Enrollments.Get(ctx, kind, id)
	if errors.Is(err, enrollment.ErrNotFound) {
		return e, problem.EnrollmentNotFound()
	}
	return e, err
}

// recordOf is the registration of an individual enrollment's device, or nil before its
// first registration.
func (a *API) recordOf(ctx context.Context, e enrollment.Enrollment) (*registration.Record, error) {
	if e.Kind == enrollment.Group {
		return nil, nil
	}
	r, err := a.o.Registrations.Get(ctx, e.ID)
	if errors.Is(err, registration.ErrNotFound) {
		return nil, nil
	}
	return &r, err
}

func noContent() *Reply { return &Reply{Status: http.StatusNoContent, Header: http.Header{}} }
