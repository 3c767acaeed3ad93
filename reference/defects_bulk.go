package reference

import (
	"bytes"
	"net/http"
	"regexp"
	"strings"

	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/problem"
	"github.com/dpslab/dpslab/reference/serviceapi"
)

// onItem changes what is done with the items of bulk operations.
func onItem(change func(*serviceapi.Item)) func(point.Args) ([]point.Plan, error) {
	return point.Always(serviceapi.Applying.Plan(func(_ point.Call, i *serviceapi.Item) { change(i) }))
}

// onBulkRule changes the outcome of what a mode demands of the stored record.
func onBulkRule(change func(*serviceapi.Precondition)) func(point.Args) ([]point.Plan, error) {
	return onCondition(func(p *serviceapi.Precondition) {
		if p.Mode != "" {
			change(p)
		}
	})
}

// onResult changes results of bulk operations, and itemErrors the errors in them.
func onResult(change func(object)) func(point.Args) ([]point.Plan, error) {
	return onRecord("bulk", change)
}

func itemErrors(change func(object)) func(point.Args) ([]point.Plan, error) {
	return onResult(func(d object) {
		list, _ := d["errors"].([]any)
		for _, one := range list {
			if e, ok := one.(map[string]any); ok {
				change(e)
			}
		}
	})
}

// turnBack refuses bulk operations that the test holds for, once they are done.
func turnBack(status int, test func(*serviceapi.Reply) bool) func(point.Args) ([]point.Plan, error) {
	return onService("bulk", func(r *serviceapi.Reply) {
		if test(r) {
			r.Status, r.Body = status, refused(status*1000)
		}
	})
}

// strictModes are the modes as service.json writes them.
var strictModes = regexp.MustCompile(`"mode":"(create|update|updateIfMatchETag|delete)"`)

