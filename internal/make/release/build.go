package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/dpslab/dpslab/internal/make/dist"
)

// platform builds the binary of one platform and everything that is made of it.
func (r *release) platform(goos, goarch, work string) error {
	stem := filepath.Join(r.out, fmt.Sprintf("dpslab-%s-%s-%s", r.version, goos, goarch))
	fmt.Fprintf(r.say, "building %s/%s\n", goos, goarch)
	binary, err := r.build(goos, goarch, work)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(binary)
	if err != nil {
		return err
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		return err
	}
	files := []dist.File{
		{Name: filepath.Base(binary), Mode: 0o755, Content: content}, {Name: "README.md", Mode: 0o644, Content: readme},
	}
	suffix, pack := ".tar.gz", dist.TarGz
	if goos == "windows" {
		suffix, pack = ".zip", dist.Zip
	}
	if err := write(stem+suffix, func(w io.Writer) error { return pack(w, files, r.at) }); err != nil {
		return err
	}
	if err := r.modules(binary, stem+".cdx.json"); err != nil {
		return err
	}
	if goos != "linux" {
		return nil
	}
	image := filepath.Join(r.out, fmt.Sprintf("dpslab-%s-image-linux-%s.tar", r.version, goarch))
	return write(image, func(w io.Writer) error {
		return dist.Image(w, content, dist.Build{Version: r.version, Commit: r.commit, Arch: goarch, Created: r.at})
	})
}

// build compiles the static binary and returns where it is.
func (r *release) build(goos, goarch, work string) (string, error) {
	name := "dpslab"
	if goos == "windows" {
		name = "dpslab.exe"
	}
	binary := filepath.Join(work, goos+"-"+goarch, name)
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false",
		"-ldflags", "-s -w -X main.Version="+r.version+" -X main.Commit="+r.commit, "-o", binary, "./cmd/dpslab")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+goos, "GOARCH="+goarch, "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=")
	return binary, run(cmd)
}

// modules writes the list of what is in a binary, by the tool that internal/make/tools.mod
// pins. It has neither serial number nor time, which would differ from run to run.
func (r *release) modules(binary, file string) error {
	cmd := exec.Command("go", "tool", "-modfile=internal/make/tools.mod", "cyclonedx-gomod", "bin",
		"-json", "-std", "-noserial", "-notimestamp", "-version", r.version, "-output", file, binary)
	if err := run(cmd); err != nil {
		return err
	}
	return withoutHashesOfTools(file)
}

// withoutHashesOfTools takes out of a list of modules how the tool that wrote it was built:
// its hashes are other ones on another machine.
func withoutHashesOfTools(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var bom map[string]any
	if err := json.Unmarshal(text, &bom); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	metadata, _ := bom["metadata"].(map[string]any)
	tools, _ := metadata["tools"].([]any)
	if len(tools) == 0 {
		return fmt.Errorf("%s names no tool: this version of the tool writes something else than expected", file)
	}
	for _, one := range tools {
		tool, _ := one.(map[string]any)
		delete(tool, "hashes")
	}
	if text, err = json.MarshalIndent(bom, "", "  "); err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}

// run runs a command that has nothing to say unless it fails.
func run(cmd *exec.Cmd) error {
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", filepath.Base(cmd.Path), cmd.Args[1], err, said.Bytes())
	}
	return nil
}

// write writes a file whole or leaves none.
func write(file string, content func(io.Writer) error) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	err = content(f)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		os.Remove(file)
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}
