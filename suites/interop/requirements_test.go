package interop_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// requirementLists are what python/.venv is made from: what builds a package that comes as
// source, then the packages.
var requirementLists = []string{"build.txt", "requirements.txt"}

// TestRequirements holds the Python packages to what was witnessed: exact versions, pinned by
// their digests, from whatever index the machine's pip is set up with.
func TestRequirements(t *testing.T) {
	pinned := regexp.MustCompile(`^([a-z0-9-]+==\S+)( --hash=sha256:[0-9a-f]{64})+$`)
	var all []string
	for _, list := range requirementLists {
		for _, entry := range entries(t, list) {
			m := pinned.FindStringSubmatch(entry)
			if m == nil {
				t.Errorf("%s: %q is no exact version with digests", list, entry)
				continue
			}
			all = append(all, m[1])
		}
	}
	for _, list := range []string{"build.in", "requirements.in"} {
		for _, wanted := range entries(t, list) {
			if !strings.Contains("\n"+strings.Join(all, "\n")+"\n", "\n"+wanted+"\n") {
				t.Errorf("%s wants %s, which %s has not; run pip-compile", list, wanted, strings.TrimSuffix(list, "in")+"txt")
			}
		}
	}
}

// entries are the entries of a requirements file, each on one line and without comments.
func entries(t *testing.T, list string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(python.folder, list))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	joined := regexp.MustCompile(`\s*\\\n\s*`).ReplaceAllString(string(text), " ")
	for line := range strings.Lines(joined) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			all = append(all, line)
		}
	}
	if len(all) == 0 {
		t.Errorf("%s names no package", list)
	}
	return all
}
