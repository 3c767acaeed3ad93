package reference

import (
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/serviceapi"
)

// onRecord changes the JSON object that the service API answers at steps with that prefix.
func onRecord(step string, change func(object)) func(point.Args) ([]point.Plan, error) {
	return onService(step, func(r *serviceapi.Reply) {
		if r.Status < 300 {
			r.Body = edit(r.Body, change)
		}
	})
}

// onOperatorError changes error documents of the service API.
func onOperatorError(change func(*serviceapi.Reply, object)) func(point.Args) ([]point.Plan, error) {
	return onService("", func(r *serviceapi.Reply) {
		if r.Status >= 400 {
			r.Body = edit(r.Body, func(d object) { change(r, d) })
		}
	})
}

// instead answers with one status in place of another.
func instead(step string, of, status int) func(point.Args) ([]point.Plan, error) {
	return onService(step, func(r *serviceapi.Reply) {
		if r.Status == of {
			r.Status = status
		}
	})
}

// turnAway refuses requests that the test holds for.
func turnAway(status int, test func(*http.Request) bool) func(point.Args) ([]point.Plan, error) {
	return onService("", func(r *serviceapi.Reply) {
		if test(r.Request) {
			r.Status, r.Body = status, refused(status*1000)
		}
	})
}

// serviceDefects are wrong paths, statuses, headers and error documents of the service API.
var serviceDefects = point.Catalogue{{
	ID: "put-201", Summary: "answers a PUT with 201",
	Catches: []string{"DPS-SVC-001", "DPS-SVC-004", "DPS-SVC-005"},
	Build:   instead("put", http.StatusOK, http.StatusCreated),
}, {
	ID: "get-202", Summary: "answers a GET with 202",
	Catches: []string{"DPS-SVC-002", "DPS-SVC-005", "DPS-SVC-049"},
	Build:   instead("get", http.StatusOK, http.StatusAccepted),
}, {
	ID: "delete-200", Summary: "answers a DELETE with 200",
	Catches: []string{"DPS-SVC-003", "DPS-SVC-005", "DPS-SVC-051"},
	Build:   instead("delete", http.StatusNoContent, http.StatusOK),
}, {
	ID: "missing-200", Summary: "answers what does not exist with 200",
	Catches: []string{"DPS-SVC-006", "DPS-SVC-050"},
	Build:   instead("", http.StatusNotFound, http.StatusOK),
}, {
	ID: "mechanism-needs-body", Summary: "refuses attestationmechanism with an empty body",
	Catches: []string{"DPS-SVC-007"},
	Build: onService("attestation", func(r *serviceapi.Reply) {
		if r.Request.ContentLength == 0 {
			r.Status, r.Body = http.StatusLengthRequired, refused(411000)
		}
	}),
}, {
	ID: "case-sensitive-paths", Summary: "matches paths with regard to case",
	Catches: []string{"DPS-SVC-008"},
	Build: turnAway(http.StatusNotFound, func(r *http.Request) bool {
		return strings.HasPrefix(r.URL.Path, "/enrollmentgroups") || strings.HasPrefix(r.URL.Path, "/Enrollments")
	}),
}, {
	ID: "encoded-ids-refused", Summary: "does not decode ids in paths",
	Catches: []string{"DPS-SVC-009"},
	Build: turnAway(http.StatusNotFound, func(r *http.Request) bool {
		return strings.Contains(r.URL.EscapedPath(), "%")
	}),
}, {
	ID: "service-one-api-version", Summary: "knows api-version 2021-10-01 alone on the service API",
	Catches: []string{"DPS-SVC-010"},
	Build: turnAway(http.StatusBadRequest, func(r *http.Request) bool {
		v := r.URL.Query().Get("api-version")
		return v != "" && v != "2021-10-01"
	}),
}, {
	ID: "service-any-api-version", Summary: "takes any api-version on the service API, or none",
	Catches: []string{"DPS-SVC-011"},
	Build:   instead("get", http.StatusBadRequest, http.StatusOK),
}, {
	ID: "service-plain-text", Summary: "declares the service API's JSON as text/plain",
	Catches: []string{"DPS-SVC-012"},
	Build:   onService("", func(r *serviceapi.Reply) { r.Header.Set("Content-Type", "text/plain") }),
}, {
	ID: "service-no-request-id", Summary: "sends no x-ms-request-id",
	Catches: []string{"DPS-SVC-013", "DPS-SVC-017"},
	Build:   onService("", func(r *serviceapi.Reply) { r.Header.Del("x-ms-request-id") }),
}, {
	ID: "service-error-without-message", Summary: "leaves message out of the service API's errors",
	Catches: []string{"DPS-SVC-014"},
	Build:   onOperatorError(func(_ *serviceapi.Reply, d object) { delete(d, "message") }),
}, {
	ID: "service-error-code-of-another-class", Summary: "sends errorCode 500000 with every error of the service API",
	Catches: []string{"DPS-SVC-015"},
	Build:   onOperatorError(func(_ *serviceapi.Reply, d object) { d["errorCode"] = 500000 }),
}, {
	ID: "service-no-error-header", Summary: "sends no x-ms-error-code on the service API",
	Catches: []string{"DPS-SVC-016"},
	Build:   onOperatorError(func(r *serviceapi.Reply, _ object) { r.Header.Del("x-ms-error-code") }),
}, {
	ID: "records-case-sensitive", Summary: "finds records only by ids in lower case",
	Catches: []string{"DPS-SVC-042"},
	Build: turnAway(http.StatusNotFound, func(r *http.Request) bool {
		_, id, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		return r.Method == http.MethodGet && id != strings.ToLower(id)
	}),
}, {
	ID: "service-any-media-type", Summary: "takes service bodies of any media type",
	Catches: []string{"DPS-SVC-043"},
	Build:   instead("", http.StatusUnsupportedMediaType, http.StatusOK),
}, {
	ID: "service-any-method", Summary: "answers unknown methods of the service API with 200",
	Catches: []string{"DPS-SVC-044", "DPS-SVC-057"},
	Build:   instead("", http.StatusMethodNotAllowed, http.StatusOK),
}, {
	ID: "registration-without-status", Summary: "leaves status out of registrations",
	Catches: []string{"DPS-SVC-049", "DPS-SVC-052", "DPS-SVC-053"},
	Build:   onRecord("get registration", func(d object) { delete(d, "status") }),
}, {
	ID: "only-assigned-kept", Summary: "forgets registrations that did not end with a hub",
	Catches: []string{"DPS-SVC-052", "DPS-SVC-053", "DPS-ALLOC-004", "DPS-ALLOC-015"},
	Build: onService("get registration", func(r *serviceapi.Reply) {
		if r.Status == http.StatusOK && !strings.Contains(string(r.Body), `"status":"assigned"`) {
			r.Status, r.Body = http.StatusNotFound, refused(404202)
		}
	}),
}, {
	ID: "group-takes-registrations-along", Summary: "deletes the registrations of a group with it",
	Catches: []string{"DPS-SVC-054"},
	Build: func(point.Args) ([]point.Plan, error) {
		var gone atomic.Bool
		return onService("", func(r *serviceapi.Reply) {
			path := strings.ToLower(r.Request.URL.Path)
			switch {
			case r.Request.Method == http.MethodDelete && strings.HasPrefix(path, "/enrollmentgroups/"):
				gone.Store(true)
			case gone.Load() && strings.HasPrefix(path, "/registrations/"):
				r.Status, r.Body = http.StatusNotFound, refused(404202)
			}
		})(nil)
	},
}, {
	ID: "client-request-id-refused", Summary: "refuses requests with x-ms-client-request-id",
	Catches: []string{"DPS-SVC-056"},
	Build: turnAway(http.StatusBadRequest, func(r *http.Request) bool {
		return r.Header.Get("x-ms-client-request-id") != ""
	}),
}, {
	ID: "naive-list-wrapped", Summary: "wraps the naive list in an object",
	Catches: []string{"DPS-SVC-058"},
	Build: onService("get enrollment", func(r *serviceapi.Reply) {
		if strings.HasPrefix(string(r.Body), "[") {
			r.Body = []byte(`{"items":` + string(r.Body) + `}`)
		}
	}),
}, {
	ID: "naive-create-200", Summary: "answers the naive POST with 200",
	Catches: []string{"DPS-SVC-059"},
	Build:   instead("post enrollment", http.StatusCreated, http.StatusOK),
}, {
	ID: "naive-create-overwrites", Summary: "answers the naive POST of an existing record with 201",
	Catches: []string{"DPS-SVC-060"},
	Build:   instead("post enrollment", http.StatusConflict, http.StatusCreated),
}, {
	ID: "naive-create-anything", Summary: "answers the naive POST of anything with 201",
	Catches: []string{"DPS-SVC-061"},
	Build:   instead("post enrollment", http.StatusBadRequest, http.StatusCreated),
}}
