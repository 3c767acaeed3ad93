// Package sample makes runs for the tests of what renders them.
package sample

import (
	"fmt"
	"time"

	"github.com/dpslab/dpslab/internal/transcript"
	"github.com/dpslab/dpslab/reports"
)

var noon = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)

// families of the sample, how many requirements each has, and over what they are checked.
var families = []struct {
	name       string
	clauses    int
	transports []string
}{
	{"HTTPS", 14, []string{"https"}},
	{"MQTT", 16, []string{"mqtt", "mqtt-ws"}},
	{"SAS", 8, []string{"https", "mqtt", "mqtt-ws"}},
	{"SVC", 12, []string{"none"}},
	{"HUB", 10, []string{"mqtt", "none"}},
}

var levels = []string{"must", "must", "should", "must", "may"}

// Green is a run in which every check passed.
func Green() reports.Run { return run(func(*reports.Result, int) {}) }

// Mixed is a run with results of every outcome.
func Mixed() reports.Run {
	r := run(func(one *reports.Result, n int) {
		switch {
		case n%17 == 0:
			fail(one, n)
		case n%29 == 0:
			*one = reports.Result{Requirement: one.Requirement, Title: one.Title, Transport: one.Transport, Outcome: reports.Error, Duration: one.Duration,
				Failure: "make a service: the control port does not answer: connection refused", Steps: []string{"given: make a service"}, Rerun: rerun(*one)}
		case n%11 == 0:
			*one = reports.Result{Requirement: one.Requirement, Title: one.Title, Transport: one.Transport, Outcome: reports.Skipped, Reason: "the target has no control port"}
		case n%13 == 0:
			*one = reports.Result{Requirement: one.Requirement, Title: one.Title, Transport: one.Transport, Outcome: reports.Disabled, Reason: `not selected by the label filter "!slow"`}
		}
	})
	r.Catalogue.Clauses = append(r.Catalogue.Clauses, clause("HUB", 99))
	r.Target.Defects = []string{"https-register-200"}
	r.Selection.LabelFilter = "!slow"
	r.Claims = []reports.Claim{
		{Name: "transport mqtt", Claimed: true, Seen: reports.SeenYes, Outcome: reports.Passed, Note: "port 8883 answered a CONNECT"},
		{Name: "transport amqp", Claimed: true, Seen: reports.SeenNo, Outcome: reports.Failed, Note: "port 5671 refused the connection", Change: "leave amqp out of capabilities.transports"},
		{Name: "attestation tpm", Seen: reports.SeenUnknown, Outcome: reports.Skipped, Note: "no device with a TPM was at hand"},
	}
	r.Expect([]reports.Known{
		{Requirement: "DPS-MQTT-002", Reason: "waits for the next release"},
		{Requirement: "DPS-HTTPS-001", Transport: "https", Reason: "was repaired"},
	})
	return r
}

// Reds is a run of n checks that all failed, each with a long exchange.
func Reds(n int) reports.Run {
	r := Green()
	r.Catalogue.Clauses, r.Results = nil, nil
	for i := range n {
		c := clause("MQTT", i+1)
		one := reports.Result{Requirement: c.ID, Title: title("MQTT", i+1), Transport: "mqtt", Assertions: 1, Duration: time.Second}
		fail(&one, i)
		for range 20 {
			one.Exchange = append(one.Exchange, Exchange()...)
		}
		r.Catalogue.Clauses, r.Results = append(r.Catalogue.Clauses, c), append(r.Results, one)
	}
	r.Tally()
	return r
}

func run(each func(one *reports.Result, n int)) reports.Run {
	r := reports.Run{
		Schema: reports.Schema, Started: noon, Duration: 14760 * time.Millisecond,
		Tool: reports.Tool{Version: "v1.2.3", Commit: "0123456789abcdef0123456789abcdef01234567", Go: "go1.26.8", OS: "linux", Arch: "amd64"},
		Target: reports.Target{
			Source: "lab.yaml", Host: "global.azure-devices-provisioning.net", ServiceHost: "dpslab-1a2b.azure-devices-provisioning.net",
			IDScope: "0ne00DEMO01", Address: "127.0.0.1", Ports: reports.Ports{HTTPS: 8443, MQTTS: 8883, AMQPS: 5671},
			Hubs: []string{"dpslab-1a2b-hub-1.azure-devices.net", "dpslab-1a2b-hub-2.azure-devices.net"}, Control: true,
		},
		Catalogue: reports.Catalogue{Version: "1.0.0", Digest: "sha256:00"},
	}
	n := 0
	for _, f := range families {
		for i := range f.clauses {
			c := clause(f.name, i+1)
			r.Catalogue.Clauses = append(r.Catalogue.Clauses, c)
			for _, over := range f.transports {
				n++
				one := reports.Result{
					Requirement: c.ID, Title: title(f.name, i+1), Transport: over,
					Outcome: reports.Passed, Assertions: 1 + n%4, Duration: time.Duration(n) * 7 * time.Millisecond,
				}
				each(&one, n)
				r.Results = append(r.Results, one)
			}
		}
	}
	r.Tally()
	return r
}

