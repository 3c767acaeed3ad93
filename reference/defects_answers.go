package reference

import (
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/deviceapi/amqpfront"
	"github.com/dpslab/dpslab/reference/deviceapi/httpsfront"
	"github.com/dpslab/dpslab/reference/deviceapi/mqttfront"
	"github.com/dpslab/dpslab/reference/registration"
)

// answerDefects are wrong answers of the device API: statuses, headers and documents.
var answerDefects = point.Catalogue{{
	ID: "https-register-200", Summary: "answers an accepted register request with 200",
	Catches: []string{"DPS-HTTPS-001", "DPS-HTTPS-044", "DPS-HTTPS-052"},
	Build: onHTTPS("register", func(r *httpsfront.Reply) {
		if r.Status == http.StatusAccepted {
			r.Status = http.StatusOK
		}
	}),
}, {
	ID: "register-unassigned", Summary: "begins a registration with the status unassigned",
	Catches: []string{"DPS-HTTPS-002", "DPS-HTTPS-003", "DPS-HTTPS-044", "DPS-MQTT-005", "DPS-MQTT-064", "DPS-AMQP-021", "DPS-AMQP-067"},
	Build: everyAnswer(func(d object) {
		if d["status"] == "assigning" {
			d["status"] = "unassigned"
		}
	}),
}, {
	ID: "register-without-operation", Summary: "sends no operationId",
	Catches: []string{"DPS-HTTPS-002", "DPS-HTTPS-034", "DPS-HTTPS-035", "DPS-MQTT-005", "DPS-HTTPS-049", "DPS-MQTT-068", "DPS-AMQP-021", "DPS-AMQP-070"},
	Build:   everyAnswer(func(d object) { delete(d, "operationId") }),
}, {
	ID: "https-poll-202-forever", Summary: "answers polls with 202 after the registration is terminal",
	Catches: []string{"DPS-HTTPS-004", "DPS-HTTPS-036", "DPS-HTTPS-037"},
	Build: onHTTPS("poll", func(r *httpsfront.Reply) {
		if r.Status == http.StatusOK {
			r.Status = http.StatusAccepted
		}
	}),
}, {
	ID: "assigned-without-device", Summary: "leaves deviceId out of an assigned registration",
	Catches: []string{"DPS-HTTPS-005", "DPS-HTTPS-006", "DPS-MQTT-048", "DPS-MQTT-065", "DPS-AMQP-028"},
	Build:   everyAnswer(func(d object) { delete(d.state(), "deviceId") }),
}, {
	ID: "ended-without-operation", Summary: "sends no operationId once a registration has ended",
	Catches: []string{"DPS-HTTPS-049", "DPS-MQTT-068", "DPS-AMQP-070"},
	Build: everyAnswer(func(d object) {
		if d.state() != nil {
			delete(d, "operationId")
		}
	}),
}, {
	ID: "state-without-id", Summary: "leaves registrationId out of the state of a registration that failed",
	Catches: []string{"DPS-HTTPS-050", "DPS-MQTT-069", "DPS-AMQP-071"},
	Build: everyAnswer(func(d object) {
		if s := d.state(); s["status"] == "failed" {
			delete(s, "registrationId")
		}
	}),
}, {
	ID: "error-code-as-text", Summary: "sends the errorCode of a failed registration as a string",
	Catches: []string{"DPS-MQTT-070"},
	Build: everyAnswer(func(d object) {
		if s := d.state(); s["errorCode"] != nil {
			s["errorCode"] = fmt.Sprint(s["errorCode"])
		}
	}),
}, {
	ID: "assigned-hub-bare", Summary: "names the hub without its domain",
	Catches: []string{"DPS-HUB-001"},
	Build: everyAnswer(func(d object) {
		if host, ok := d.state()["assignedHub"].(string); ok {
			d.state()["assignedHub"], _, _ = strings.Cut(host, ".")
		}
	}),
}, {
	ID: "failed-with-hub", Summary: "sends assignedHub without deviceId when a registration failed",
	Catches: []string{"DPS-HTTPS-006", "DPS-MQTT-065"},
	Build: everyAnswer(func(d object) {
		if s := d.state(); s != nil && s["status"] == "failed" {
			s["assignedHub"] = "hub.azure-devices.net"
		}
	}),
}, {
	ID: "null-members", Summary: "sends null for a member that has no value",
	Catches: []string{"DPS-HTTPS-007", "DPS-MQTT-051", "DPS-MQTT-062"},
	Build: everyAnswer(func(d object) {
		if s := d.state(); s != nil {
			s["errorMessage"] = nil
		}
	}),
}, {
	ID: "https-no-retry-after", Summary: "sends no Retry-After while assigning",
	Catches: []string{"DPS-HTTPS-008"},
	Build:   onHTTPS("", func(r *httpsfront.Reply) { r.Header.Del("Retry-After") }),
}, {
	ID: "https-terminal-retry-after", Summary: "sends Retry-After with a terminal answer",
	Catches: []string{"DPS-HTTPS-009"},
	Build:   onHTTPS("poll", func(r *httpsfront.Reply) { r.Header.Set("Retry-After", "3") }),
}, {
	ID: "https-plain-text", Summary: "declares its JSON as text/plain",
	Catches: []string{"DPS-HTTPS-010", "DPS-HTTPS-056"},
	Build:   onHTTPS("", func(r *httpsfront.Reply) { r.Header.Set("Content-Type", "text/plain") }),
}, {
	ID: "https-chunked", Summary: "sends chunked answers",
	Catches: []string{"DPS-HTTPS-011", "DPS-HTTPS-055"},
	Build:   onHTTPS("", func(r *httpsfront.Reply) { r.Chunked = true }),
}, {
	ID: "https-poll-unanswered", Summary: "never answers a poll",
	Catches: []string{"DPS-HTTPS-051"},
	Build: point.Always(httpsfront.Replying.Plan(func(c point.Call, _ *httpsfront.Reply) {
		if c.Step == "poll" {
			<-c.Done() // until the device gives up
		}
	})),
}, {
	ID: "https-lookup-wrapped", Summary: "wraps the answer of a status lookup in an operation",
	Catches: []string{"DPS-HTTPS-022"},
	Build: onHTTPS("lookup", func(r *httpsfront.Reply) {
		if r.Status == http.StatusOK {
			r.Body = []byte(`{"operationId":"5.0","status":"assigned","registrationState":` + string(r.Body) + `}`)
		}
	}),
}, {
	ID: "https-lookup-never-404", Summary: "answers the lookup of a device that never registered with 200",
	Catches: []string{"DPS-HTTPS-023"},
	Build: onHTTPS("lookup", func(r *httpsfront.Reply) {
		if r.Status == http.StatusNotFound {
			r.Status = http.StatusOK
		}
	}),
}, {
	ID: "unknown-scope-served", Summary: "answers an unknown id scope as if it were its own",
	Catches: []string{"DPS-HTTPS-024"},
	Build: onHTTPS("", func(r *httpsfront.Reply) {
		if strings.Contains(string(r.Body), `"errorCode":404001`) {
			r.Status, r.Body = http.StatusAccepted, []byte(`{"operationId":"5.0","status":"assigning"}`)
		}
	}),
}, {
	ID: "unknown-operation-assigning", Summary: "answers polls of unknown operations with assigning",
	Catches: []string{"DPS-HTTPS-025", "DPS-HTTPS-026", "DPS-MQTT-035", "DPS-AMQP-041", "DPS-ERR-010"},
	Build: both(
		onHTTPS("poll", func(r *httpsfront.Reply) {
			if r.Status == http.StatusNotFound {
				r.Status, r.Body = http.StatusAccepted, []byte(`{"operationId":"5.0","status":"assigning"}`)
			}
		}),
		both(onMQTT("poll", func(a *mqttfront.Answer) {
			if a.Code == 404 {
				a.Code, a.Body = 202, []byte(`{"operationId":"5.0","status":"assigning"}`)
			}
		}), onAMQP("poll", func(a *amqpfront.Answer) {
			if a.Code == 404 {
				a.Code, a.Body = 202, []byte(`{"operationId":"5.0","status":"assigning"}`)
			}
		}))),
}, {
	ID: "error-without-tracking-id", Summary: "leaves trackingId out of error documents",
	Catches: []string{"DPS-HTTPS-027"},
	Build:   everyAnswer(func(d object) { delete(d, "trackingId") }),
}, {
	ID: "error-code-of-another-class", Summary: "sends errorCode 500000 with every error",
	Catches: []string{"DPS-HTTPS-028", "DPS-MQTT-042", "DPS-SAS-019"},
	Build: everyAnswer(func(d object) {
		if _, isError := d["trackingId"]; isError {
			d["errorCode"] = 500000
		}
	}),
}, {
	ID: "https-request-id-of-another", Summary: "sends an x-ms-request-id that is not the trackingId",
	Catches: []string{"DPS-HTTPS-029"},
	Build:   onHTTPS("", func(r *httpsfront.Reply) { r.Header.Set("x-ms-request-id", "another") }),
}, {
	ID: "https-no-error-header", Summary: "sends no x-ms-error-code",
	Catches: []string{"DPS-HTTPS-030"},
	Build:   onHTTPS("", func(r *httpsfront.Reply) { r.Header.Del("x-ms-error-code") }),
}, {
	ID: "https-any-method", Summary: "answers methods that a path does not have with 200",
	Catches: []string{"DPS-HTTPS-031"},
	Build: onHTTPS("", func(r *httpsfront.Reply) {
		if r.Status == http.StatusMethodNotAllowed {
			r.Status = http.StatusOK
		}
	}),
}, {
	ID: "operation-id-with-slash", Summary: "makes operation ids that a path cannot hold",
	Catches: []string{"DPS-HTTPS-034", "DPS-MQTT-071"},
	Build:   point.Always(provisioningOpened(func(op *registration.Operation) { op.ID += "/more?" })),
}, {
	ID: "operation-id-constant", Summary: "gives every registration the same operation id",
	Catches: []string{"DPS-HTTPS-035"},
	Build: point.Always(provisioningOpened(func(op *registration.Operation) {
		op.ID = "5.0011223344556677.00000000-0000-4000-8000-000000000000"
	})),
}, {
	ID: "failed-without-error-code", Summary: "reports a failed registration without errorCode",
	Catches: []string{"DPS-HTTPS-036", "DPS-MQTT-049", "DPS-ALLOC-013", "DPS-AMQP-035"},
	Build:   everyAnswer(func(d object) { delete(d.state(), "errorCode") }),
}, {
	ID: "disabled-without-state", Summary: "reports a disabled enrollment without registrationState",
	Catches: []string{"DPS-HTTPS-037", "DPS-MQTT-050", "DPS-AMQP-036"},
	Build: everyAnswer(func(d object) {
		if d["status"] == "disabled" {
			delete(d, "registrationState")
		}
	}),
}, {
	ID: "dates-with-offset", Summary: "writes dates with +00:00 in place of Z",
	Catches: []string{"DPS-HTTPS-038", "DPS-MQTT-072", "DPS-AMQP-072"},
	Build: everyAnswer(func(d object) {
		for _, name := range []string{"createdDateTimeUtc", "lastUpdatedDateTimeUtc"} {
			if text, ok := d.state()[name].(string); ok {
				d.state()[name] = strings.TrimSuffix(text, "Z") + "+00:00"
			}
		}
	}),
}, {
	ID: "state-etag-plain", Summary: "writes the etag of a registration state without base64",
	Catches: []string{"DPS-HTTPS-039"},
	Build: everyAnswer(func(d object) {
		if s := d.state(); s != nil {
			s["etag"] = `"plain"`
		}
	}),
}, {
	ID: "payload-as-text", Summary: "sends a payload that is a string",
	Catches: []string{"DPS-HTTPS-040", "DPS-MQTT-067", "DPS-AMQP-069"},
	Build: everyAnswer(func(d object) {
		if s := d.state(); s != nil {
			s["payload"] = "text"
		}
	}),
}, {
	ID: "substatus-reset", Summary: "reports every assignment as a reset",
	Catches: []string{"DPS-HTTPS-041", "DPS-ALLOC-016", "DPS-SVC-055"},
	Build: everyAnswer(func(d object) {
		if s := d.state(); s != nil && s["substatus"] != nil {
			s["substatus"] = "deviceDataReset"
		}
	}),
}, {
	ID: "https-second-register-200", Summary: "answers a device that is already assigned with 200 at once",
	Catches: []string{"DPS-HTTPS-044"},
	Build: func(point.Args) ([]point.Plan, error) {
		var seen sync.Map
		return []point.Plan{httpsfront.Replying.Plan(func(c point.Call, r *httpsfront.Reply) {
			if c.Step != "register" || r.Status != http.StatusAccepted {
				return
			}
			if _, again := seen.LoadOrStore(strings.ToLower(c.Registration), true); again {
				r.Status = http.StatusOK
			}
		})}, nil
	},
}, {
	ID: "x509-info-in-part", Summary: "sends certificateInfo with one member of eight",
	Catches: []string{"DPS-X509-015"},
	Build: everyAnswer(func(d object) {
		if s := d.state(); s["x509"] != nil {
			s["x509"] = object{"certificateInfo": object{"subjectName": "CN=device"}}
		}
	}),
}}
