package reports_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/dpslab/dpslab/internal/transcript"
	"github.com/dpslab/dpslab/reports"
)

var noon = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)

func event(side transcript.Side, direction, kind, summary, body string) reports.Event {
	return reports.Event{At: noon, Side: side, Conn: 3, Direction: direction, Kind: kind, Summary: summary, Body: body}
}

func example() reports.Run {
	r := reports.Run{
		Schema: reports.Schema, Started: noon, Duration: 1500 * time.Millisecond,
		Tool: reports.Tool{Version: "v1.2.3", Commit: "0123abc", Go: "go1.26.8", OS: "linux", Arch: "amd64"},
		Target: reports.Target{
			Source: "lab.yaml", Host: "dps.test", ServiceHost: "lab.dps.test", IDScope: "0ne1", Address: "127.0.0.1",
			Ports: reports.Ports{HTTPS: 8443, MQTTS: 8883, AMQPS: 5671}, Hubs: []string{"hub-1.test"}, Control: true,
			Defects: []string{"register-answers-200"},
		},
		Selection: reports.Selection{LabelFilter: "family:HTTPS || family:MQTT"},
		Catalogue: reports.Catalogue{Version: "1.0.0", Digest: "sha256:00", Clauses: []reports.Clause{
			{ID: "DPS-HTTPS-001", Level: "must", Statement: "The service answers 202.", Source: "docs/protocol/device-api.md 1.1; an SDK", Evidence: "sdk"},
			{ID: "DPS-HTTPS-002", Level: "should", Statement: "The service is quick.", Source: "docs/protocol/device-api.md 1.2; a document", Evidence: "doc"},
			{ID: "DPS-MQTT-001", Level: "must", Statement: "The service connects.", Source: "docs/protocol/device-api.md 2.2; an SDK", Evidence: "sdk"},
			{ID: "DPS-MQTT-002", Level: "must", Statement: "The service waits.", Source: "docs/protocol/device-api.md 2.3; an SDK", Evidence: "sdk"},
		}},
		Results: []reports.Result{
			{Requirement: "DPS-MQTT-001", Title: "needs a lab", Transport: "mqtt-ws", Outcome: reports.Skipped, Reason: "needs control"},
			{Requirement: "DPS-MQTT-001", Title: "breaks", Transport: "mqtt", Outcome: reports.Error, Failure: "make a service: refused", Duration: time.Second},
			{Requirement: "DPS-HTTPS-001", Title: "register answers 202", Transport: "https", Outcome: reports.Failed, Assertions: 1,
				Failure: "Expected\n    <int>: 200\nto equal\n    <int>: 202", At: "suites/https/register.go:20", Steps: []string{"make a service", "register"},
				Rerun: "dpslab conformance --label-filter 'spec:DPS-HTTPS-001'",
				Exchange: reports.Exchange{
					event(transcript.Client, "sent", transcript.KindMessage, "PUT /0ne1/registrations/d/register", ""),
					event(transcript.Server, "", transcript.KindInjected, "register-answers-200 at https.before-encode", ""),
					event(transcript.Server, "sent", transcript.KindMessage, "HTTP/1.1 200 OK", ""),
					event(transcript.Client, "received", transcript.KindMessage, "HTTP/1.1 200 OK", `{"operationId":"5.1"}`),
				}},
			{Requirement: "DPS-HTTPS-002", Title: "answers at once", Transport: "none", Outcome: reports.Passed, Assertions: 2},
			{Requirement: "DPS-HTTPS-002", Title: "answers later", Transport: "none", Outcome: reports.Disabled, Reason: "not selected"},
		},
	}
	r.Tally()
	return r
}

