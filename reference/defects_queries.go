package reference

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/internal/query"
	"github.com/dpslab/dpslab/reference/serviceapi"
)

// onPage changes the answer to a query.
func onPage(change func(*serviceapi.Reply, []any) any) func(point.Args) ([]point.Plan, error) {
	return onService("query", func(r *serviceapi.Reply) {
		var items []any
		if r.Status != http.StatusOK || json.Unmarshal(r.Body, &items) != nil {
			return
		}
		if body, err := json.Marshal(change(r, items)); err == nil {
			r.Body = body
		}
	})
}

// queryDefects are wrong pages.
var queryDefects = point.Catalogue{{
	ID: "query-wrapped", Summary: "wraps the items of a page in an object",
	Catches: []string{"DPS-QRY-001"},
	Build:   onPage(func(_ *serviceapi.Reply, items []any) any { return object{"items": items} }),
}, {
	ID: "query-no-item-type", Summary: "sends no x-ms-item-type",
	Catches: []string{"DPS-QRY-002"},
	Build:   onService("query", func(r *serviceapi.Reply) { r.Header.Del("x-ms-item-type") }),
}, {
	ID: "query-item-type-lowered", Summary: "sends x-ms-item-type in lower case",
	Catches: []string{"DPS-QRY-002"},
	Build: onService("query", func(r *serviceapi.Reply) {
		r.Header.Set("x-ms-item-type", strings.ToLower(r.Header.Get("x-ms-item-type")))
	}),
}, {
	ID: "query-endless", Summary: "sends x-ms-continuation on the last page, empty",
	Catches: []string{"DPS-QRY-003"},
	Build: onService("query", func(r *serviceapi.Reply) {
		if r.Header.Get("x-ms-continuation") == "" {
			r.Header.Set("x-ms-continuation", "")
		}
	}),
}, {
	ID: "query-page-size-ignored", Summary: "sends one item more than x-ms-max-item-count asks for",
	Catches: []string{"DPS-QRY-004"},
	Build: onPage(func(_ *serviceapi.Reply, items []any) any {
		if len(items) > 0 {
			items = append(items, items[0])
		}
		return items
	}),
}, {
	ID: "query-item-lost", Summary: "loses the first item of every page but the first",
	Catches: []string{"DPS-QRY-005"},
	Build: onPage(func(r *serviceapi.Reply, items []any) any {
		if r.Request.Header.Get("x-ms-continuation") != "" && len(items) > 0 {
			return items[1:]
		}
		return items
	}),
}, {
	ID: "query-continuation-unprintable", Summary: "makes continuations that are not ASCII",
	Catches: []string{"DPS-QRY-006"},
	Build: onService("query", func(r *serviceapi.Reply) {
		if token := r.Header.Get("x-ms-continuation"); token != "" {
			r.Header.Set("x-ms-continuation", "ü"+token)
		}
	}),
}, {
	ID: "query-bad-taken", Summary: "answers queries that it cannot read with an empty page",
	Catches: []string{"DPS-QRY-007", "DPS-QRY-008", "DPS-QRY-014", "DPS-QRY-015", "DPS-QRY-016"},
	Build: onService("query", func(r *serviceapi.Reply) {
		if r.Status == http.StatusBadRequest {
			r.Status, r.Body = http.StatusOK, []byte("[]")
			r.Header.Set("x-ms-item-type", "Enrollment")
		}
	}),
}, {
	ID: "query-empty", Summary: "answers every query with an empty page",
	Catches: []string{"DPS-QRY-005", "DPS-QRY-009", "DPS-QRY-010", "DPS-QRY-011", "DPS-QRY-012", "DPS-QRY-013", "DPS-QRY-017"},
	Build:   onPage(func(*serviceapi.Reply, []any) any { return []any{} }),
}, {
	ID: "query-where-ignored", Summary: "returns everything, whatever WHERE says",
	Catches: []string{"DPS-QRY-011", "DPS-QRY-013"},
	Build:   point.Always(serviceapi.Asking.Plan(func(_ point.Call, q *serviceapi.Question) { q.Query = query.Query{} })),
}, {
	ID: "query-empty-204", Summary: "answers a query that nothing matches with 204",
	Catches: []string{"DPS-QRY-001", "DPS-QRY-019"},
	Build: onService("query", func(r *serviceapi.Reply) {
		if string(r.Body) == "[]" {
			r.Status, r.Body = http.StatusNoContent, nil
		}
	}),
}, {
	ID: "query-registrations-of-others", Summary: "returns a registration that did not come through the group",
	Catches: []string{"DPS-QRY-017", "DPS-QRY-019"},
	Build: onPage(func(r *serviceapi.Reply, items []any) any {
		if r.Header.Get("x-ms-item-type") == "DeviceRegistration" {
			return append(items, object{"registrationId": "of-another-group", "status": "assigned"})
		}
		return items
	}),
}, {
	ID: "query-shows-keys", Summary: "shows symmetric keys in the answer to a query",
	Catches: []string{"DPS-SVC-019"},
	Build: onPage(func(_ *serviceapi.Reply, items []any) any {
		for _, item := range items {
			if record, ok := item.(map[string]any); ok {
				record["attestation"] = object{"type": "symmetricKey", "symmetricKey": object{"primaryKey": "c2hvd24=", "secondaryKey": "c2hvd24="}}
			}
		}
		return items
	}),
}, {
	ID: "query-id-reserved", Summary: "knows no enrollment with the id query",
	Catches: []string{"DPS-QRY-021"},
	Build: turnAway(http.StatusMethodNotAllowed, func(r *http.Request) bool {
		return r.URL.Path == "/enrollments/query" && r.Method != http.MethodPost
	}),
}, {
	ID: "query-unknown-group-empty", Summary: "answers the query of an unknown group's registrations with 200",
	Catches: []string{"DPS-QRY-020"},
	Build: onService("query registration", func(r *serviceapi.Reply) {
		if r.Status == http.StatusNotFound {
			r.Status, r.Body = http.StatusOK, []byte("[]")
		}
	}),
}, {
	ID: "query-registrations-need-body", Summary: "refuses the query of registrations without a body",
	Catches: []string{"DPS-QRY-018"},
	Build: onService("query registration", func(r *serviceapi.Reply) {
		if r.Request.ContentLength == 0 {
			r.Status, r.Body = http.StatusBadRequest, refused(400004)
		}
	}),
}, {
	ID: "query-projection-whole", Summary: "answers a query that names members with whole records",
	Catches: []string{"DPS-QRY-022"},
	Build: point.Always(serviceapi.Asking.Plan(func(_ point.Call, q *serviceapi.Question) {
		if q.Query.Projects() {
			q.Query, _ = query.Parse("*")
		}
	})),
}, {
	ID: "query-projection-refused", Summary: "refuses a query that names members",
	Catches: []string{"DPS-QRY-022"},
	Build: onService("query", func(r *serviceapi.Reply) {
		if r.Header.Get("x-ms-item-type") == "Unknown" {
			r.Status, r.Body = http.StatusBadRequest, refused(400004)
		}
	}),
}, {
	ID: "query-large-pages-refused", Summary: "refuses an x-ms-max-item-count above 1000",
	Catches: []string{"DPS-QRY-023"},
	Build: turnAway(http.StatusBadRequest, func(r *http.Request) bool {
		return len(r.Header.Get("x-ms-max-item-count")) > len("1000")
	}),
}, {
	ID: "query-size-not-told", Summary: "sends no x-ms-max-item-count with a page",
	Catches: []string{"DPS-QRY-024"},
	Build:   onService("query", func(r *serviceapi.Reply) { r.Header.Del("x-ms-max-item-count") }),
}, {
	ID: "query-groups-one-page", Summary: "makes one page of groups and of registrations, and leaves out what does not fit",
	Catches: []string{"DPS-QRY-005"},
	Build: onService("query", func(r *serviceapi.Reply) {
		if r.Header.Get("x-ms-item-type") != "Enrollment" {
			r.Header.Del("x-ms-continuation")
		}
	}),
}}
