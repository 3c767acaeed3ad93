//go:build unix

package ciexamples_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/dpslabtest"
	"github.com/dpslab/dpslab/internal/controlapi"
	"github.com/dpslab/dpslab/internal/make/dist"
	"github.com/dpslab/dpslab/suites/sut"
)

// version is that of the release made here.
const version = "v9.9.9"

// The one check that the examples run here, and the defect that it catches.
const (
	checked = "DPS-HTTPS-001"
	defect  = "https-register-200"
)

func TestExamples(t *testing.T) {
	for _, tool := range []string{"bash", "curl", "sha256sum", "tar"} {
		if _, err := exec.LookPath(tool); err != nil {
			notRun(t, "the CI examples: no "+tool+" here")
		}
	}
	release := serveRelease(t)
	conforming, broken := dpslabtest.Start(t), dpslabtest.Start(t)
	arm(t, broken)
	gone := dead(t)
	for _, example := range examples {
		p := example.read(t, readExample(t, example.file))
		for _, c := range []struct {
			rule string
			env  map[string]string
			test string // of the device
			code int
			says []string
			kept bool // there is a report
		}{
			{"everything is well", map[string]string{"DPSLAB_TARGET": withoutControl(t, conforming)}, "", 0, []string{"dpslab.tar.gz: OK", version, "1 passed"}, true},
			{"the download is not the release that was pinned", map[string]string{"DPSLAB_SHA256": strings.Repeat("0", 64)}, "", 1, []string{"dpslab.tar.gz: FAILED"}, false},
			{"there is no such release", map[string]string{"DPSLAB_VERSION": "v9.9.8"}, "", 22, []string{"404"}, false},
			{"the device fails its tests", nil, "exit 7", 7, nil, false},
			{"the service does not conform", map[string]string{"DPSLAB_TARGET": withoutControl(t, broken)}, "", 1, []string{"FAILED " + checked, "does not conform"}, true},
			{"the service is not there", map[string]string{"DPSLAB_TARGET": gone}, "", 2, []string{"no service to check", "could not be tested (exit code 2)"}, false},
			{"the target file is no target file", map[string]string{"DPSLAB_TARGET": "test-device.sh"}, "", 2, []string{"could not be tested (exit code 2)"}, false},
		} {
			t.Run(example.file+"/"+c.rule, func(t *testing.T) {
				t.Parallel()
				folder := workspace(t, c.test)
				env := map[string]string{"DPSLAB_RELEASES": release.url, "DPSLAB_VERSION": version, "DPSLAB_SHA256": release.sum, "DPSLAB_LABEL_FILTER": "spec:" + checked}
				for _, from := range []map[string]string{p.env, env, c.env} {
					for name := range from {
						if _, known := p.env[name]; !known {
							t.Fatalf("the example has no variable %s", name)
						}
					}
				}
				code, said := p.run(t, folder, p.env, env, c.env)
				if code != c.code {
					t.Errorf("it ended with %d\n%s", code, said)
				}
				for _, want := range c.says {
					if !strings.Contains(said, want) {
						t.Errorf("it does not say %q:\n%s", want, said)
					}
				}
				for _, file := range []string{"run.json", "junit.xml"} {
					if _, err := os.Stat(filepath.Join(folder, report, file)); (err == nil) != c.kept {
						t.Errorf("%s: %v", file, err)
					}
				}
			})
		}
	}
}

// run runs the steps until one fails, as CI systems do.
func (p pipeline) run(t *testing.T, folder string, env ...map[string]string) (code int, said string) {
	t.Helper()
	var out bytes.Buffer
	for _, s := range p.steps {
		file := filepath.Join(t.TempDir(), "script.sh")
		if err := os.WriteFile(file, []byte(s.script), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), s.shell[0], append(s.shell[1:], file)...)
		cmd.Dir, cmd.Stdout, cmd.Stderr = folder, &out, &out
		cmd.WaitDelay = time.Second
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Join(folder, "home"), "CI=true"}
		for _, variables := range env {
			for name, value := range variables {
				cmd.Env = append(cmd.Env, name+"="+value)
			}
		}
		var failed *exec.ExitError
		if err := cmd.Run(); errors.As(err, &failed) {
			return failed.ExitCode(), out.String()
		} else if err != nil {
			t.Fatal(err)
		}
	}
	return 0, out.String()
}

// workspace is a checkout of somebody's, with tests of their device.
func workspace(t *testing.T, test string) string {
	t.Helper()
	folder := t.TempDir()
	script := "#!/bin/sh\n" + `test -n "$DPSLAB_ID_SCOPE" && test -r "$DPSLAB_CA_FILE" || exit 99` + "\n" + test + "\n"
	if err := os.WriteFile(filepath.Join(folder, "test-device.sh"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return folder
}

// served is a release behind a URL.
type served struct{ url, sum string }

// serveRelease builds dpslab, packs it as `make release` does, and serves it.
func serveRelease(t *testing.T) served {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "dpslab")
	build := exec.Command("go", "build", "-o", binary, "-ldflags", "-X main.Version="+version, "./cmd/dpslab")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	content, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	files := []dist.File{{Name: "dpslab", Mode: 0o755, Content: content}, {Name: "README.md", Mode: 0o644}}
	if err := dist.TarGz(&archive, files, time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /"+version+"/dpslab-"+version+"-linux-amd64.tar.gz", func(w http.ResponseWriter, _ *http.Request) { w.Write(archive.Bytes()) })
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	sum := sha256.Sum256(archive.Bytes())
	return served{s.URL, hex.EncodeToString(sum[:])}
}

// arm makes the lab's service do something wrong.
func arm(t *testing.T, lab *dpslabtest.Lab) {
	t.Helper()
	control := controlapi.New(lab.ControlURL, lab.ControlToken, lab.Roots)
	defer control.Close()
	services, err := control.Services(t.Context())
	if err != nil || len(services) != 1 {
		t.Fatalf("%v, %d services", err, len(services))
	}
	if _, err := control.ArmService(t.Context(), services[0].Name, controlapi.Plan{Entry: defect}); err != nil {
		t.Fatal(err)
	}
}

// withoutControl writes a target file of the lab's own service, as somebody's is: without a
// control port, so that checks use it as it is.
func withoutControl(t *testing.T, lab *dpslabtest.Lab) string {
	t.Helper()
	target, err := sut.Load(lab.TargetFile)
	if err != nil {
		t.Fatal(err)
	}
	target.Control = nil
	return writeTarget(t, target)
}

// dead is the target file of a lab that is gone.
func dead(t *testing.T) string {
	t.Helper()
	lab, err := dpslabtest.New()
	if err != nil {
		t.Fatal(err)
	}
	target, err := sut.Load(lab.TargetFile)
	if err != nil {
		t.Fatal(err)
	}
	roots, err := os.ReadFile(target.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := lab.Close(); err != nil {
		t.Fatal(err)
	}
	target.Control, target.CAFile = nil, filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(target.CAFile, roots, 0o600); err != nil {
		t.Fatal(err)
	}
	return writeTarget(t, target)
}

func writeTarget(t *testing.T, target sut.Target) string {
	t.Helper()
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

// notRun skips and has it told at the end of `make test`. CI has what the examples need.
func notRun(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(what)
	}
	tell := exec.Command(filepath.Join("internal", "make", "notrun.sh"), what)
	tell.Dir = root
	if out, err := tell.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Skip(what)
}
