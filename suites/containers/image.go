package containers

import (
	"archive/tar"
	"bytes"
	"context"
	"debug/elf"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
)

const instead = "give a static Linux binary (CGO_ENABLED=0), or set DPSLAB_IMAGE to a loaded release image (make release builds one)"

// CheckBinary reports why a file cannot be all there is in an image.
func CheckBinary(file string) error {
	program, err := elf.Open(file)
	if err != nil {
		return fmt.Errorf("%s cannot run in a container: it is no Linux program; %s", file, instead)
	}
	defer program.Close()
	if slices.ContainsFunc(program.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		return fmt.Errorf("%s cannot run in a container: it needs the libraries of this machine; %s", file, instead)
	}
	return nil
}

// build makes the image of the binary. The labels come first, so that whatever a build
// leaves behind that did not end has them.
func (e *engine) build(ctx context.Context, binary, name, tag string, labels map[string]string) (string, error) {
	dockerfile := "FROM scratch\n"
	for _, key := range []string{labelRun, labelOwner} {
		dockerfile += "LABEL " + key + "=" + strconv.Quote(labels[key]) + "\n"
	}
	dockerfile += "COPY dpslab /dpslab\nENTRYPOINT [\"/dpslab\"]\n"
	folder, err := buildContext(dockerfile, binary)
	if err != nil {
		return "", fmt.Errorf("build the image: %w", err)
	}
	image, err := e.provider.BuildImage(ctx, &testcontainers.ContainerRequest{FromDockerfile: testcontainers.FromDockerfile{
		ContextArchive: bytes.NewReader(folder), Repo: name, Tag: tag,
	}})
	if err != nil {
		return "", fmt.Errorf("build the image: %s", oneLine(err))
	}
	return image, nil
}

// buildContext is a tar of the two files that a build needs.
func buildContext(dockerfile, binary string) ([]byte, error) {
	program, err := os.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	var all bytes.Buffer
	w := tar.NewWriter(&all)
	for _, f := range []struct {
		name string
		mode int64
		text []byte
	}{{"Dockerfile", 0o644, []byte(dockerfile)}, {"dpslab", 0o755, program}} {
		if err := w.WriteHeader(&tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.text))}); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.text); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return all.Bytes(), nil
}

// loaded reports why an image cannot be run: nothing is pulled.
func (e *engine) loaded(ctx context.Context, image string) error {
	inspected, err := e.api.ImageInspect(ctx, image)
	if err != nil {
		return fmt.Errorf("the image %q is not loaded: %s; load one with docker load, or unset DPSLAB_IMAGE", image, oneLine(err))
	}
	if c := inspected.Config; c == nil || len(c.Entrypoint) == 0 || !strings.HasSuffix(c.Entrypoint[0], "dpslab") {
		return fmt.Errorf("the image %q does not begin with dpslab; make release builds one that does", image)
	}
	return nil
}

// anyLabel selects what carries one of our labels, with a value or with any.
func anyLabel(label string) client.Filters { return make(client.Filters).Add("label", label) }
