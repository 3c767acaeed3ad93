package embed

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/dpslab/dpslab/dpslabtest"
	"github.com/dpslab/dpslab/reports"
	"github.com/dpslab/dpslab/suites"
	"github.com/dpslab/dpslab/suites/engine"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/dpslab/dpslab/suites/sut"
)

// TestReport runs the same checks without Ginkgo around them, and writes the report that
// `dpslab conformance` writes: with requirements of our own among the others.
func TestReport(t *testing.T) {
	target, err := sut.Load(dpslabtest.Start(t).TargetFile)
	if err != nil {
		t.Fatal(err)
	}
	env, err := harness.Open(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	defer env.Control.Close()
	run, err := engine.Run(t.Context(), env, append(suites.All(), own...), engine.Options{Filter: "family:BOOT || spec:DPS-HTTPS-001"})
	if err != nil {
		t.Fatal(err) // also when the numbers do not add up
	}
	if run.Verdict() != reports.Passed {
		reports.WriteText(os.Stdout, run)
		t.Errorf("the verdict is %s", run.Verdict())
	}
	file, err := os.Create(filepath.Join(t.ArtifactDir(), "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := reports.WriteJSON(file, run); err != nil {
		t.Error(err)
	}
}
