package reference

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"

	"github.com/dpslab/dpslab/internal/etag"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/problem"
	"github.com/dpslab/dpslab/reference/serviceapi"
)

// onCondition changes the outcome of an If-Match.
func onCondition(change func(*serviceapi.Precondition)) func(point.Args) ([]point.Plan, error) {
	return point.Always(serviceapi.Conditioned.Plan(func(_ point.Call, p *serviceapi.Precondition) { change(p) }))
}

// turnedDown refuses writes whose If-Match text the test holds for.
func turnedDown(test func(ifMatch string) bool) func(point.Args) ([]point.Plan, error) {
	return turnAway(http.StatusPreconditionFailed, func(r *http.Request) bool {
		return test(r.Header.Get("If-Match"))
	})
}

// conditionDefects are wrong optimistic concurrency.
var conditionDefects = point.Catalogue{{
	ID: "etag-unquoted", Summary: "writes etags without their quotes",
	Catches: []string{"DPS-ETAG-001"},
	Build: onRecord("", func(d object) {
		if tag, ok := d["etag"].(string); ok {
			d["etag"] = strings.Trim(tag, `"`)
		}
	}),
}, {
	ID: "etag-constant", Summary: "keeps the etag through writes",
	Catches: []string{"DPS-ETAG-002"},
	Build: onStored(func(e *enrollment.Enrollment) {
		e.ETag = "00000000-0000-0000-0000-000000000000"
	}),
}, {
	ID: "put-overwrites", Summary: "lets a PUT without If-Match replace a record",
	Catches: []string{"DPS-ETAG-003", "DPS-ETAG-011"},
	Build: onCondition(func(p *serviceapi.Precondition) {
		if p.Exists && !p.Condition.Given() {
			p.Problem = nil
		}
	}),
}, {
	ID: "if-match-star-refused", Summary: "refuses If-Match: *",
	Catches: []string{"DPS-ETAG-004"},
	Build: onCondition(func(p *serviceapi.Precondition) {
		if p.Condition.Any() {
			p.Problem = problem.PreconditionFailed()
		}
	}),
}, {
	ID: "if-match-ignored", Summary: "ignores If-Match",
	Catches: []string{"DPS-ETAG-005", "DPS-ETAG-015", "DPS-ETAG-016"},
	Build: onCondition(func(p *serviceapi.Precondition) {
		if p.Condition.Given() && p.Exists {
			p.Problem = nil
		}
	}),
}, {
	ID: "if-match-quoted-refused", Summary: "refuses a quoted etag",
	Catches: []string{"DPS-ETAG-006"},
	Build:   turnedDown(func(m string) bool { return strings.HasPrefix(m, `"`) }),
}, {
	ID: "if-match-bare-refused", Summary: "refuses an etag without quotes",
	Catches: []string{"DPS-ETAG-007"},
	Build:   turnedDown(func(m string) bool { return m != "" && m != "*" && !strings.Contains(m, `"`) }),
}, {
	ID: "if-match-weak-refused", Summary: "refuses a weak etag",
	Catches: []string{"DPS-ETAG-008"},
	Build:   turnedDown(func(m string) bool { return strings.HasPrefix(m, "W/") }),
}, {
	ID: "if-match-creates", Summary: "lets a PUT with If-Match create a record",
	Catches: []string{"DPS-ETAG-009"},
	Build: onCondition(func(p *serviceapi.Precondition) {
		if !p.Exists {
			p.Problem = nil
		}
	}),
}, {
	ID: "delete-needs-if-match", Summary: "refuses a DELETE without If-Match",
	Catches: []string{"DPS-ETAG-010"},
	Build: onCondition(func(p *serviceapi.Precondition) {
		if p.Method == http.MethodDelete && !p.Condition.Given() {
			p.Problem = problem.PreconditionFailed()
		}
	}),
}, {
	ID: "registration-etag-exact", Summary: "refuses a registration's etag once it is decoded",
	Catches: []string{"DPS-ETAG-012"},
	Build: turnAway(http.StatusPreconditionFailed, func(r *http.Request) bool {
		return strings.HasPrefix(strings.ToLower(r.URL.Path), "/registrations") && strings.Contains(r.Header.Get("If-Match"), "-")
	}),
}, {
	ID: "body-etag-counts", Summary: "refuses a PUT whose body has another etag than its If-Match",
	Catches: []string{"DPS-ETAG-013"},
	Build: onService("put", func(r *serviceapi.Reply) {
		var doc object
		if json.Unmarshal(r.Received, &doc) == nil && doc["etag"] != nil && doc["etag"] != r.Request.Header.Get("If-Match") {
			r.Status, r.Body = http.StatusPreconditionFailed, refused(412201)
		}
	}),
}, {
	ID: "refused-write-applied", Summary: "answers an outdated etag with 412 and writes all the same",
	Catches: []string{"DPS-ETAG-015"},
	Build: func(point.Args) ([]point.Plan, error) {
		var applied sync.Map // by id
		return []point.Plan{
			serviceapi.Conditioned.Plan(func(c point.Call, p *serviceapi.Precondition) {
				if p.Method == http.MethodPut && p.Exists && p.Condition.Given() && p.Problem != nil {
					p.Problem = nil
					applied.Store(c.Registration, true)
				}
			}),
			serviceapi.Replying.Plan(func(c point.Call, r *serviceapi.Reply) {
				if _, ok := applied.LoadAndDelete(c.Registration); ok {
					r.Status, r.Body = http.StatusPreconditionFailed, refused(412201)
				}
			}),
		}, nil
	},
}, {
	ID: "etag-with-comma", Summary: "makes etags that a header cannot carry",
	Catches: []string{"DPS-ETAG-014"},
	Build: onRecord("", func(d object) {
		if _, ok := d["etag"].(string); ok {
			d["etag"] = etag.ETag(`a"b c`).Quoted()
		}
	}),
}}
