package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/requirement"
)

func TestRequirementsArePrinted(t *testing.T) {
	t.Parallel()
	p := invoke(t, environment(t), "dpslab", "requirements")
	if p.code != exitPassed || strings.Count(p.stdout.String(), "\n") != len(requirement.All()) {
		t.Errorf("%d lines for %d requirements", strings.Count(p.stdout.String(), "\n"), len(requirement.All()))
	}
	family := invoke(t, environment(t), "dpslab", "requirements", "sas").stdout.String()
	for line := range strings.Lines(family) {
		if !strings.HasPrefix(line, "DPS-SAS-") {
			t.Errorf("among family sas: %s", line)
		}
	}
	one := invoke(t, environment(t), "dpslab", "requirements", "dps-mqtt-003").stdout.String()
	r, _ := requirement.Find("DPS-MQTT-003")
	for _, part := range []string{r.ID, r.Level, r.Statement, r.Source, r.Evidence} {
		if part == "" || !strings.Contains(one, part) {
			t.Errorf("%q is not in %q", part, one)
		}
	}
	p = invoke(t, environment(t), "dpslab", "requirements", "DPS-MQTT-999")
	if p.code != exitUntestable {
		t.Errorf("%s", p)
	}
	oneLineOf(t, p, `"DPS-MQTT-999"`, "try: dpslab requirements")
}

func TestVersionIsPrinted(t *testing.T) {
	t.Parallel()
	p := invoke(t, environment(t), "dpslab", "version")
	if p.code != exitPassed || !strings.HasPrefix(p.stdout.String(), "dpslab devel") || !strings.Contains(p.stdout.String(), requirement.Version) || strings.Count(p.stdout.String(), "\n") != 1 {
		t.Errorf("%s", p)
	}
	var v struct{ Version, Go, Platform, Catalogue, CatalogueDigest string }
	p = invoke(t, environment(t), "dpslab", "version", "--json")
	if err := json.Unmarshal([]byte(p.stdout.String()), &v); err != nil || v.Go != runtime.Version() || v.Platform != runtime.GOOS+"/"+runtime.GOARCH || v.Catalogue != requirement.Version || v.CatalogueDigest != requirement.Digest() {
		t.Errorf("%v %+v", err, v)
	}
}

// A release build says its version, by the flags that the Makefile gives.
func TestABuildIsToldItsVersionAndCommit(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a binary")
	}
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "-X main.Commit=") {
		t.Error("the Makefile gives no commit")
	}
	binary := filepath.Join(t.TempDir(), "dpslab")
	build := exec.Command("go", "build", "-ldflags", "-X main.Version=v9.8.7 -X main.Commit=0123456789abcdef", "-o", binary, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	out, err := exec.Command(binary, "version", "--json").Output()
	if err != nil || !strings.Contains(string(out), `"version": "v9.8.7"`) || !strings.Contains(string(out), `"commit": "0123456789abcdef"`) {
		t.Errorf("%v: %s", err, out)
	}
}

func TestChecksAreListed(t *testing.T) {
	t.Parallel()
	p := invoke(t, environment(t), "dpslab", "conformance", "list")
	lines := strings.Split(strings.TrimSuffix(p.stdout.String(), "\n"), "\n")
	if p.code != exitPassed || len(lines) < 300 {
		t.Fatalf("%d lines: %s", len(lines), p.stderr)
	}
	for _, line := range lines {
		words := strings.Fields(line)
		if _, known := requirement.Find(words[0]); !known || len(words) < 4 {
			t.Errorf("%q", line)
		}
	}
}

func TestATargetFileToFillIn(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "target.yaml")
	if p := invoke(t, environment(t), "dpslab", "conformance", "init", file); p.code != exitPassed || modeOf(t, file) != 0o600 {
		t.Errorf("mode %o: %s", modeOf(t, file), p)
	}
	p := invoke(t, environment(t), "dpslab", "conformance", "init", file)
	if p.code != exitUntestable {
		t.Errorf("%s", p)
	}
	oneLineOf(t, p, file, "new file")
	text, err := os.ReadFile(file)
	if printed := invoke(t, environment(t), "dpslab", "conformance", "init").stdout.String(); err != nil || printed != string(text) {
		t.Errorf("%v: printed %q", err, printed)
	}
	// As it is, it is refused for what is to be filled in and nothing else.
	p = invoke(t, environment(t), "dpslab", "conformance", "--target", file)
	if p.code != exitUntestable {
		t.Errorf("%s", p)
	}
	oneLineOf(t, p, "${DPSLAB_SERVICE_CONNECTION_STRING}, which is not set")
	p = invoke(t, environment(t, "DPSLAB_SERVICE_CONNECTION_STRING=HostName=h;SharedAccessKeyName=n;SharedAccessKey=YWJj", "DPSLAB_HUB_1_CONNECTION_STRING=HostName=h;SharedAccessKeyName=n;SharedAccessKey=YWJj"),
		"dpslab", "conformance", "--target", file)
	oneLineOf(t, p, "ca.pem")
}
