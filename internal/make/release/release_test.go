package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/make/dist"
	"github.com/dpslab/dpslab/internal/requirement"
)

// A release of one platform, as anybody would use it: unpacked, run, its modules read, its
// image loaded.
func TestARelease(t *testing.T) {
	t.Chdir(filepath.Join("..", "..", ".."))
	r := &release{
		version: "v0.0.0-" + strings.ToLower(rand.Text()[:8]), commit: "0123456789abcdef", at: time.Date(2026, 3, 4, 5, 6, 8, 0, time.UTC),
		out: t.TempDir(), say: io.Discard,
	}
	// What an older release left is no part of this one.
	if err := os.WriteFile(filepath.Join(r.out, "dpslab-v0-linux-amd64.tar.gz"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.make([]string{"linux/" + runtime.GOARCH}); err != nil {
		t.Fatal(err)
	}
	stem := "dpslab-" + r.version + "-linux-" + runtime.GOARCH
	image := "dpslab-" + r.version + "-image-linux-" + runtime.GOARCH + ".tar"
	sums, err := os.ReadFile(filepath.Join(r.out, dist.SumsName))
	if err != nil {
		t.Fatal(err)
	}
	var summed []string
	for line := range strings.Lines(string(sums)) {
		summed = append(summed, strings.Fields(line)[1])
	}
	if got := strings.Join(summed, " "); got != image+" "+stem+".cdx.json "+stem+".tar.gz" {
		t.Errorf("the sums are of %s", got)
	}
	binary := unpack(t, filepath.Join(r.out, stem+".tar.gz"))
	t.Run("the binary knows what it is", func(t *testing.T) {
		if runtime.GOOS != "linux" {
			t.Skip("the binary is for Linux")
		}
		out, err := exec.Command(binary, "version", "--json").Output()
		if err != nil {
			t.Fatal(err)
		}
		knows(t, string(out), r)
	})
	t.Run("the list of modules is the binary's", func(t *testing.T) { lists(t, filepath.Join(r.out, stem+".cdx.json"), binary) })
	t.Run("the image runs", func(t *testing.T) {
		e := findEngine(t)
		tag := "dpslab:" + r.version
		e.load(t, filepath.Join(r.out, image), tag)
		code, said := e.run(t, tag, "version", "--json")
		if code != 0 {
			t.Errorf("it ended with %d", code)
		}
		knows(t, said, r)
		if code, _ := e.run(t, tag, "health", "--control", "https://127.0.0.1:9443", "--ca", "/none"); code != 2 {
			t.Errorf("where no lab is, health ends with %d", code)
		}
		id := e.start(t, tag, "up", "--control-listen", "127.0.0.1:9443", "--state", "/lab")
		e.awaitHealth(t, id, "/dpslab", "health", "--control", "https://127.0.0.1:9443", "--ca", "/lab/ca.pem")
	})
}

func unpack(t *testing.T, file string) (binary string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	uncompressed, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	archive := tar.NewReader(uncompressed)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return filepath.Join(folder, "dpslab")
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, filepath.Base(h.Name)), content, h.FileInfo().Mode()); err != nil {
			t.Fatal(err)
		}
	}
}

// knows checks what `dpslab version --json` says.
func knows(t *testing.T, said string, r *release) {
	t.Helper()
	var v struct{ Version, Commit, Go, Platform, Catalogue, CatalogueDigest string }
	if err := json.Unmarshal([]byte(said), &v); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	if v.Version != r.version || v.Commit != r.commit || v.Platform != "linux/"+runtime.GOARCH || !strings.HasPrefix(v.Go, "go") ||
		v.Catalogue != requirement.Version || v.CatalogueDigest != requirement.Digest() {
		t.Errorf("it says %s", said)
	}
}

// lists checks a list of modules against the binary that it is of.
func lists(t *testing.T, file, binary string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var bom struct {
		BOMFormat  string
		Components []struct{ Name, Version string }
	}
	if err := json.Unmarshal(text, &bom); err != nil {
		t.Fatal(err)
	}
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]string{}
	for _, c := range bom.Components {
		listed[c.Name] = c.Version
	}
	if bom.BOMFormat != "CycloneDX" || len(info.Deps) == 0 || len(listed) != len(info.Deps)+1 || listed["std"] == "" {
		t.Errorf("%s of %d components, for %d modules and std", bom.BOMFormat, len(listed), len(info.Deps))
	}
	for _, d := range info.Deps {
		if listed[d.Path] != d.Version {
			t.Errorf("%s %s is listed as %q", d.Path, d.Version, listed[d.Path])
		}
	}
	if bytes.Contains(text, []byte("timestamp")) || bytes.Contains(text, []byte("serialNumber")) {
		t.Error("it differs from run to run")
	}
}

func TestIdentify(t *testing.T) {
	if out, err := exec.Command("git", "rev-parse", "HEAD").CombinedOutput(); err != nil {
		t.Skipf("this is no checkout: %s", out)
	}
	none := func(string) string { return "" }
	r := &release{}
	if err := r.identify(none); err != nil || !versionShape.MatchString(r.version) || len(r.commit) < 40 || r.at.Year() < 2020 || r.at.Location() != time.UTC {
		t.Errorf("%v, %+v", err, r)
	}
	r = &release{version: "v1.2.3"}
	if err := r.identify(func(string) string { return "86400" }); err != nil || r.version != "v1.2.3" || !r.at.Equal(time.Unix(86400, 0)) {
		t.Errorf("%v, %+v", err, r)
	}
	for _, version := range []string{"v1.2.3+meta", "../v1", "-v1", "v 1"} {
		if err := (&release{version: version}).identify(none); err == nil || !strings.Contains(err.Error(), version) {
			t.Errorf("version %q: %v", version, err)
		}
	}
	if err := new(release).identify(func(string) string { return "noon" }); err == nil || !strings.Contains(err.Error(), `"noon"`) {
		t.Errorf("a time that is none: %v", err)
	}
}
