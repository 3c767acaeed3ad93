package dist_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/make/dist"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

var (
	at    = time.Date(2026, 3, 4, 5, 6, 8, 0, time.UTC)
	files = []dist.File{{"dpslab", 0o755, []byte("a binary")}, {"README.md", 0o644, []byte("# dpslab")}}
	build = dist.Build{Version: "v1.2.3", Commit: "0123abc", Arch: "arm64", Created: at}
)

// twice writes something two times, which must not differ.
func twice(t *testing.T, write func(w io.Writer) error) []byte {
	t.Helper()
	var first, second bytes.Buffer
	if err := errors.Join(write(&first), write(&second)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("the second time gave other bytes")
	}
	return first.Bytes()
}

func TestTarGz(t *testing.T) {
	text := twice(t, func(w io.Writer) error { return dist.TarGz(w, files, at) })
	uncompressed, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	archive := tar.NewReader(uncompressed)
	for _, want := range files {
		h, err := archive.Next()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(archive)
		if err != nil || h.Name != want.Name || h.Mode != int64(want.Mode) || !h.ModTime.Equal(at) || h.Uname != "" || !bytes.Equal(content, want.Content) {
			t.Errorf("%v, %+v, %q", err, h, content)
		}
	}
	if _, err := archive.Next(); err != io.EOF {
		t.Errorf("one more: %v", err)
	}
}

func TestZip(t *testing.T) {
	text := twice(t, func(w io.Writer) error { return dist.Zip(w, files, at) })
	archive, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil || len(archive.File) != len(files) {
		t.Fatalf("%v, %+v", err, archive)
	}
	for i, want := range files {
		f := archive.File[i]
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil || f.Name != want.Name || f.Mode() != want.Mode || !f.Modified.Equal(at) || !bytes.Equal(content, want.Content) {
			t.Errorf("%v, %+v, %q", err, f.FileHeader, content)
		}
	}
}

func TestSumsAreThoseOfSha256sum(t *testing.T) {
	folder := t.TempDir()
	if _, err := dist.Sums(folder); err == nil {
		t.Error("an empty folder has sums")
	}
	for name, content := range map[string]string{"b": "", "a.tar.gz": "abc", dist.SumsName: "an old one"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := dist.Sums(folder)
	want := "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a.tar.gz\n" +
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  b\n"
	if err != nil || got != want {
		t.Errorf("%v: %s", err, got)
	}
}

func TestImage(t *testing.T) {
	text := twice(t, func(w io.Writer) error { return dist.Image(w, []byte("a binary"), build) })
	tag, err := name.NewTag("dpslab:v1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	image, err := tarball.Image(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }, &tag)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(image); err != nil {
		t.Error(err)
	}
	c, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if c.OS != "linux" || c.Architecture != "arm64" || !c.Created.Equal(at) || strings.Join(c.Config.Entrypoint, " ") != "/dpslab" {
		t.Errorf("%+v", c)
	}
	for label, want := range map[string]string{"version": "v1.2.3", "revision": "0123abc", "created": "2026-03-04T05:06:08Z", "title": "dpslab"} {
		if got := c.Config.Labels["org.opencontainers.image."+label]; got != want {
			t.Errorf("%s is %q", label, got)
		}
	}
	layers, err := image.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%v, %d layers", err, len(layers))
	}
	uncompressed, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for archive := tar.NewReader(uncompressed); ; {
		h, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, h.FileInfo().Mode().String()+" "+h.Name)
	}
	if got := strings.Join(found, ", "); got != "-rwxr-xr-x dpslab, dtrwxrwxrwx tmp/" {
		t.Errorf("it holds %s", got)
	}
}

func TestImageRefusesWhatIsNoTag(t *testing.T) {
	bad := build
	bad.Version = "v1.2.3+meta data"
	if err := dist.Image(io.Discard, nil, bad); err == nil {
		t.Error("accepted")
	}
}