func TestTallyCountsAndSorts(t *testing.T) {
	r := example()
	if err := r.Reconcile(); err != nil {
		t.Fatal(err)
	}
	want := reports.Counts{Disabled: 1, Skipped: 1, Passed: 1, Failed: 1, Errors: 1, Results: 5, Covered: 3, NotCovered: 1, Requirements: 4}
	if r.Counts != want {
		t.Errorf("counts %+v", r.Counts)
	}
	if len(r.NotCovered) != 1 || r.NotCovered[0] != "DPS-MQTT-002" {
		t.Errorf("not covered %q", r.NotCovered)
	}
	if r.Results[0].Requirement != "DPS-HTTPS-001" || r.Results[4].Transport != "mqtt-ws" {
		t.Errorf("order: %v … %v", r.Results[0].Name(), r.Results[4].Name())
	}
	if r.Verdict() != reports.Error {
		t.Errorf("verdict %s", r.Verdict())
	}
}

func TestReconcileRefuses(t *testing.T) {
	for _, c := range []struct {
		rule   string
		change func(r *reports.Run)
		says   string
	}{
		{"another schema", func(r *reports.Run) { r.Schema = "dpslab/run/v0" }, "schema"},
		{"a count that is off", func(r *reports.Run) { r.Counts.Passed++ }, "counts"},
		{"a result that vanished", func(r *reports.Run) { r.Results = r.Results[1:] }, "counts"},
		{"a requirement that vanished", func(r *reports.Run) { r.Catalogue.Clauses = r.Catalogue.Clauses[:3] }, "counts"},
		{"a requirement twice", func(r *reports.Run) { r.Catalogue.Clauses[1].ID = "DPS-HTTPS-001" }, "twice"},
		{"a result of no requirement", func(r *reports.Run) { r.Results[0].Requirement = "DPS-HTTPS-999" }, "not in the catalogue"},
		{"a run twice", func(r *reports.Run) { r.Results[1] = r.Results[0] }, "twice"},
		{"a pass that asserted nothing", func(r *reports.Run) { r.Results[1].Assertions = 0 }, "without an assertion"},
		{"a skip without a reason", func(r *reports.Run) { r.Results[4].Reason = "" }, "without a reason"},
		{"a red without a failure", func(r *reports.Run) { r.Results[0].Failure = "" }, "without a failure"},
		{"other requirements without a check", func(r *reports.Run) { r.NotCovered = []string{"DPS-MQTT-001"} }, "not covered"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			r := example()
			c.change(&r)
			if err := r.Reconcile(); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestJSONRoundTrip(t *testing.T) {
	want := example()
	var b bytes.Buffer
	if err := reports.WriteJSON(&b, want); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"outcome": "failed"`, `"schema": "dpslab/run/v1"`, `"kind": "injected"`} {
		if !strings.Contains(b.String(), part) {
			t.Errorf("the file does not say %s", part)
		}
	}
	edited := strings.Replace(b.String(), `"outcome": "failed"`, `"outcome": "passed"`, 1)
	got, err := reports.ReadJSON(&b)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	for _, broken := range []string{edited, strings.Replace(edited, "passed", "fine", 1), "{}", "[", ""} {
		if _, err := reports.ReadJSON(strings.NewReader(broken)); err == nil {
			t.Errorf("read %.60q", broken)
		}
	}
}

func TestRedTakesTwelveLines(t *testing.T) {
	r := example()
	clause, _ := r.Clause("DPS-HTTPS-001")
	text := reports.Red(r.Results[0], clause)
	want := `FAILED DPS-HTTPS-001 over https: register answers 202 (must)
  requires  The service answers 202.
  source    docs/protocol/device-api.md 1.1; an SDK (sdk)
  got       Expected <int>: 200 to equal <int>: 202
  at        suites/https/register.go:20
  during    register
  wire      #3 C> PUT /0ne1/registrations/d/register
  wire      #3 S> HTTP/1.1 200 OK {"operationId":"5.1"}
  injected  register-answers-200 at https.before-encode
  again     dpslab conformance --label-filter 'spec:DPS-HTTPS-001'
`
	if text != want {
		t.Errorf("got\n%s", text)
	}

	long := r.Results[0]
	long.Failure = strings.Repeat("very long\n\x1b[31m", 500)
	for i := range 100 {
		long.Exchange = append(long.Exchange, event(transcript.Client, "sent", transcript.KindMessage, fmt.Sprintf("PINGREQ %d", i), strings.Repeat("x", 1000)))
	}
	text = reports.Red(long, clause)
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) != 12 {
		t.Errorf("%d lines:\n%s", len(lines), text)
	}
	for _, line := range lines {
		if n := utf8.RuneCountInString(line); n > 200 || strings.Contains(line, "\x1b") {
			t.Errorf("a line of %d characters: %q", n, line)
		}
	}
	if !strings.Contains(text, "PINGREQ 99") {
		t.Error("the end of the exchange is not shown")
	}
}

func TestTextSumsUp(t *testing.T) {
	var b bytes.Buffer
	if err := reports.WriteText(&b, example()); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		"FAILED DPS-HTTPS-001", "ERROR DPS-MQTT-001 over mqtt: breaks", "no check covers DPS-MQTT-002",
		"armed on purpose: register-answers-200",
		"ERROR: 1 passed, 1 failed, 1 errors, 1 skipped, 1 disabled against dps.test in 1.5s",
	} {
		if !strings.Contains(b.String(), part) {
			t.Errorf("%q is missing in\n%s", part, b.String())
		}
	}
}

// A reader such as CI's: strict XML, counts that add up, nothing that XML forbids.
func TestJUnitIsWellFormed(t *testing.T) {
	r := example()
	r.Results[0].Failure += "\x00\x1b]0;\xff\ufffe"
	r.Results[0].Title = "a \x07 title"
	r.Results[0].Exchange[0].Body = "\x00\xff"
	r.Tally()
	var b bytes.Buffer
	if err := reports.WriteJUnit(&b, r); err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(bytes.NewReader(b.Bytes())); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, b.String())
		}
	}
	if !utf8.Valid(b.Bytes()) || bytes.ContainsAny(b.Bytes(), "\x00\x07\x1b") {
		t.Error("it holds what XML forbids")
	}
	type message struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
	var doc struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Skipped  int `xml:"skipped,attr"`
		Suites   []struct {
			Name       string `xml:"name,attr"`
			Tests      int    `xml:"tests,attr"`
			Properties []struct {
				Name  string `xml:"name,attr"`
				Value string `xml:"value,attr"`
			} `xml:"properties>property"`
			Cases []struct {
				Name    string   `xml:"name,attr"`
				Skipped *message `xml:"skipped"`
				Failure *message `xml:"failure"`
				Error   *message `xml:"error"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(b.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Tests != 5 || doc.Failures != 1 || doc.Errors != 1 || doc.Skipped != 2 || len(doc.Suites) != 2 {
		t.Fatalf("%+v", doc)
	}
	https, mqtt := doc.Suites[0], doc.Suites[1]
	if https.Name != "HTTPS" || https.Tests != 3 || mqtt.Cases[1].Skipped.Message != "skipped: needs control" {
		t.Errorf("%+v", doc)
	}
	if f := https.Cases[0].Failure; f == nil || !strings.Contains(f.Text, "requires  The service answers 202.") || strings.Contains(f.Message, "\n") {
		t.Errorf("failure %+v", f)
	}
	found := false
	for _, p := range mqtt.Properties {
		found = found || p.Name == "notCovered" && p.Value == "DPS-MQTT-002"
	}
	if !found {
		t.Errorf("properties %+v", mqtt.Properties)
	}
}

func FuzzJUnit(f *testing.F) {
	f.Add("Expected\n <int>: 1", "a title", "body")
	f.Add("\x00\xff\ufffe]]>", "<&\">", "\x1b[0m")
	f.Fuzz(func(t *testing.T, failure, title, body string) {
		r := example()
		r.Results[0].Failure, r.Results[0].Title, r.Results[0].Exchange[0].Body = failure, title, body
		var b bytes.Buffer
		if err := reports.WriteJUnit(&b, r); err != nil {
			t.Fatal(err)
		}
		for d := xml.NewDecoder(&b); ; {
			if _, err := d.Token(); err == io.EOF {
				return
			} else if err != nil {
				t.Fatal(err)
			}
		}
	})
}
