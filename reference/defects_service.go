package reference

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/etag"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/problem"
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

func onStored(change func(*enrollment.Enrollment)) func(point.Args) ([]point.Plan, error) {
	return point.Always(serviceapi.Storing.Plan(func(_ point.Call, e *enrollment.Enrollment) { change(e) }))
}

// turnAway refuses requests that the test holds for.
func turnAway(status int, test func(*http.Request) bool) func(point.Args) ([]point.Plan, error) {
	return onService("", func(r *serviceapi.Reply) {
		if test(r.Request) {
			r.Status, r.Body = status, refused(status*1000)
		}
	})
}

// enrollmentDefects are wrong handling of enrollments by the service API.
var enrollmentDefects = point.Catalogue{{
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
	ID: "put-hides-keys", Summary: "hides the symmetric keys in the answer to a PUT",
	Catches: []string{"DPS-SVC-018", "DPS-SVC-021"},
	Build: onRecord("put", func(d object) {
		if a, ok := d["attestation"].(map[string]any); ok {
			delete(a, "symmetricKey")
		}
	}),
}, {
	ID: "get-shows-keys", Summary: "shows symmetric keys in the answer to a GET",
	Catches: []string{"DPS-SVC-019"},
	Build: onRecord("get", func(d object) {
		if a, ok := d["attestation"].(map[string]any); ok && a["type"] == "symmetricKey" {
			a["symmetricKey"] = object{"primaryKey": "c2hvd24=", "secondaryKey": "c2hvd24="}
		}
	}),
}, {
	ID: "mechanism-other-keys", Summary: "shows other keys from attestationmechanism than the PUT did",
	Catches: []string{"DPS-SVC-020"},
	Build: onRecord("attestation", func(d object) {
		if k, ok := d["symmetricKey"].(map[string]any); ok {
			k["primaryKey"] = "b3RoZXI="
		}
	}),
}, {
	ID: "keys-replaced", Summary: "makes up new keys with every PUT",
	Catches: []string{"DPS-SVC-022", "DPS-SVC-024"},
	Build: onStored(func(e *enrollment.Enrollment) {
		if e.Attestation.Type == dps.AttestationSymmetricKey {
			e.Attestation.SymmetricKey = enrollment.SymmetricKey{Primary: randomKey(), Secondary: randomKey()}
		}
	}),
}, {
	ID: "short-keys-made", Summary: "makes up keys of 16 bytes",
	Catches: []string{"DPS-SVC-021"},
	Build: onStored(func(e *enrollment.Enrollment) {
		if k := &e.Attestation.SymmetricKey; len(k.Primary) == 64 {
			k.Primary, k.Secondary = k.Primary[:16], k.Secondary[:16]
		}
	}),
}, {
	ID: "no-provisioning-status", Summary: "leaves provisioningStatus out",
	Catches: []string{"DPS-SVC-025"},
	Build:   onRecord("", func(d object) { delete(d, "provisioningStatus") }),
}, {
	ID: "no-capabilities", Summary: "leaves capabilities out when none were given",
	Catches: []string{"DPS-SVC-026"},
	Build:   onRecord("", func(d object) { delete(d, "capabilities") }),
}, {
	ID: "defaults-written", Summary: "fills allocationPolicy and reprovisionPolicy into records that have none",
	Catches: []string{"DPS-SVC-027", "DPS-SVC-028"},
	Build: onStored(func(e *enrollment.Enrollment) {
		if e.Policy == dps.PolicyUnset {
			e.Policy = dps.PolicyHashed
		}
		if e.Reprovision == nil {
			e.Reprovision = &enrollment.Reprovision{UpdateHubAssignment: true, MigrateDeviceData: true}
		}
	}),
}, {
	ID: "initial-twin-dropped", Summary: "forgets the initial twin",
	Catches: []string{"DPS-SVC-029", "DPS-ALLOC-020"},
	Build:   onStored(func(e *enrollment.Enrollment) { e.InitialTwin = nil }),
}, {
	ID: "unknown-members-refused", Summary: "refuses records with read-only members",
	Catches: []string{"DPS-SVC-030"},
	Build: onService("put", func(r *serviceapi.Reply) {
		if r.Request.ContentLength > 0 && r.Status == http.StatusOK && r.Request.Header.Get("If-Match") != "" {
			r.Status, r.Body = http.StatusBadRequest, refused(400004)
		}
	}),
}, {
	ID: "service-dates-with-offset", Summary: "writes the service API's dates with +00:00",
	Catches: []string{"DPS-SVC-031"},
	Build: onRecord("", func(d object) {
		if text, ok := d["createdDateTimeUtc"].(string); ok {
			d["createdDateTimeUtc"] = strings.TrimSuffix(text, "Z") + "+00:00"
		}
	}),
}, {
	ID: "created-moves", Summary: "sets createdDateTimeUtc anew with every write",
	Catches: []string{"DPS-SVC-032"},
	Build:   onStored(func(e *enrollment.Enrollment) { e.Created = e.Updated }),
}, {
	ID: "service-null-members", Summary: "sends null for members without value",
	Catches: []string{"DPS-SVC-033"},
	Build:   onRecord("", func(d object) { d["iotHubHostName"] = nil }),
}, {
	ID: "bad-records-stored", Summary: "answers records that are not valid with 200",
	Catches: []string{"DPS-SVC-023", "DPS-SVC-034", "DPS-SVC-035", "DPS-SVC-036", "DPS-SVC-037", "DPS-SVC-038",
		"DPS-SVC-040", "DPS-SVC-041", "DPS-SVC-048"},
	Build: instead("put", http.StatusBadRequest, http.StatusOK),
}, {
	ID: "static-needs-hub", Summary: "refuses the static policy without a hub",
	Catches: []string{"DPS-SVC-039"},
	Build: onService("put", func(r *serviceapi.Reply) {
		if strings.Contains(string(r.Body), `"allocationPolicy":"static"`) {
			r.Status, r.Body = http.StatusBadRequest, refused(400004)
		}
	}),
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
	Catches: []string{"DPS-SVC-044"},
	Build:   instead("", http.StatusMethodNotAllowed, http.StatusOK),
}, {
	ID: "pem-alone", Summary: "takes certificates as PEM alone",
	Catches: []string{"DPS-SVC-045"},
	Build: onService("put", func(r *serviceapi.Reply) {
		if strings.Contains(string(r.Body), "sha256Thumbprint") {
			r.Status, r.Body = http.StatusBadRequest, refused(400004)
		}
	}),
}, {
	ID: "certificate-info-in-part", Summary: "leaves version out of certificate infos",
	Catches: []string{"DPS-SVC-046"},
	Build: onService("", func(r *serviceapi.Reply) {
		r.Body = []byte(strings.ReplaceAll(string(r.Body), `,"version":3`, ""))
	}),
}, {
	ID: "registration-without-status", Summary: "leaves status out of registrations",
	Catches: []string{"DPS-SVC-049", "DPS-SVC-052", "DPS-SVC-053"},
	Build:   onRecord("get registration", func(d object) { delete(d, "status") }),
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
	ID: "body-etag-counts", Summary: "refuses a PUT whose body has another etag",
	Catches: []string{"DPS-ETAG-013"},
	Build: onService("put", func(r *serviceapi.Reply) {
		if r.Request.Header.Get("If-Match") == "*" {
			r.Status, r.Body = http.StatusPreconditionFailed, refused(412201)
		}
	}),
}, {
	ID: "etag-with-comma", Summary: "makes etags that a header cannot carry",
	Catches: []string{"DPS-ETAG-014"},
	Build: onRecord("", func(d object) {
		if _, ok := d["etag"].(string); ok {
			d["etag"] = etag.ETag(`a"b c`).Quoted()
		}
	}),
}}

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
	ID: "query-bad-taken", Summary: "answers queries that it cannot read with everything",
	Catches: []string{"DPS-QRY-007", "DPS-QRY-014", "DPS-QRY-015", "DPS-QRY-016"},
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
}}
