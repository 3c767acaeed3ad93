//go:build unix

package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// script runs a script of the Makefile where only the named programs are to be found.
func script(t *testing.T, name string, env []string, programs ...string) (code int, said string) {
	t.Helper()
	path := t.TempDir()
	for _, program := range programs {
		at, err := exec.LookPath(program)
		if err != nil {
			t.Skipf("no %s here", program)
		}
		if err := os.Symlink(at, filepath.Join(path, program)); err != nil {
			t.Fatal(err)
		}
	}
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip(err)
	}
	cmd := exec.Command(sh, filepath.Join("..", "..", "internal", "make", name))
	cmd.Env = append([]string{"PATH=" + path, "HOME=" + t.TempDir()}, env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	var failed *exec.ExitError
	if err := cmd.Run(); errors.As(err, &failed) {
		code = failed.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	return code, out.String()
}

func TestSetUpSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	const forbidden = "DPSLAB_INSTALL=0"
	all := []string{"go", "id", "node", "npm"}
	without := func(gone ...string) (left []string) {
		for _, program := range all {
			if !strings.Contains(strings.Join(gone, " "), program) {
				left = append(left, program)
			}
		}
		return left
	}
	for _, c := range []struct {
		rule     string
		env      []string
		programs []string
		code     int
		says     []string
	}{
		{"everything is there", []string{forbidden}, all, 0, nil},
		{"no node", []string{forbidden}, without("node"), 1, []string{"node", "apt-get install nodejs npm", "DPSLAB_INTEROP=skip"}},
		{"no npm", []string{forbidden}, without("npm"), 1, []string{"npm", "apt-get install nodejs npm", "DPSLAB_INTEROP=skip"}},
		{"no node, and the SDK tests left out", []string{forbidden, "DPSLAB_INTEROP=skip"}, without("node", "npm"), 0, nil},
		{"no go", []string{forbidden}, without("go"), 1, []string{"Go 1.26", "https://go.dev/dl/"}},
	} {
		code, said := script(t, "setup.sh", c.env, c.programs...)
		if code != c.code || (c.says == nil) != (said == "") || strings.Count(said, "\n") > 1 {
			t.Errorf("%s: exit code %d, said %q", c.rule, code, said)
		}
		for _, part := range c.says {
			if !strings.Contains(said, part) {
				t.Errorf("%s: %q does not say %q", c.rule, said, part)
			}
		}
	}
}

func TestScriptsAreShellchecked(t *testing.T) {
	t.Parallel()
	shellcheck, err := exec.LookPath("shellcheck")
	if err != nil {
		t.Skip("no shellcheck here")
	}
	scripts, err := filepath.Glob(filepath.Join("..", "..", "internal", "make", "*.sh"))
	if err != nil || len(scripts) < 3 {
		t.Fatalf("%v: %v", err, scripts)
	}
	if out, err := exec.Command(shellcheck, scripts...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
