package browser_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	folder   = "node"
	lockFile = "package-lock.json"

	modeVariable     = "DPSLAB_BROWSER"
	chromiumVariable = "DPSLAB_CHROMIUM"
)

// chromiums are the names that Chromium and its relatives have; internal/make/browser.sh
// looks for the same.
var chromiums = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}

// needsBrowser returns the browser, or ends the test: skipped where there is none, failed
// where one is required.
func needsBrowser(t *testing.T) (chromium string) {
	t.Helper()
	mode := os.Getenv(modeVariable)
	switch mode {
	case "", "required":
	case "none":
		t.Skipf("not run: %s=none", modeVariable)
	default:
		t.Fatalf("%s is %q; it knows the words required and none", modeVariable, mode)
	}
	chromium, err := ready()
	if err != nil && mode == "required" {
		t.Fatal(err)
	} else if err != nil {
		t.Skipf("not run: %v", err)
	}
	return chromium
}

// ready says what is missing.
func ready() (chromium string, err error) {
	if _, err := exec.LookPath("node"); err != nil {
		return "", errors.New("node is missing; install Node.js 20 or later with npm")
	}
	if err := packagesInstalled(); err != nil {
		return "", err
	}
	if named := os.Getenv(chromiumVariable); named != "" {
		_, err := os.Stat(named)
		return named, err
	}
	for _, name := range chromiums {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("there is no Chromium; install one (on Debian: apt-get install chromium) or name it in %s", chromiumVariable)
}

// packagesInstalled: npm writes a lock file of its own into node_modules when it is done.
func packagesInstalled() error {
	wanted, err := os.Stat(filepath.Join(folder, lockFile))
	if err != nil {
		return err
	}
	done, err := os.Stat(filepath.Join(folder, "node_modules", ".package-lock.json"))
	if errors.Is(err, fs.ErrNotExist) || err == nil && done.ModTime().Before(wanted.ModTime()) {
		return errors.New("reports/browser/node has not the packages of its lock file; run make browser-deps")
	}
	return err
}

// TestLockFile holds the packages to exact versions, pinned by their digests.
func TestLockFile(t *testing.T) {
	var wanted struct{ Dependencies map[string]string }
	read(t, "package.json", &wanted)
	if len(wanted.Dependencies) == 0 {
		t.Error("package.json wants no packages")
	}
	exact := regexp.MustCompile(`^\d+\.\d+\.\d+$`)
	var lock struct {
		Packages map[string]struct{ Version, Resolved, Integrity string }
	}
	read(t, lockFile, &lock)
	for name, version := range wanted.Dependencies {
		if !exact.MatchString(version) || lock.Packages["node_modules/"+name].Version != version {
			t.Errorf("package.json wants %s %s, %s has %q", name, version, lockFile, lock.Packages["node_modules/"+name].Version)
		}
	}
	for name, p := range lock.Packages {
		if p.Resolved != "" && !strings.HasPrefix(p.Resolved, "https://registry.npmjs.org/") {
			t.Errorf("%s comes from an address that others may not reach", name)
		}
		if name != "" && !strings.HasPrefix(p.Integrity, "sha512-") {
			t.Errorf("%s has no sha512 digest", name)
		}
	}
}

func read(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}
