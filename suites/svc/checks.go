// Package svc verifies the service API as operators' tools use it: the records of
// enrollments and groups and what is written in them, keys and certificates, registrations,
// error documents, and the naive REST extension. Concurrency is suites/etag, queries are
// suites/qry.
package svc

import (
	"context"
	"maps"
	"slices"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
)

// Checks returns the checks of the family SVC.
func Checks() []harness.Check {
	return slices.Concat(recordChecks, pathChecks, answerChecks, keyChecks, memberChecks, dateChecks, refusalChecks, idChecks,
		certificateChecks, slotChecks, policyChecks, attestationChecks, registrationChecks, naiveChecks)
}

// object is the record of an answer.
func object(t *harness.T, a devwire.HTTPResponse) harness.Members {
	record, err := a.JSON()
	t.Answered(err, "read the record")
	return record
}

// with is a record with some members changed.
func with(record harness.Members, changes ...harness.Members) harness.Members {
	changed := maps.Clone(record)
	for _, c := range changes {
		maps.Copy(changed, c)
	}
	return changed
}

// without is a record that lacks some members.
func without(record harness.Members, names ...string) harness.Members {
	rest := maps.Clone(record)
	for _, name := range names {
		delete(rest, name)
	}
	return rest
}

// newEnrollment and newGroup are records that any service takes.
func newEnrollment(t *harness.T) harness.Members {
	return with(harness.SymmetricKeys(harness.Key(), harness.Key()), harness.Members{"registrationId": t.Name()})
}

func newGroup(t *harness.T) harness.Members {
	return with(harness.SymmetricKeys(harness.Key(), harness.Key()), harness.Members{"enrollmentGroupId": t.Name()})
}

// pathOf is where a record of either kind lives.
func pathOf(record harness.Members) string {
	if id, ok := record["registrationId"].(string); ok {
		return devwire.EnrollmentPath(id)
	}
	id, _ := record["enrollmentGroupId"].(string)
	return devwire.GroupPath(id)
}

// put writes a record where it lives.
func put(ctx context.Context, t *harness.T, s *harness.Service, record harness.Members, etag ...string) devwire.HTTPResponse {
	return s.Put(ctx, t, pathOf(record), record, etag...)
}

// inside is a member of a record at a path of names, nil when there is none.
func inside(record harness.Members, names ...string) any {
	var v any = record
	for _, name := range names {
		m, _ := v.(harness.Members)
		v = m[name]
	}
	return v
}

// etagOf is the tag of a record, as If-Match takes it.
func etagOf(record harness.Members) string {
	tag, _ := record["etag"].(string)
	return tag
}
