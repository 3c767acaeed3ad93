package embed_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/dpslabtest"
	"github.com/dpslab/dpslab/internal/controlapi"
	"github.com/dpslab/dpslab/reports"
	"github.com/dpslab/dpslab/suites/sut"
	"github.com/onsi/ginkgo/v2/types"
)

func TestAModuleOutsideEmbedsTheChecks(t *testing.T) {
	e := newExample(t)
	e.command(t, "go", "vet", "./...")
	e.command(t, "go", "test", "-c", "-o", "embed.test", ".")

	t.Run("as Ginkgo specs, ours and its own", func(t *testing.T) {
		code, said, states := e.specs(t, "", "spec:DPS-HTTPS-001 || spec:DPS-MQTT-003 || family:BOOT")
		if code != 0 {
			t.Errorf("it ended with %d\n%s", code, said)
		}
		for _, want := range []string{"DPS-HTTPS-001", "DPS-MQTT-003 over mqtt", "ACME-BOOT-001 over https", "ACME-BOOT-001 over mqtt", "ACME-BOOT-002 over mqtt"} {
			if !slices.ContainsFunc(states["passed"], func(name string) bool { return strings.HasPrefix(name, want) }) {
				t.Errorf("%s did not pass; passed are %q", want, states["passed"])
			}
		}
		if len(states["passed"]) > 20 || len(states["skipped"]) < 300 {
			t.Errorf("%d passed, %d were not selected: the filter selects something else", len(states["passed"]), len(states["skipped"]))
		}
	})
	t.Run("and a service that does wrong fails its own", func(t *testing.T) {
		code, said, states := e.specs(t, broken(t), "family:BOOT")
		if code == 0 || len(states["failed"]) == 0 || !strings.Contains(said, "FAILED ACME-BOOT-001") || !strings.Contains(said, "ACME device handbook, 4.2") {
			t.Errorf("it ended with %d, failed are %q\n%s", code, states["failed"], said)
		}
	})
	t.Run("as a report, in which its own are among ours", func(t *testing.T) {
		out := t.TempDir()
		e.command(t, "./embed.test", "-test.run=^TestReport$", "-test.artifacts", "-test.outputdir="+out)
		text, err := os.Open(find(t, out, "run.json"))
		if err != nil {
			t.Fatal(err)
		}
		defer text.Close()
		run, err := reports.ReadJSON(text)
		if err != nil {
			t.Fatal(err)
		}
		clause, _ := run.Clause("ACME-BOOT-001")
		if !clause.Own || clause.Source != "ACME device handbook, 4.2" || run.Verdict() != reports.Passed || run.Counts.Passed < 5 {
			t.Errorf("%+v, %s, %+v", clause, run.Verdict(), run.Counts)
		}
	})
}

// find is the only file of that name below a folder.
func find(t *testing.T, folder, name string) string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == name {
			found = append(found, path)
		}
		return err
	})
	if err != nil || len(found) != 1 {
		t.Fatalf("%v; %s is at %q", err, name, found)
	}
	return found[0]
}

// example is a copy of docs/examples/embed, outside of this module, and how go is run in it.
type example struct {
	folder string
	env    []string
}

func newExample(t *testing.T) *example {
	t.Helper()
	e := &example{folder: filepath.Join(t.TempDir(), "embed")}
	if err := os.CopyFS(e.folder, os.DirFS(filepath.Join(root, "docs", "examples", "embed"))); err != nil {
		t.Fatal(err)
	}
	// Its dependencies are ours, so their checksums are too: nobody has to be asked for them.
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(e.folder, "go.sum"), sums, 0o600); err != nil {
		t.Fatal(err)
	}
	// Our module goes into a module cache of its own, which ends with the test. What else is
	// needed comes from the machine's cache first, and then from where it always comes from.
	machine := filepath.Join(goEnv(t, "GOMODCACHE"), "cache", "download")
	e.env = append(os.Environ(),
		"GOPROXY="+strings.Join([]string{fileURL(serveModule(t)), fileURL(machine), goEnv(t, "GOPROXY")}, ","),
		"GOMODCACHE="+filepath.Join(filepath.Dir(e.folder), "modules"), "GONOSUMDB="+packed.Path,
		"GOFLAGS=-mod=mod -modcacherw -trimpath", "GOWORK=off", "CGO_ENABLED=0", "DPSLAB_TARGET=")
	return e
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func fileURL(folder string) string {
	slashed := filepath.ToSlash(folder)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // a drive letter
	}
	return "file://" + slashed
}

// command runs a command that has to succeed.
func (e *example) command(t *testing.T, name string, args ...string) {
	t.Helper()
	if code, said := e.run(t, nil, name, args...); code != 0 {
		t.Fatalf("%s %s ended with %d\n%s", name, strings.Join(args, " "), code, said)
	}
}

func (e *example) run(t *testing.T, env []string, name string, args ...string) (code int, said string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Env = e.folder, append(slices.Clone(e.env), env...)
	out, err := cmd.CombinedOutput()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return failed.ExitCode(), string(out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0, string(out)
}

// specs runs the specs that a label filter selects, and lists them by how they ended.
func (e *example) specs(t *testing.T, target, filter string) (code int, said string, states map[string][]string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "report.json")
	code, said = e.run(t, []string{"DPSLAB_TARGET=" + target}, "./embed.test", "-test.run=^TestProvisioning$",
		"-ginkgo.no-color", "-ginkgo.label-filter="+filter, "-ginkgo.json-report="+file)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	var all []types.Report
	if err := json.Unmarshal(text, &all); err != nil || len(all) != 1 {
		t.Fatalf("%v, %d reports", err, len(all))
	}
	states = map[string][]string{}
	for _, s := range all[0].SpecReports {
		if s.LeafNodeType == types.NodeTypeIt {
			states[s.State.String()] = append(states[s.State.String()], s.LeafNodeText)
		}
	}
	return code, said, states
}

// broken is the target file of a service that gives devices no configuration.
func broken(t *testing.T) string {
	t.Helper()
	lab := dpslabtest.Start(t)
	control := controlapi.New(lab.ControlURL, lab.ControlToken, lab.Roots)
	defer control.Close()
	services, err := control.Services(t.Context())
	if err != nil || len(services) != 1 {
		t.Fatalf("%v, %d services", err, len(services))
	}
	if _, err := control.ArmService(t.Context(), services[0].Name, controlapi.Plan{Entry: "identity-without-twin"}); err != nil {
		t.Fatal(err)
	}
	target, err := sut.Load(lab.TargetFile)
	if err != nil {
		t.Fatal(err)
	}
	target.Control = nil // as somebody's service is: used as it stands
	text, err := sut.Marshal(target)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "target.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
