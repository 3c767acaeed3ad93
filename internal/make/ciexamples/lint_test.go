package ciexamples_test

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// actionlint knows the syntax of GitHub workflows, and the inputs of well-known actions.
func TestGitHubWorkflowIsOne(t *testing.T) {
	lint := exec.Command("go", "tool", "-modfile=internal/make/tools.mod", "actionlint", "-no-color", "-shellcheck=", "-pyflakes=", filepath.Join("docs", "ci", "github-actions.yml"))
	lint.Dir = root
	if out, err := lint.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// The examples say the same: whoever changes CI systems finds the same variables and the
// same commands.
func TestExamplesAgree(t *testing.T) {
	var first pipeline
	for i, example := range examples {
		p := example.read(t, readExample(t, example.file))
		if i == 0 {
			first = p
		}
		for name, value := range first.env {
			if p.env[name] != value {
				t.Errorf("%s: %s is %q, not %q", example.file, name, p.env[name], value)
			}
		}
		if len(p.env) != len(first.env) {
			t.Errorf("%s has %d variables", example.file, len(p.env))
		}
		for _, want := range commands(first) {
			if !slices.Contains(commands(p), want) {
				t.Errorf("%s does not run %q", example.file, want)
			}
		}
		if !strings.Contains(p.env["DPSLAB_RELEASES"], "example.com") || strings.Trim(p.env["DPSLAB_SHA256"], "0") != "" {
			t.Errorf("%s: what has to be filled in is filled in", example.file)
		}
	}
}

// commands are the lines of a pipeline that call a program, without messages.
func commands(p pipeline) []string {
	var lines []string
	for _, s := range p.steps {
		for line := range strings.Lines(s.script) {
			line, _, _ = strings.Cut(strings.TrimSpace(line), " #")
			for _, program := range []string{"curl ", "tar ", "./dpslab "} {
				if strings.HasPrefix(line, program) {
					lines = append(lines, line)
				}
			}
		}
	}
	return lines
}
