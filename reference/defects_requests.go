package reference

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/deviceapi"
	"github.com/dpslab/dpslab/reference/deviceapi/httpsfront"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/problem"
	"github.com/dpslab/dpslab/reference/provisioning"
	"github.com/dpslab/dpslab/reference/registration"
)

func provisioningOpened(change func(*registration.Operation)) point.Plan {
	return provisioning.Opened.Plan(func(_ point.Call, op *registration.Operation) { change(op) })
}

// onBody changes the judgement on a register body.
func onBody(change func(*deviceapi.Decoding)) func(point.Args) ([]point.Plan, error) {
	return point.Always(deviceapi.Decoded.Plan(func(_ point.Call, d *deviceapi.Decoding) { change(d) }))
}

// requestDefects are requests that are refused though they are good, or taken though they
// are not.
var requestDefects = point.Catalogue{{
	ID: "https-encoded-path-refused", Summary: "does not decode percent-encoded paths",
	Catches: []string{"DPS-HTTPS-012", "DPS-HTTPS-052"},
	Build: onHTTPS("", func(r *httpsfront.Reply) {
		if strings.Contains(r.Request.URL.EscapedPath(), "%") {
			refuse(r, http.StatusNotFound)
		}
	}),
}, {
	ID: "case-sensitive-ids", Summary: "finds enrollments only by the exact case of their id",
	Catches: []string{"DPS-HTTPS-013"},
	Build: point.Always(provisioning.Deciding.Plan(func(_ point.Call, c *provisioning.Candidate) {
		c.PassOver = c.Enrollment.Kind == enrollment.Individual && c.Enrollment.ID != c.Claim.RegistrationID
	})),
}, {
	ID: "https-poll-body-refused", Summary: "refuses a poll that carries a body",
	Catches: []string{"DPS-HTTPS-014", "DPS-HTTPS-054"},
	Build: onHTTPS("poll", func(r *httpsfront.Reply) {
		if r.Request.ContentLength != 0 {
			refuse(r, http.StatusBadRequest)
		}
	}),
}, {
	ID: "https-poll-content-type-refused", Summary: "refuses a poll that has a Content-Type",
	Catches: []string{"DPS-HTTPS-053", "DPS-HTTPS-054", "DPS-HTTPS-055"},
	Build: onHTTPS("poll", func(r *httpsfront.Reply) {
		if r.Request.Header.Get("Content-Type") != "" {
			refuse(r, http.StatusUnsupportedMediaType)
		}
	}),
}, {
	ID: "https-early-poll-refused", Summary: "refuses a poll that comes within a second of the register request",
	Catches: []string{"DPS-HTTPS-056"},
	Build: func(point.Args) ([]point.Plan, error) {
		var registered sync.Map // by registration: when
		return []point.Plan{httpsfront.Replying.Plan(func(c point.Call, r *httpsfront.Reply) {
			id := strings.ToLower(c.Registration)
			if c.Step == "register" {
				registered.Store(id, c.Clock.Now())
			}
			at, known := registered.Load(id)
			if c.Step == "poll" && known && c.Clock.Now().Sub(at.(time.Time)) < time.Second {
				refuse(r, http.StatusTooManyRequests)
			}
		})}, nil
	},
}, {
	ID: "https-content-encoding-refused", Summary: "refuses Content-Encoding: utf-8",
	Catches: []string{"DPS-HTTPS-015"},
	Build: onHTTPS("", func(r *httpsfront.Reply) {
		if r.Request.Header.Get("Content-Encoding") != "" {
			refuse(r, http.StatusUnsupportedMediaType)
		}
	}),
}, {
	ID: "body-needs-registration-id", Summary: "refuses a register body without registrationId",
	Catches: []string{"DPS-HTTPS-016", "DPS-MQTT-010", "DPS-MQTT-011", "DPS-MQTT-062", "DPS-AMQP-025", "DPS-AMQP-026"},
	Build: onBody(func(d *deviceapi.Decoding) {
		if !strings.Contains(string(d.Request.Body), "registrationId") {
			d.Problem = problem.InvalidArgument("registrationId is missing.")
		}
	}),
}, {
	ID: "payload-must-be-object", Summary: "refuses a payload that is not a JSON object",
	Catches: []string{"DPS-HTTPS-017", "DPS-HTTPS-053", "DPS-MQTT-066", "DPS-AMQP-068"},
	Build: onBody(func(d *deviceapi.Decoding) {
		var doc object
		if json.Unmarshal(d.Request.Body, &doc) == nil {
			if payload, given := doc["payload"]; given {
				if _, object := payload.(map[string]any); !object {
					d.Problem = problem.InvalidArgument("The payload must be an object.")
				}
			}
		}
	}),
}, {
	ID: "broken-json-taken", Summary: "registers a device whose body is not JSON",
	Catches: []string{"DPS-HTTPS-018", "DPS-MQTT-038", "DPS-AMQP-045"},
	Build: onBody(func(d *deviceapi.Decoding) {
		if !json.Valid(d.Request.Body) {
			d.Problem = nil
		}
	}),
}, {
	ID: "other-than-utf8-taken", Summary: "registers a device whose body is JSON in another encoding than UTF-8",
	Catches: []string{"DPS-HTTPS-048", "DPS-MQTT-038"},
	Build: onBody(func(d *deviceapi.Decoding) {
		if json.Valid(d.Request.Body) && !utf8.Valid(d.Request.Body) {
			d.Problem = nil
		}
	}),
}, {
	ID: "foreign-body-id-taken", Summary: "registers a device whose body names another",
	Catches: []string{"DPS-HTTPS-019"},
	Build: onBody(func(d *deviceapi.Decoding) {
		if json.Valid(d.Request.Body) {
			d.Problem = nil
		}
	}),
}, {
	ID: "unlimited-body", Summary: "takes a register body of any size",
	Catches: []string{"DPS-HTTPS-033", "DPS-MQTT-041", "DPS-AMQP-046"},
	Build: onBody(func(d *deviceapi.Decoding) {
		if d.Problem != nil && d.Problem.Class() == http.StatusRequestEntityTooLarge {
			d.Problem = nil
		}
	}),
}, {
	ID: "one-api-version", Summary: "knows api-version 2019-03-31 alone",
	Catches: []string{"DPS-HTTPS-020", "DPS-MQTT-054", "DPS-AMQP-073"},
	Build: point.Always(deviceapi.Versioned.Plan(func(_ point.Call, v *deviceapi.Version) {
		v.Known = v.APIVersion == "2019-03-31"
	})),
}, {
	ID: "any-api-version", Summary: "takes any api-version, or none",
	Catches: []string{"DPS-HTTPS-021", "DPS-AMQP-019"},
	Build: point.Always(deviceapi.Versioned.Plan(func(_ point.Call, v *deviceapi.Version) {
		v.Known = true
	})),
}, {
	ID: "foreign-operation-shown", Summary: "tells a device about another device's operation",
	Catches: []string{"DPS-HTTPS-026", "DPS-MQTT-037", "DPS-AMQP-042"},
	Build: point.Always(provisioning.Polled.Plan(func(_ point.Call, p *provisioning.Poll) {
		p.Own = true
	})),
}, {
	ID: "https-any-media-type", Summary: "takes a body of any media type",
	Catches: []string{"DPS-HTTPS-032"},
	Build: onHTTPS("register", func(r *httpsfront.Reply) {
		if r.Status == http.StatusUnsupportedMediaType {
			r.Status, r.Body = http.StatusAccepted, []byte(`{"operationId":"5.0","status":"assigning"}`)
		}
	}),
}, {
	ID: "https-host-with-port-refused", Summary: "refuses a Host header with a port",
	Catches: []string{"DPS-HTTPS-042", "DPS-HTTPS-055"},
	Build: onHTTPS("", func(r *httpsfront.Reply) {
		if strings.Contains(r.Request.Host, ":") {
			refuse(r, http.StatusBadRequest)
		}
	}),
}, {
	ID: "https-force-registration-refused", Summary: "refuses the query parameter forceRegistration",
	Catches: []string{"DPS-HTTPS-043"},
	Build: onHTTPS("register", func(r *httpsfront.Reply) {
		if r.Request.URL.Query().Has("forceRegistration") {
			refuse(r, http.StatusBadRequest)
		}
	}),
}}
