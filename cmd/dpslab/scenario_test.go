package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAScenarioIsRunAtALabOfItsOwn(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "report")
	p := invoke(t, environment(t), "dpslab", "scenario", "run", "first-boot", "--devices", "5", "--report-dir", folder)
	code := p.wait(t)
	first, _, _ := strings.Cut(p.String(), "\n")
	if code != exitPassed && code != exitVoid || !strings.Contains(p.String(), "5 of 5 assigned; half at ") { // a busy machine makes it void
		t.Fatalf("%d, %s\n%s", code, first, p)
	}
	if run, err := readLoad(filepath.Join(folder, runFile)); err != nil || run.Answer.Assigned.Done != 5 || run.Health.LabCPU <= 0 {
		t.Error(err, run.Answer)
	}
	for _, name := range []string{flowsFile, requestsFile} {
		if info, err := os.Stat(filepath.Join(folder, name)); err != nil || info.Size() == 0 {
			t.Error(name, err)
		}
	}
}

func TestAScenarioIsCopiedOnceAndLinted(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "mine.yaml")
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"scenario", "copy", "first-boot", file}, exitPassed, file},
		{[]string{"scenario", "copy", "first-boot", file}, exitUntestable, "there already"},
		{[]string{"scenario", "lint", file}, exitPassed, ""},
		{[]string{"scenario", "lint", "go.mod"}, exitUntestable, "go.mod"},
		{[]string{"scenario", "run", "nobody"}, exitUntestable, "scenario list"},
		{[]string{"scenario", "list"}, exitPassed, "first-boot"},
	} {
		p := invoke(t, environment(t), "dpslab", c.args...)
		if code := p.wait(t); code != c.code || !strings.Contains(p.String(), c.says) {
			t.Errorf("%v: %d\n%s", c.args, code, p)
		}
	}
}