// bulkDefects are wrong bulk operations.
var bulkDefects = point.Catalogue{{
	ID: "bulk-unknown", Summary: "knows no bulk operations",
	Catches: []string{"DPS-BULK-001", "DPS-BULK-002", "DPS-BULK-007", "DPS-BULK-023"},
	Build:   turnBack(http.StatusMethodNotAllowed, func(*serviceapi.Reply) bool { return true }),
}, {
	ID: "bulk-of-groups-unknown", Summary: "knows no bulk operations on groups",
	Catches: []string{"DPS-BULK-002"},
	Build:   turnBack(http.StatusMethodNotAllowed, func(r *serviceapi.Reply) bool { return bytes.Contains(r.Received, []byte(`"enrollmentGroups"`)) }),
}, {
	ID: "bulk-applies-nothing", Summary: "answers that every item of a bulk operation was applied, and applies none",
	Catches: []string{"DPS-BULK-001", "DPS-BULK-002", "DPS-BULK-014", "DPS-BULK-017", "DPS-BULK-022"},
	Build: both(
		onItem(func(i *serviceapi.Item) { i.Problem = problem.PreconditionFailed() }),
		onResult(func(d object) { d["isSuccessful"], d["errors"] = true, []any{} }),
	),
}, {
	ID: "bulk-no-errors", Summary: "leaves errors out of results when no item failed",
	Catches: []string{"DPS-BULK-003"},
	Build: onResult(func(d object) {
		if list, _ := d["errors"].([]any); len(list) == 0 {
			delete(d, "errors")
		}
	}),
}, {
	ID: "bulk-multi-status", Summary: "answers a bulk operation with failed items with 207",
	Catches: []string{"DPS-BULK-004", "DPS-BULK-005"},
	Build: onService("bulk", func(r *serviceapi.Reply) {
		if bytes.Contains(r.Body, []byte(`"isSuccessful":false`)) {
			r.Status = http.StatusMultiStatus
		}
	}),
}, {
	ID: "bulk-failure-hidden", Summary: "sends isSuccessful true when items failed",
	Catches: []string{"DPS-BULK-004", "DPS-BULK-011", "DPS-BULK-013", "DPS-BULK-015", "DPS-BULK-018"},
	Build:   onResult(func(d object) { d["isSuccessful"] = true }),
}, {
	ID: "bulk-stops", Summary: "goes no further in a bulk operation than the first failed item",
	Catches: []string{"DPS-BULK-004", "DPS-BULK-013", "DPS-BULK-015", "DPS-BULK-018"},
	Build: onItem(func(i *serviceapi.Item) {
		if i.Failed > 0 {
			i.Problem = problem.PreconditionFailed()
		}
	}),
}, {
	ID: "bulk-item-unnamed", Summary: "does not say which item of a bulk operation failed",
	Catches: []string{"DPS-BULK-004", "DPS-BULK-005"},
	Build: itemErrors(func(e object) {
		delete(e, "registrationId")
		delete(e, "enrollmentGroupId")
	}),
}, {
	ID: "bulk-item-without-status", Summary: "leaves errorStatus out of the errors of items",
	Catches: []string{"DPS-BULK-005"},
	Build:   itemErrors(func(e object) { delete(e, "errorStatus") }),
}, {
	ID: "bulk-item-code-of-another-class", Summary: "gives every failed item the errorCode 400004",
	Catches: []string{"DPS-BULK-006"},
	Build:   itemErrors(func(e object) { e["errorCode"] = 400004 }),
}, {
	ID: "bulk-of-nine", Summary: "takes bulk operations of 9 items at most",
	Catches: []string{"DPS-BULK-007"},
	Build:   turnBack(http.StatusBadRequest, func(r *serviceapi.Reply) bool { return bytes.Count(r.Received, []byte(`"attestation"`)) > 9 }),
}, {
	ID: "bulk-malformed-taken", Summary: "answers bulk operations that it cannot take with 200",
	Catches: []string{"DPS-BULK-008", "DPS-BULK-009", "DPS-BULK-010", "DPS-BULK-019"},
	Build: onService("bulk", func(r *serviceapi.Reply) {
		if r.Status == http.StatusBadRequest {
			r.Status, r.Body = http.StatusOK, []byte(`{"isSuccessful":true,"errors":[]}`)
		}
	}),
}, {
	ID: "bulk-create-overwrites", Summary: "lets the mode create replace records",
	Catches: []string{"DPS-BULK-011", "DPS-BULK-006"},
	Build: onBulkRule(func(p *serviceapi.Precondition) {
		if p.Mode == serviceapi.ModeCreate {
			p.Problem = nil
		}
	}),
}, {
	ID: "bulk-update-wants-etag", Summary: "holds the etags of items against their records in the mode update",
	Catches: []string{"DPS-BULK-012"},
	Build: onItem(func(i *serviceapi.Item) {
		if i.Mode == serviceapi.ModeUpdate {
			i.Mode = serviceapi.ModeUpdateIfMatchETag
		}
	}),
}, {
	ID: "bulk-update-creates", Summary: "lets the modes that update create records",
	Catches: []string{"DPS-BULK-013", "DPS-BULK-005"},
	Build: onBulkRule(func(p *serviceapi.Precondition) {
		if !p.Exists {
			p.Problem = nil
		}
	}),
}, {
	ID: "bulk-etag-refused", Summary: "fails every item of the mode updateIfMatchETag",
	Catches: []string{"DPS-BULK-014", "DPS-BULK-016"},
	Build: onBulkRule(func(p *serviceapi.Precondition) {
		if p.Mode == serviceapi.ModeUpdateIfMatchETag {
			p.Problem = problem.PreconditionFailed()
		}
	}),
}, {
	ID: "bulk-etag-ignored", Summary: "ignores the etags of items in the mode updateIfMatchETag",
	Catches: []string{"DPS-BULK-015"},
	Build: onItem(func(i *serviceapi.Item) {
		if i.Mode == serviceapi.ModeUpdateIfMatchETag {
			i.Mode = serviceapi.ModeUpdate
		}
	}),
}, {
	ID: "bulk-mode-case-sensitive", Summary: "knows the modes of bulk operations in one spelling alone",
	Catches: []string{"DPS-BULK-016"},
	Build:   turnBack(http.StatusBadRequest, func(r *serviceapi.Reply) bool { return !strictModes.Match(r.Received) }),
}, {
	ID: "bulk-delete-wants-etag", Summary: "fails items of the mode delete that have an outdated etag",
	Catches: []string{"DPS-BULK-017"},
	Build: onItem(func(i *serviceapi.Item) {
		if i.Mode == serviceapi.ModeDelete && strings.HasPrefix(i.ETag, `"00000000-0000`) {
			i.Problem = problem.PreconditionFailed()
		}
	}),
}, {
	ID: "bulk-slash-redirected", Summary: "redirects bulk operations at a path that ends in a slash",
	Catches: []string{"DPS-BULK-020"},
	Build:   turnBack(http.StatusPermanentRedirect, func(r *serviceapi.Reply) bool { return strings.HasSuffix(r.Request.URL.Path, "/") }),
}}
