// Package etag verifies optimistic concurrency at the service API: what an etag looks
// like, when it changes, every spelling of If-Match that clients send, and that of several
// writers who read the same one gets through.
package etag

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// Checks returns the checks of the family ETAG.
func Checks() []harness.Check {
	return slices.Concat(shapeChecks, conditionChecks, spellingChecks, registrationChecks, outcomeChecks)
}

// outdated is a tag that no record carries.
const outdated = `"00000000-0000-0000-0000-000000000000"`

// newRecord makes an enrollment with symmetric keys.
func newRecord(ctx context.Context, t *harness.T, s *harness.Service) harness.Members {
	return s.Enroll(ctx, t, harness.SymmetricKeys(harness.Key(), harness.Key()))
}

// newGroup makes an enrollment group with symmetric keys.
func newGroup(ctx context.Context, t *harness.T, s *harness.Service) harness.Members {
	return s.EnrollGroup(ctx, t, harness.SymmetricKeys(harness.Key(), harness.Key()))
}

// unwritten is an enrollment that nobody has made.
func unwritten(t *harness.T) harness.Members {
	record := maps.Clone(harness.SymmetricKeys(harness.Key(), harness.Key()))
	record["registrationId"] = t.Name()
	return record
}

// pathOf is where a record of either kind lives.
func pathOf(record harness.Members) string {
	if id, ok := record["registrationId"].(string); ok {
		return devwire.EnrollmentPath(id)
	}
	id, _ := record["enrollmentGroupId"].(string)
	return devwire.GroupPath(id)
}

// tagOf is the etag of a record as JSON has it, quotes included.
func tagOf(record harness.Members) string {
	tag, _ := record["etag"].(string)
	return tag
}

// bare is a tag without its quotes.
func bare(tag string) string { return strings.Trim(tag, `"`) }

// update writes a record back with a change, under a condition where there is one.
func update(ctx context.Context, t *harness.T, s *harness.Service, record harness.Members, ifMatch ...string) devwire.HTTPResponse {
	changed := maps.Clone(record)
	changed["deviceId"] = t.Name()
	if record["registrationId"] == nil {
		delete(changed, "deviceId")
		changed["initialTwin"] = harness.Members{"tags": harness.Members{"written": t.Name()}}
	}
	return s.Put(ctx, t, pathOf(record), changed, ifMatch...)
}

// object is the record of an answer.
func object(t *harness.T, a devwire.HTTPResponse) harness.Members {
	record, err := a.JSON()
	t.Answered(err, "read the record")
	return record
}

// read is what GET shows of a record.
func read(ctx context.Context, t *harness.T, s *harness.Service, record harness.Members) harness.Members {
	return object(t, s.Get(ctx, t, pathOf(record)))
}

// succeeds is the positive twin of a refusal.
func succeeds(t *harness.T, what string, try func() devwire.HTTPResponse) {
	t.Given(what, func() {
		answer := try()
		t.Expect(answer.Status).To(BeNumerically("<", 300), "%s", answer.Body)
	})
}
