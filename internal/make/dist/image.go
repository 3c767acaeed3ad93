package dist

import (
	"archive/tar"
	"bytes"
	"io"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Build is what is written on an image.
type Build struct {
	Version, Commit string
	Arch            string // as Go and OCI name it: amd64, arm64
	Created         time.Time
}

// Image writes a container image of a static Linux binary, as `docker load` reads it, under
// the name dpslab:VERSION. It holds the binary and an empty /tmp, and no certificates: a lab
// brings its own authority, and calls nobody else.
func Image(w io.Writer, binary []byte, b Build) error {
	tag, err := name.NewTag("dpslab:" + b.Version)
	if err != nil {
		return err
	}
	text, err := rootfs(binary, b.Created)
	if err != nil {
		return err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil })
	if err != nil {
		return err
	}
	image, err := mutate.Append(empty.Image, mutate.Addendum{Layer: layer, History: v1.History{
		Created: v1.Time{Time: b.Created.UTC()}, CreatedBy: "COPY dpslab /dpslab", Comment: "dpslab " + b.Version,
	}})
	if err != nil {
		return err
	}
	file, err := image.ConfigFile()
	if err != nil {
		return err
	}
	image, err = mutate.ConfigFile(image, described(file.DeepCopy(), b))
	if err != nil {
		return err
	}
	return tarball.Write(tag, image, w)
}

// described is the image's configuration with what the build is.
func described(file *v1.ConfigFile, b Build) *v1.ConfigFile {
	file.OS, file.Architecture, file.Created = "linux", b.Arch, v1.Time{Time: b.Created.UTC()}
	file.Config = v1.Config{
		Entrypoint: []string{"/dpslab"}, WorkingDir: "/",
		Labels: map[string]string{
			"org.opencontainers.image.title":       "dpslab",
			"org.opencontainers.image.description": "A lab for the Azure IoT Device Provisioning Service: reference, hubs, devices, checks",
			"org.opencontainers.image.version":     b.Version,
			"org.opencontainers.image.revision":    b.Commit,
			"org.opencontainers.image.created":     b.Created.UTC().Format(time.RFC3339),
		},
	}
	return file
}

// rootfs is the only layer.
func rootfs(binary []byte, at time.Time) ([]byte, error) {
	var text bytes.Buffer
	archive := tar.NewWriter(&text)
	for _, h := range []*tar.Header{
		{Typeflag: tar.TypeReg, Name: "dpslab", Mode: 0o755, Size: int64(len(binary))},
		{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777},
	} {
		h.ModTime, h.Format = at, tar.FormatUSTAR
		if err := archive.WriteHeader(h); err != nil {
			return nil, err
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := archive.Write(binary); err != nil {
				return nil, err
			}
		}
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}
