package main

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/dpslab/dpslab/internal/controlapi"
	"github.com/dpslab/dpslab/internal/requirement"
	"github.com/dpslab/dpslab/reports"
)

// TestARunIsRendered makes a run with a red, holds its file to the published schema, and
// renders it again.
func TestARunIsRendered(t *testing.T) {
	t.Parallel()
	lab := up(t).open(t)
	control := lab.control(t)
	if _, err := control.ArmService(t.Context(), defaultService(t, control), controlapi.Plan{Entry: "https-register-200"}); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	file := withoutControl(t, lab)
	p := invoke(t, environment(t), "dpslab", "conformance", "--target", file, "--label-filter", "family:HTTPS", "--report-dir", folder)
	if p.code != exitWrong {
		t.Fatalf("%s", p)
	}
	text := contents(t, filepath.Join(folder, "run.json"))
	followsSchema(t, text)

	run, _ := readReports(t, folder)
	if got := run.Tool; got.Version != version() || got.Go != runtime.Version() || got.OS != runtime.GOOS || got.Arch != runtime.GOARCH {
		t.Errorf("made by %+v", got)
	}
	if got, want := run.Target, lab.target; got.Source != file || got.Host != want.DPS.Host || got.ServiceHost != want.DPS.ServiceHost ||
		got.Address != want.DPS.Address || got.Ports.MQTTS != want.DPS.Ports.MQTTS || len(got.Hubs) != len(want.Hubs) || got.Control {
		t.Errorf("target %+v", got)
	}
	if run.Selection.LabelFilter != "family:HTTPS" || run.Catalogue.Digest != requirement.Digest() {
		t.Errorf("%+v %s", run.Selection, run.Catalogue.Digest)
	}

	for format, written := range map[string]string{"html": "report.html", "junit": "junit.xml"} {
		first := contents(t, filepath.Join(folder, written))
		p := invoke(t, environment(t), "dpslab", "report", format, filepath.Join(folder, "run.json"))
		if p.code != exitPassed || p.stdout.String() != string(first) {
			t.Errorf("%s: what is rendered later differs: exit code %d, %d bytes instead of %d", format, p.code, len(p.stdout.String()), len(first))
		}
		out := filepath.Join(t.TempDir(), "out")
		p = invoke(t, environment(t), "dpslab", "report", format, filepath.Join(folder, "run.json"), "-o", out)
		if p.code != exitPassed || p.stdout.String() != "" || !bytes.Equal(contents(t, out), first) {
			t.Errorf("%s -o: %s", format, p)
		}
	}
	page := string(contents(t, filepath.Join(folder, "report.html")))
	for _, part := range []string{"<!doctype html>", "Does not conform.", "DPS-HTTPS-001", "HTTP/1.1 200 OK", "dpslab conformance --target", version()} {
		if !strings.Contains(page, part) {
			t.Errorf("the page does not say %q", part)
		}
	}
}

func TestWhatCannotBeRendered(t *testing.T) {
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
		{[]string{"html"}, "try: dpslab report html --help"},
		{[]string{"pdf", "run.json"}, "try: dpslab report --help"},
		{[]string{"html", filepath.Join(folder, "missing.json")}, "conformance --report-dir writes run.json"},
		{[]string{"html", write("text", "no JSON")}, "not a result file of dpslab"},
		{[]string{"junit", write("other.json", `{"schema":"dpslab/run/v9"}`)}, `schema is "dpslab/run/v9"`},
	} {
		p := invoke(t, environment(t), "dpslab", append([]string{"report"}, c.args...)...)
		if p.code != exitUntestable || p.stdout.String() != "" {
			t.Errorf("%s", p)
		}
		oneLineOfStderr(t, p, c.says)
	}
}

func contents(t testing.TB, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func followsSchema(t testing.TB, text []byte) {
	t.Helper()
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(reports.JSONSchema))
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("run.schema.json", schema); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("run.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := compiled.Validate(document); err != nil {
		t.Error(err)
	}
}
