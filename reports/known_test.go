package reports_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/reports"
)

// small is a run of two requirements over two transports.
func small(outcomes ...reports.Outcome) reports.Run {
	r := reports.Run{
		Schema: reports.Schema, Target: reports.Target{Source: "t.yaml", Host: "dps.test"}, Tool: example().Tool,
		Catalogue: reports.Catalogue{Version: "1", Digest: "sha256:00", Clauses: []reports.Clause{
			{ID: "DPS-MQTT-001", Level: "must", Evidence: "sdk"}, {ID: "DPS-MQTT-002", Level: "must", Evidence: "sdk"},
		}},
	}
	for i, o := range outcomes {
		one := reports.Result{
			Requirement: r.Catalogue.Clauses[i/2].ID, Title: "a check", Transport: []string{"mqtt", "mqtt-ws"}[i%2], Outcome: o,
		}
		switch {
		case o.Red():
			one.Failure = "wrong"
		case o == reports.Passed:
			one.Assertions = 1
		default:
			one.Reason = "elsewhere"
		}
		r.Results = append(r.Results, one)
	}
	r.Tally()
	return r
}

const (
	pass = reports.Passed
	fail = reports.Failed
	skip = reports.Skipped
	errs = reports.Error
)

func TestKnownFailures(t *testing.T) {
	first := reports.Known{Requirement: "DPS-MQTT-001", Reason: "bug 7"}
	overMQTT := reports.Known{Requirement: "DPS-MQTT-001", Transport: "mqtt", Reason: "bug 7"}
	for _, c := range []struct {
		rule     string
		outcomes []reports.Outcome
		known    []reports.Known
		verdict  reports.Outcome
		marked   int
		stale    int
	}{
		{"a known failure does not fail the run", []reports.Outcome{fail, fail, pass}, []reports.Known{first}, pass, 2, 0},
		{"another failure does", []reports.Outcome{fail, fail, fail}, []reports.Known{first}, fail, 2, 0},
		{"an entry holds for its transport alone", []reports.Outcome{fail, fail}, []reports.Known{overMQTT}, fail, 1, 0},
		{"some of the checks of an entry may pass", []reports.Outcome{fail, pass}, []reports.Known{first}, pass, 1, 0},
		{"when all pass the entry is stale, and that fails", []reports.Outcome{pass, pass}, []reports.Known{first}, fail, 0, 1},
		{"what did not run is not stale", []reports.Outcome{skip, skip, pass}, []reports.Known{first}, pass, 0, 0},
		{"an error is never known", []reports.Outcome{errs, fail}, []reports.Known{first}, errs, 1, 0},
		{"known failures alone are no pass", []reports.Outcome{fail, skip}, []reports.Known{first}, skip, 1, 0},
	} {
		r := small(c.outcomes...)
		r.Expect(c.known)
		if r.Verdict() != c.verdict || r.Counts.Known != c.marked || len(r.Stale) != c.stale {
			t.Errorf("%s: %s, %d known, stale %v", c.rule, r.Verdict(), r.Counts.Known, r.Stale)
		}
		if err := r.Reconcile(); err != nil {
			t.Errorf("%s: %v", c.rule, err)
		}
	}
}

func TestAKnownFailureIsToldAndIsNoRed(t *testing.T) {
	r := small(fail, pass, pass)
	r.Expect([]reports.Known{
		{Requirement: "DPS-MQTT-001", Reason: "bug 7"}, {Requirement: "DPS-MQTT-002", Transport: "mqtt", Reason: "bug 8"},
	})
	var text, junit bytes.Buffer
	if err := reports.WriteText(&text, r); err != nil {
		t.Fatal(err)
	}
	if err := reports.WriteJUnit(&junit, r); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"known to fail: DPS-MQTT-001 over mqtt: a check (bug 7)", "1 failed (1 known)", "FAILED to fail: DPS-MQTT-002 over mqtt", "bug 8"} {
		if !strings.Contains(text.String(), part) {
			t.Errorf("the text does not say %q:\n%s", part, &text)
		}
	}
	if strings.Contains(text.String(), "got       wrong") {
		t.Errorf("the known failure is told as a red:\n%s", &text)
	}
	for _, part := range []string{`message="known to fail: bug 7"`, `name="DPS-MQTT-002 over mqtt fails as expected"`, `tests="4" failures="1"`} {
		if !strings.Contains(junit.String(), part) {
			t.Errorf("the JUnit file does not say %q:\n%s", part, &junit)
		}
	}
}

func TestClaims(t *testing.T) {
	good := reports.Claim{Name: "transport mqtt", Claimed: true, Seen: reports.SeenYes, Outcome: pass, Note: "CONNACK 5"}
	absent := reports.Claim{Name: "transport https", Seen: reports.SeenNo, Outcome: pass, Note: "the file gives no port"}
	broken := reports.Claim{
		Name: "transport mqtt-ws", Claimed: true, Seen: reports.SeenNo, Outcome: fail, Note: "upgrade answered with 404", Change: "take mqtt-ws out",
	}
	r := small(pass)
	r.Claims = []reports.Claim{good, absent}
	if r.Verdict() != pass || r.Reconcile() != nil {
		t.Errorf("%s, %v", r.Verdict(), r.Reconcile())
	}
	r.Claims = append(r.Claims, broken)
	if r.Verdict() != fail || r.Reconcile() != nil {
		t.Errorf("a claim that is contradicted: %s, %v", r.Verdict(), r.Reconcile())
	}
	var text, junit bytes.Buffer
	if err := reports.WriteText(&text, r); err != nil {
		t.Fatal(err)
	}
	if err := reports.WriteJUnit(&junit, r); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"FAILED the claim of transport mqtt-ws", "404", "take mqtt-ws out", "not claimed, so not checked: transport https", "FAILED: 1 passed"} {
		if !strings.Contains(text.String(), part) {
			t.Errorf("the text does not say %q:\n%s", part, &text)
		}
	}
	if !strings.Contains(junit.String(), `name="the claim of transport mqtt-ws"`) {
		t.Errorf("not in the JUnit file:\n%s", &junit)
	}
	for rule, c := range map[string]reports.Claim{
		"a failure that says nothing to change": {Name: "a", Claimed: true, Seen: reports.SeenNo, Outcome: fail, Note: "n"},
		"a pass that was not seen":              {Name: "a", Claimed: true, Seen: reports.SeenNo, Outcome: pass, Note: "n"},
		"a failure that was claimed and seen":   {Name: "a", Claimed: true, Seen: reports.SeenYes, Outcome: fail, Note: "n", Change: "c"},
		"a pass of what is unknown":             {Name: "a", Claimed: true, Seen: reports.SeenUnknown, Outcome: pass, Note: "n"},
		"an absence without a word":             {Name: "a", Seen: reports.SeenNo, Outcome: pass},
	} {
		r.Claims = []reports.Claim{c}
		if r.Reconcile() == nil {
			t.Errorf("%s reconciles", rule)
		}
	}
}

func TestSkipsAreToldByTheirReasons(t *testing.T) {
	r := small(skip, skip, pass)
	r.Results[0].Reason = "needs control"
	reasons := r.SkipReasons()
	if len(reasons) != 2 || reasons[0].Reason != "needs control" || len(reasons[1].Results) != 1 {
		t.Errorf("%+v", reasons)
	}
	var text bytes.Buffer
	if err := reports.WriteText(&text, r); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), "skipped 1: needs control\n") {
		t.Errorf("%s", &text)
	}
}
