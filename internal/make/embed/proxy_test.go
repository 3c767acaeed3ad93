package embed_test

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

// root is the module's folder, as seen from the tests.
var root = filepath.Join("..", "..", "..")

// packed is this module as the example requires it. The version never changes, so that what
// was compiled for the last run need not be compiled again.
var packed = module.Version{Path: "github.com/dpslab/dpslab", Version: "v0.0.0"}

// serveModule writes the working tree into a folder, as a module proxy has it.
func serveModule(t *testing.T) (folder string) {
	t.Helper()
	folder = t.TempDir()
	at := filepath.Join(folder, filepath.FromSlash(packed.Path), "@v")
	if err := os.MkdirAll(at, 0o755); err != nil {
		t.Fatal(err)
	}
	gomod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	var content bytes.Buffer
	if err := zip.Create(&content, packed, workingTree(t)); err != nil {
		t.Fatal(err)
	}
	for suffix, text := range map[string][]byte{
		".mod": gomod, ".zip": content.Bytes(), ".info": []byte(`{"Version":"` + packed.Version + `","Time":"2026-01-01T00:00:00Z"}`),
	} {
		if err := os.WriteFile(filepath.Join(at, packed.Version+suffix), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(at, "list"), []byte(packed.Version+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

// workingTree are the files of this module, added to git or new, without modules below it.
func workingTree(t *testing.T) []zip.File {
	t.Helper()
	list := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v; the module is packed from a checkout", err)
	}
	names := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	slices.Sort(names)
	names = slices.Compact(names)
	var below []string
	for _, name := range names {
		if path.Base(name) == "go.mod" && name != "go.mod" {
			below = append(below, path.Dir(name)+"/")
		}
	}
	var files []zip.File
	for _, name := range names {
		if slices.ContainsFunc(below, func(folder string) bool { return strings.HasPrefix(name, folder) }) {
			continue
		}
		if info, err := os.Lstat(filepath.Join(root, name)); err == nil && info.Mode().IsRegular() {
			files = append(files, file(name))
		}
	}
	return files
}

// file is one of the working tree, by its path in the module.
type file string

func (f file) Path() string                 { return string(f) }
func (f file) Lstat() (fs.FileInfo, error)  { return os.Lstat(filepath.Join(root, string(f))) }
func (f file) Open() (io.ReadCloser, error) { return os.Open(filepath.Join(root, string(f))) }
