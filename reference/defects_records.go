package reference

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/serviceapi"
)

// onStored changes an enrollment before it is written.
func onStored(change func(*enrollment.Enrollment)) func(point.Args) ([]point.Plan, error) {
	return point.Always(serviceapi.Storing.Plan(func(_ point.Call, e *enrollment.Enrollment) { change(e) }))
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

// recordDefects are enrollments that are kept, checked or shown wrongly.
var recordDefects = point.Catalogue{{
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
	Catches: []string{"DPS-SVC-022", "DPS-SVC-024", "DPS-BULK-021"},
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
		"DPS-SVC-040", "DPS-SVC-041", "DPS-SVC-048", "DPS-SVC-065", "DPS-SVC-066", "DPS-SVC-072", "DPS-SVC-073", "DPS-SVC-074",
		"DPS-SVC-075", "DPS-SVC-076"},
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
}}
