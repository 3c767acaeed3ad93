package reference

import (
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/enrollment"
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

// turnDown refuses to write records whose JSON the expression matches.
func turnDown(expression string) func(point.Args) ([]point.Plan, error) {
	pattern := regexp.MustCompile(expression)
	return onService("put", func(r *serviceapi.Reply) {
		if pattern.Match(r.Received) {
			r.Status, r.Body = http.StatusBadRequest, refused(400004)
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
	ID: "read-only-members-refused", Summary: "refuses records with read-only members",
	Catches: []string{"DPS-SVC-030"},
	Build:   turnDown(`"createdDateTimeUtc"`),
}, {
	ID: "read-only-members-taken", Summary: "takes the date of creation from the client",
	Catches: []string{"DPS-SVC-030"},
	Build:   onRecord("", func(d object) { d["createdDateTimeUtc"] = "0001-01-01T00:00:00Z" }),
}, {
	ID: "service-dates-with-offset", Summary: "writes the service API's dates with +00:00",
	Catches: []string{"DPS-SVC-031"},
	Build: onRecord("", func(d object) {
		if text, ok := d["createdDateTimeUtc"].(string); ok {
			d["createdDateTimeUtc"] = strings.TrimSuffix(text, "Z") + "+00:00"
		}
	}),
}, {
	ID: "updated-stays", Summary: "never moves lastUpdatedDateTimeUtc",
	Catches: []string{"DPS-SVC-032"},
	Build:   onStored(func(e *enrollment.Enrollment) { e.Updated = e.Created }),
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
	Catches: []string{"DPS-SVC-044", "DPS-SVC-057"},
	Build:   instead("", http.StatusMethodNotAllowed, http.StatusOK),
}, {
	ID: "pem-alone", Summary: "takes certificates as PEM alone",
	Catches: []string{"DPS-SVC-045"},
	Build:   turnDown(`"certificate":"[^-]`),
}, {
	ID: "der-alone", Summary: "takes certificates as base64 DER alone",
	Catches: []string{"DPS-SVC-045"},
	Build:   turnDown(`"certificate":"(-|LS0t)`), // the base64 of a PEM begins with that of its dashes
}, {
	ID: "certificate-info-refused", Summary: "refuses certificates that are written back as their info",
	Catches: []string{"DPS-SVC-047"},
	Build:   turnDown(`"info":\{`),
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
