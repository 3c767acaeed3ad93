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
func script(t *testing.T, name string, args, env []string, programs ...string) (code int, said string) {
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
	cmd := exec.Command(sh, append([]string{filepath.Join("..", "..", "internal", "make", name)}, args...)...)
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
	forbidden := []string{"DPSLAB_INSTALL=0"}
	for _, c := range []struct {
		rule     string
		tools    []string
		programs []string
		code     int
		says     []string
	}{
		{"everything is there", []string{"go", "node"}, []string{"go", "id", "node", "npm"}, 0, nil},
		{"no node", []string{"go", "node"}, []string{"go", "id", "npm"}, 1, []string{"node", "apt-get install nodejs npm", "DPSLAB_INTEROP=skip"}},
		{"no npm", []string{"go", "node"}, []string{"go", "id", "node"}, 1, []string{"npm", "apt-get install nodejs npm", "DPSLAB_INTEROP=skip"}},
		{"no node, and nobody needs it", []string{"go"}, []string{"go", "id"}, 0, nil},
		{"no python", []string{"python"}, []string{"id"}, 1, []string{"python3", "apt-get install python3 python3-venv", "DPSLAB_INTEROP=skip"}},
		{"no swtpm", []string{"swtpm"}, []string{"id"}, 1, []string{"swtpm is missing, which the tests of TPMs need; install it (on Debian: apt-get install swtpm)\n"}},
		{"no go", []string{"go"}, []string{"id", "node", "npm"}, 1, []string{"Go 1.26", "https://go.dev/dl/"}},
	} {
		code, said := script(t, "setup.sh", c.tools, forbidden, c.programs...)
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

// An engine that was asked for and is not there is told, never passed over.
func TestTheEngineThatIsNotThereIsTold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule, containers string
		fails            bool
		says, sets       string
	}{
		{"as it comes", "", false, "not run: the container checks: the engine of DOCKER_HOST does not answer", "none"},
		{"required", "required", true, "DPSLAB_CONTAINERS=required", ""},
		{"not wanted", "none", false, "not run: the container checks: DPSLAB_CONTAINERS=none", "none"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command("internal/make/engine.sh", "sh", "-c", "echo it is $DPSLAB_CONTAINERS")
			cmd.Dir = filepath.Join("..", "..")
			cmd.Env = append(os.Environ(), "DOCKER_HOST=unix://"+filepath.Join(t.TempDir(), "no.sock"),
				"DPSLAB_CONTAINERS="+c.containers, "DPSLAB_NOT_RUN="+filepath.Join(t.TempDir(), "list"))
			out, err := cmd.CombinedOutput()
			if (err != nil) != c.fails || !strings.Contains(string(out), c.says) {
				t.Errorf("%v: %q does not say %q", err, out, c.says)
			}
			if strings.Contains(string(out), "it is "+c.sets) == c.fails {
				t.Errorf("the command saw something else: %q", out)
			}
		})
	}
}

// Pages that no browser opened are told, never passed over.
func TestTheBrowserThatIsNotThereIsTold(t *testing.T) {
	t.Parallel()
	fake := filepath.Join(t.TempDir(), "chromium")
	if err := os.WriteFile(fake, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		rule     string
		env      []string
		programs []string
		code     int
		says     string
	}{
		{"as it comes", nil, []string{"node", "npm"}, 0, "not run: the report pages in a browser: there is no Chromium; install one (on Debian: apt-get install chromium)"},
		{"required", []string{"DPSLAB_BROWSER=required"}, []string{"node", "npm"}, 1, "there is no Chromium; install one"},
		{"not wanted", []string{"DPSLAB_BROWSER=none", "DPSLAB_CHROMIUM=" + fake}, []string{"node", "npm"}, 0, "not run: the report pages in a browser: DPSLAB_BROWSER=none"},
		{"one that is not there is named", []string{"DPSLAB_CHROMIUM=/nowhere/chromium"}, []string{"node", "npm"}, 0, "not run: the report pages in a browser: DPSLAB_CHROMIUM is /nowhere/chromium"},
		{"no node", []string{"DPSLAB_CHROMIUM=" + fake}, nil, 0, "not run: the report pages in a browser: node or npm is missing"},
		{"everything is there", []string{"DPSLAB_CHROMIUM=" + fake}, []string{"node", "npm"}, 0, "the tests ran\n"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			list := filepath.Join(t.TempDir(), "not-run")
			env := append([]string{"DPSLAB_INSTALL=0", "DPSLAB_NOT_RUN=" + list}, c.env...)
			code, said := script(t, "browser.sh", []string{"echo", "the tests ran"}, env, append([]string{"id", "dirname", "mkdir"}, c.programs...)...)
			if code != c.code || !strings.HasPrefix(said, c.says) || strings.Count(said, "\n") != 1 {
				t.Errorf("exit code %d, said %q", code, said)
			}
			_, err := os.Stat(list)
			if told := err == nil; told != strings.HasPrefix(c.says, "not run") {
				t.Errorf("told at the end: %v", told)
			}
		})
	}
}

// Tests without qpid-proton are told, and the others run.
func TestTheProtonThatIsNotThereIsTold(t *testing.T) {
	t.Parallel()
	const missing, ran = "qpid-proton for /usr/bin/python3 is missing, which the tests of AMQP need; install it (on Debian: apt-get install python3-qpid-proton)", "the tests ran"
	broken := "PYTHONHOME=" + t.TempDir() // a Python that finds no module of its own
	for _, c := range []struct {
		rule string
		env  []string
		code int
		says []string // one a line
	}{
		{"as it comes", []string{broken}, 0, []string{missing, "not run: qpid-proton against the AMQP server: it is missing", ran}},
		{"required", []string{broken, "DPSLAB_INTEROP=required"}, 1, []string{missing}},
		{"not wanted", []string{broken, "DPSLAB_INTEROP=skip"}, 0, []string{"not run: qpid-proton against the AMQP server: DPSLAB_INTEROP=skip", ran}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			env := append([]string{"DPSLAB_INSTALL=0", "DPSLAB_NOT_RUN=" + filepath.Join(t.TempDir(), "not-run")}, c.env...)
			code, said := script(t, "proton.sh", []string{"echo", ran}, env, "id", "dirname", "mkdir")
			lines := strings.Split(strings.TrimSuffix(said, "\n"), "\n")
			if code != c.code || len(lines) != len(c.says) {
				t.Fatalf("exit code %d, said %q", code, said)
			}
			for i, line := range lines {
				if !strings.HasPrefix(line, c.says[i]) {
					t.Errorf("said %q instead of %q", line, c.says[i])
				}
			}
		})
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
