package main

import (
	"context"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/controlapi"
	"github.com/dpslab/dpslab/reports"
	"github.com/dpslab/dpslab/suites/sut"
)

func TestTheEmbeddedLabConforms(t *testing.T) {
	t.Parallel()
	report := filepath.Join(t.TempDir(), "a", "report")
	p := invoke(t, environment(t), "dpslab", "conformance", "--label-filter", "family:SAS && level:must", "--report-dir", report)
	if p.code != exitPassed || !strings.Contains(p.stdout.String(), "PASSED: ") || p.stderr.String() != "" {
		t.Fatalf("%s", p)
	}
	if !strings.HasSuffix(p.stdout.String(), "\nreport: "+filepath.Join(report, "report.html")+"\n") {
		t.Errorf("it does not end with the page to open: %s", p)
	}
	run, cases := readReports(t, report)
	if run.Counts.Passed == 0 || run.Counts.Failed+run.Counts.Errors > 0 || cases != run.Counts.Results {
		t.Errorf("%+v, %d test cases", run.Counts, cases)
	}
	for _, r := range run.Results {
		if ran := r.Outcome != reports.Disabled; ran != (strings.HasPrefix(r.Requirement, "DPS-SAS-") && clauseOf(run, r).Level == "must") {
			t.Errorf("%s is %s", r.Name(), r.Outcome)
		}
	}
}

func clauseOf(run reports.Run, r reports.Result) reports.Clause {
	c, _ := run.Clause(r.Requirement)
	return c
}