func clause(family string, n int) reports.Clause {
	return reports.Clause{
		ID: fmt.Sprintf("DPS-%s-%03d", family, n), Level: levels[n%len(levels)], Evidence: "sdk",
		Statement: fmt.Sprintf("The service does number %d of what is demanded of it in %s.", n, family),
		Source:    fmt.Sprintf("docs/protocol/device-api.md 1.%d; azure-iot-sdk-csharp RuntimeRegistration.cs throws on every other code", n),
	}
}

func title(family string, n int) string {
	return fmt.Sprintf("number %d of what %s demands is done as it should be", n, family)
}

func fail(one *reports.Result, n int) {
	one.Outcome, one.At = reports.Failed, "suites/https/operation.go:20"
	one.Failure = "Expected\n    <int>: 200\nto equal\n    <int>: 202"
	if n%2 == 1 {
		one.Failure = "wait for a packet: no packet came: context deadline exceeded"
	}
	one.Steps, one.Rerun, one.Exchange = []string{"given: make an enrollment", "register"}, rerun(*one), Exchange()
}

func rerun(one reports.Result) string {
	return fmt.Sprintf("dpslab conformance --target lab.yaml --label-filter 'spec:%s && transport:%s'", one.Requirement, one.Transport)
}

// Exchange is a register request that a defect spoils, as both sides recorded it, and a
// message that never arrived.
func Exchange() reports.Exchange {
	var x reports.Exchange
	add := func(side transcript.Side, conn uint64, direction, kind, summary, body string, lines ...string) {
		x = append(x, reports.Event{
			Seq: uint64(len(x) + 1), At: noon.Add(time.Duration(len(x)) * 1300 * time.Microsecond), Side: side, Conn: conn, Protocol: transcript.HTTP,
			Service: "lab", Direction: direction, Kind: kind, Summary: summary, Body: body, Lines: lines,
		})
	}
	const (
		opened  = "http connection from 127.0.0.1:51666"
		put     = "PUT /0ne00DEMO01/registrations/dev-01/register?api-version=2019-03-31 HTTP/1.1"
		request = `{"registrationId":"dev-01"}`
		answer  = `{"operationId":"5.1e6591107e284625","status":"assigning"}`
	)
	asked := []string{"Host: global.azure-devices-provisioning.net", "Authorization: SharedAccessSignature sr=0ne00DEMO01%2Fregistrations%2Fdev-01&sig=REDACTED&se=1795547149", "Content-Type: application/json; charset=utf-8"}
	add(transcript.Client, 1, "", transcript.KindOpened, opened, "")
	add(transcript.Server, 4, "", transcript.KindOpened, opened, "")
	add(transcript.Client, 1, "", transcript.KindNote, "TLS 1.3, TLS_AES_128_GCM_SHA256", "")
	add(transcript.Client, 1, "sent", transcript.KindMessage, put, request, asked...)
	add(transcript.Server, 4, "received", transcript.KindMessage, put, request, asked...)
	add(transcript.Server, 4, "", transcript.KindInjected, "https-register-200 at httpsfront.replying", "")
	add(transcript.Server, 4, "sent", transcript.KindMessage, "HTTP/1.1 200 OK", answer, "Content-Type: application/json; charset=utf-8", "Retry-After: 3")
	add(transcript.Client, 1, "received", transcript.KindMessage, "HTTP/1.1 200 OK", answer, "Content-Type: application/json; charset=utf-8")
	add(transcript.Client, 1, "sent", transcript.KindMessage, "GET /0ne00DEMO01/registrations/dev-01/operations/5.1 HTTP/1.1", "")
	add(transcript.Client, 1, "received", transcript.KindGarbage, `\x00\x01 are no HTTP`, "")
	add(transcript.Server, 4, "", transcript.KindClosed, "reset by peer", "")
	return x
}
