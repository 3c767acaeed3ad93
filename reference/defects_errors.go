package reference

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/deviceapi/amqpfront"
	"github.com/dpslab/dpslab/reference/deviceapi/httpsfront"
	"github.com/dpslab/dpslab/reference/deviceapi/mqttfront"
	"github.com/dpslab/dpslab/reference/provisioning"
	"github.com/dpslab/dpslab/reference/registration"
)

// everyError changes the error documents of the device API, over each transport.
func everyError(change func(object)) func(point.Args) ([]point.Plan, error) {
	return everyAnswer(func(d object) {
		if _, isError := d["trackingId"]; isError {
			change(d)
		}
	})
}

// otherCode sends one errorCode for another.
func otherCode(is, sent float64) func(point.Args) ([]point.Plan, error) {
	return everyError(func(d object) {
		if d["errorCode"] == is {
			d["errorCode"] = sent
		}
	})
}

// errorDefects are errors that are told wrongly, and operations that end wrongly.
var errorDefects = point.Catalogue{{
	ID: "error-info-nested", Summary: "sends objects in the info of an error",
	Catches: []string{"DPS-ERR-001"},
	Build:   everyError(func(d object) { d["info"] = object{"device": object{}} }),
}, {
	ID: "error-with-operation", Summary: "sends an operationId and a status with an error",
	Catches: []string{"DPS-ERR-002"},
	Build:   everyError(func(d object) { d["operationId"], d["status"] = "5.0", "failed" }),
}, {
	ID: "error-date-with-offset", Summary: "writes the date of an error with +00:00 in place of Z",
	Catches: []string{"DPS-ERR-003"},
	Build: everyError(func(d object) {
		text, _ := d["timestampUtc"].(string)
		d["timestampUtc"] = strings.TrimSuffix(text, "Z") + "+00:00"
	}),
}, {
	ID: "error-tracking-constant", Summary: "gives every error the same trackingId",
	Catches: []string{"DPS-ERR-004"},
	Build:   everyError(func(d object) { d["trackingId"] = "00000000-0000-4000-8000-000000000000" }),
}, {
	ID: "unauthorized-401000", Summary: "sends errorCode 401000 for a wrong token or certificate",
	Catches: []string{"DPS-ERR-005", "DPS-ERR-006"},
	Build:   otherCode(401002, 401000),
}, {
	ID: "unknown-operation-404000", Summary: "sends errorCode 404000 for an unknown operation",
	Catches: []string{"DPS-ERR-007"},
	Build:   otherCode(404203, 404000),
}, {
	ID: "concurrent-409000", Summary: "sends errorCode 409000 for a registration that meets another",
	Catches: []string{"DPS-ERR-008"},
	Build:   otherCode(409203, 409000),
}, {
	ID: "operation-told-once", Summary: "forgets an operation once it has told how it ended",
	Catches: []string{"DPS-ERR-009"},
	Build: func(point.Args) ([]point.Plan, error) {
		var told sync.Map // by operation id
		return []point.Plan{provisioning.Polled.Plan(func(_ point.Call, p *provisioning.Poll) {
			if !p.Operation.Record.Status.Terminal() {
				return
			}
			if _, again := told.LoadOrStore(p.Operation.ID, true); again {
				p.Own = false
			}
		})}, nil
	},
}}

// securityDefects are secrets that are told, rights that can be guessed, and TLS of old.
var securityDefects = point.Catalogue{{
	ID: "tls-1.0", Summary: "speaks TLS 1.0 and 1.1",
	Catches: []string{"DPS-SEC-001"},
	Build:   onTLS(func(c *tls.Config) { c.MinVersion = tls.VersionTLS10 }),
}, {
	ID: "tls-aes-128-only", Summary: "knows no cipher suite with AES-256",
	Catches: []string{"DPS-SEC-002"},
	Build: onTLS(func(c *tls.Config) {
		c.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
	}),
}, {
	ID: "tls-aes-128-sha1", Summary: "knows cipher suites with AES-128-CBC and SHA-1",
	Catches: []string{"DPS-SEC-003"},
	Build: onTLS(func(c *tls.Config) {
		c.CipherSuites = []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
		}
	}),
}, {
	ID: "operation-id-counted", Summary: "makes operation ids by counting",
	Catches: []string{"DPS-SEC-004"},
	Build: func(point.Args) ([]point.Plan, error) {
		var count atomic.Int64
		return []point.Plan{provisioningOpened(func(op *registration.Operation) {
			op.ID = fmt.Sprintf("5.%016x.00000000-0000-4000-8000-000000000000", count.Add(1))
		})}, nil
	},
}, {
	ID: "key-in-answer", Summary: "sends the key of an individual enrollment to its device",
	Catches: []string{"DPS-SEC-005"},
	Build:   keyInAnswer,
}, {
	ID: "stranger-told", Summary: "tells a device that nobody enrolled from one with a wrong token",
	Catches: []string{"DPS-SEC-006"},
	Build: func(point.Args) ([]point.Plan, error) {
		var enrolled sync.Map // by registration
		return []point.Plan{
			provisioning.Deciding.Plan(func(c point.Call, _ *provisioning.Candidate) { enrolled.Store(c.Registration, true) }),
			httpsfront.Replying.Plan(func(c point.Call, r *httpsfront.Reply) {
				if _, known := enrolled.Load(c.Registration); !known && r.Status == http.StatusUnauthorized {
					refuse(r, http.StatusNotFound)
				}
			}),
		}, nil
	},
}, {
	ID: "https-poll-of-anybody", Summary: "answers polls without asking whose they are",
	Catches: []string{"DPS-SEC-007"},
	Build: onHTTPS("poll", func(r *httpsfront.Reply) {
		if r.Status == http.StatusUnauthorized {
			r.Status, r.Body = http.StatusAccepted, []byte(`{"operationId":"5.0","status":"assigning"}`)
		}
	}),
}, {
	ID: "https-absolute-form-refused", Summary: "refuses requests in absolute form",
	Catches: []string{"DPS-SEC-008"},
	Build: onHTTPS("", func(r *httpsfront.Reply) {
		if r.Request.URL.IsAbs() {
			refuse(r, http.StatusBadRequest)
		}
	}),
}}

func keyInAnswer(point.Args) ([]point.Plan, error) {
	var keys sync.Map // by registration
	leak := func(c point.Call, body []byte) []byte {
		key, known := keys.Load(c.Registration)
		if !known {
			return body
		}
		return edit(body, func(d object) { d["symmetricKey"] = key })
	}
	return []point.Plan{
		provisioning.Deciding.Plan(func(c point.Call, e *provisioning.Candidate) {
			if k := e.Enrollment.Attestation.SymmetricKey; len(k.Primary) > 0 {
				keys.Store(c.Registration, base64.StdEncoding.EncodeToString(k.Primary))
			}
		}),
		httpsfront.Replying.Plan(func(c point.Call, r *httpsfront.Reply) { r.Body = leak(c, r.Body) }),
		mqttfront.Answering.Plan(func(c point.Call, a *mqttfront.Answer) { a.Body = leak(c, a.Body) }),
		amqpfront.Answering.Plan(func(c point.Call, a *amqpfront.Answer) { a.Body = leak(c, a.Body) }),
	}, nil
}