// readReports reads both files of a report folder back.
func readReports(t testing.TB, folder string) (run reports.Run, testCases int) {
	t.Helper()
	f, err := os.Open(filepath.Join(folder, "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if run, err = reports.ReadJSON(f); err != nil {
		t.Fatal(err)
	}
	junit, err := os.Open(filepath.Join(folder, "junit.xml"))
	if err != nil {
		t.Fatal(err)
	}
	defer junit.Close()
	for d := xml.NewDecoder(junit); ; {
		token, err := d.Token()
		if err == io.EOF {
			return run, testCases
		}
		if err != nil {
			t.Fatalf("junit.xml: %v", err)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "testcase" {
			testCases++
		}
	}
}

// withoutControl describes a lab as a service that nobody controls: its checks share the
// service that is there, as at any other target.
func withoutControl(t testing.TB, lab *running) (file string) {
	t.Helper()
	target := lab.target
	target.Control = nil
	return writeTarget(t, target)
}

func writeTarget(t testing.TB, target sut.Target) (file string) {
	t.Helper()
	text, err := sut.Marshal(target)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "target.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// defaultService is the name of the service that a lab begins with.
func defaultService(t testing.TB, c *controlapi.Client) string {
	t.Helper()
	list, err := c.Services(context.Background())
	if err != nil || len(list) != 1 {
		t.Fatalf("%v %v", list, err)
	}
	return list[0].Name
}

func TestATargetThatDoesNotConform(t *testing.T) {
	t.Parallel()
	lab := up(t).open(t)
	control := lab.control(t)
	name := defaultService(t, control)
	file, report := withoutControl(t, lab), t.TempDir()
	args := []string{"conformance", "--target", file, "--focus-id", "DPS-HTTPS-001", "--report-dir", report}
	if p := invoke(t, environment(t), "dpslab", args...); p.code != exitPassed {
		t.Fatalf("before the defect: %s", p)
	}
	if _, err := control.ArmService(context.Background(), name, controlapi.Plan{Entry: "https-register-200"}); err != nil {
		t.Fatal(err)
	}
	p := invoke(t, environment(t), "dpslab", args...)
	if p.code != exitWrong || p.stderr.String() != "" {
		t.Errorf("%s", p)
	}
	red, _, _ := strings.Cut(p.stdout.String(), "\n\n")
	for _, part := range []string{"FAIL", "DPS-HTTPS-001", "(must)", "requires", "source", "202", "HTTP/1.1 200 OK", "again", "dpslab conformance --target " + file} {
		if !strings.Contains(red, part) {
			t.Errorf("the red does not say %q:\n%s", part, red)
		}
	}
	if lines := strings.Count(red, "\n") + 1; lines > 12 {
		t.Errorf("the red takes %d lines:\n%s", lines, red)
	}
	if run, _ := readReports(t, report); run.Counts.Failed != 1 {
		t.Errorf("%+v", run.Counts)
	}
	// The command that it names does it again.
	_, again, _ := strings.Cut(red, "again")
	again, _, _ = strings.Cut(again, "\n")
	again = strings.NewReplacer("dpslab conformance", "", "'", "").Replace(strings.TrimSpace(again))
	before, filter, _ := strings.Cut(again, "--label-filter ")
	if p := invoke(t, environment(t), "dpslab", append(append([]string{"conformance"}, strings.Fields(before)...), "--label-filter", filter)...); p.code != exitWrong {
		t.Errorf("%s", p)
	}
}

func TestATargetThatCannotBeTested(t *testing.T) {
	t.Parallel()
	lab := up(t).open(t)
	dead := lab.target
	dead.Control, dead.DPS.Ports = nil, sut.Ports{HTTPS: closedPortOf(t), MQTTS: 1, AMQPS: 1}
	silent := lab.target
	silent.Control, silent.DPS.Ports = nil, sut.Ports{HTTPS: silentPort(t), MQTTS: 1, AMQPS: 1}
	noControl := lab.target
	noControl.Control = &sut.Control{URL: "https://127.0.0.1:1", Token: "t"}
	wrongToken := lab.target
	wrongToken.Control = &sut.Control{URL: lab.target.Control.URL, Token: "wrong"}
	stranger := lab.target
	stranger.Control, stranger.CAFile = nil, up(t).vars["DPSLAB_CA_FILE"]
	for _, c := range []struct {
		rule   string
		target sut.Target
		says   string
	}{
		{"nobody listens", dead, "connection refused"},
		{"somebody listens and says nothing", silent, ""},
		{"the control port is gone", noControl, "is the lab running?"},
		{"the control token is wrong", wrongToken, "401"},
		{"the authority is another", stranger, "certificate"},
	} {
		elapsed := clock.Stopwatch()
		p := invoke(t, environment(t), "dpslab", "conformance", "--target", writeTarget(t, c.target))
		if p.code != exitUntestable || p.stdout.String() != "" {
			t.Errorf("%s: %s", c.rule, p)
		}
		oneLineOf(t, p, c.says)
		if took := elapsed().Seconds(); took > 10 {
			t.Errorf("%s: known after %.1f s", c.rule, took)
		}
	}
}

func closedPortOf(t *testing.T) int {
	t.Helper()
	port, err := closedPort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func TestWhatConformanceCannotRun(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(folder, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"--label-filter", "family:("}, "label filter"},
		{[]string{"--label-filter", "family:NONE"}, "nothing was tested"},
		{[]string{"--focus-id", "DPS-NONE-001"}, `"DPS-NONE-001"`},
		{[]string{"--target", filepath.Join(folder, "missing.yaml")}, "missing.yaml"},
		{[]string{"--target", folder}, folder},
		{[]string{"--target", write("unknown.yaml", "dpslab: target/v1\ndps:\n  host: h\n  hots: h\n")}, "unknown.yaml: [4:3]"},
		{[]string{"--target", write("kind.yaml", "dpslab: lab/v1\n")}, "target/v1"},
		{[]string{"--target", write("syntax.yaml", "dpslab: target/v1\ndps: {host: h\n")}, "syntax.yaml: ["},
		{[]string{"--target", write("type.yaml", "dpslab: target/v1\ndps:\n  host: h\n  ports: {https: many}\n")}, "type.yaml: [4:"},
		{[]string{"--target", write("missing-address.yaml", "dpslab: target/v1\ndps:\n  host: h\n  id_scope: s\n")}, "[3:"},
		{[]string{"--focus-id", "DPS-SAS-001", "--report-dir", "/dev/null/report"}, "report folder"},
	} {
		p := invoke(t, environment(t), "dpslab", append([]string{"conformance"}, c.args...)...)
		if p.code != exitUntestable {
			t.Errorf("%s", p)
		}
		oneLineOfStderr(t, p, c.says)
	}
}

func TestAnInterruptedRunSaysSoAndKeepsItsReport(t *testing.T) {
	t.Parallel()
	lab := up(t).open(t)
	report := t.TempDir()
	p := start(t, environment(t), "dpslab", "conformance", "--target", lab.targetFile, "--report-dir", report)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for e, err := range lab.control(t).Events(ctx, controlapi.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(e.Summary, "/register?") {
			break // a check is on the wire
		}
	}
	p.interrupt()
	if p.wait(t) != exitUntestable || strings.Contains(p.stdout.String(), "ERROR") || strings.Contains(p.stdout.String(), "PASSED") {
		t.Errorf("%s", p)
	}
	oneLineOfStderr(t, p, "interrupted: ", "did not come to their end")
	if run, _ := readReports(t, report); run.Counts.Errors == 0 {
		t.Errorf("%+v", run.Counts)
	}
}

// armDefault arms a defect in the service that a lab begins with.
func armDefault(t testing.TB, control *controlapi.Client, defect string) {
	t.Helper()
	if _, err := control.ArmService(context.Background(), defaultService(t, control), controlapi.Plan{Entry: defect}); err != nil {
		t.Fatal(err)
	}
}
