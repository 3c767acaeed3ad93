package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

const (
	engineAnswer = 5 * time.Second
	engineWork   = time.Minute            // for everything that a test asks of it
	labLook      = 100 * time.Millisecond // between looks whether a lab is up
)

// engine is the container engine of this machine.
type engine struct{ *client.Client }

// findEngine returns the engine, or skips where none answers. Who demands containers is not
// content with that.
func findEngine(t *testing.T) engine {
	t.Helper()
	without := t.Skip
	switch os.Getenv("DPSLAB_CONTAINERS") {
	case "none":
		t.Skip("DPSLAB_CONTAINERS=none: the image is not loaded")
	case "required":
		without = t.Fatal
	}
	c, err := client.New(client.FromEnv)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), engineAnswer)
	defer cancel()
	if _, err := c.Ping(ctx, client.PingOptions{}); err != nil {
		without("no container engine answers, so the image is not loaded: ", err)
	}
	return engine{c}
}

// load loads an image for the time of the test.
func (e engine) load(t *testing.T, file, tag string) {
	t.Helper()
	text, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	loaded, err := e.ImageLoad(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	defer loaded.Close()
	said, err := io.ReadAll(loaded)
	if err != nil || !bytes.Contains(said, []byte(tag)) {
		t.Fatalf("loaded %s: %v, %s", file, err, said)
	}
	t.Cleanup(func() {
		if _, err := e.ImageRemove(context.Background(), tag, client.ImageRemoveOptions{Force: true}); err != nil {
			t.Error(err)
		}
	})
}

// start starts a container that is removed when the test ends.
func (e engine) start(t *testing.T, image string, args ...string) (id string) {
	t.Helper()
	made, err := e.ContainerCreate(t.Context(), client.ContainerCreateOptions{Config: &container.Config{Image: image, Cmd: args}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := e.ContainerRemove(context.Background(), made.ID, client.ContainerRemoveOptions{Force: true}); err != nil {
			t.Error(err)
		}
	})
	if _, err := e.ContainerStart(t.Context(), made.ID, client.ContainerStartOptions{}); err != nil {
		t.Fatal(err)
	}
	return made.ID
}

// run runs a container to its end and returns what it said on its standard output.
func (e engine) run(t *testing.T, image string, args ...string) (code int, said string) {
	t.Helper()
	id := e.start(t, image, args...)
	ctx, cancel := context.WithTimeout(t.Context(), engineWork)
	defer cancel()
	wait := e.ContainerWait(ctx, id, client.ContainerWaitOptions{})
	select {
	case ended := <-wait.Result:
		code = int(ended.StatusCode)
	case err := <-wait.Error:
		t.Fatal(err)
	}
	logs, err := e.ContainerLogs(ctx, id, client.ContainerLogsOptions{ShowStdout: true})
	if err != nil {
		t.Fatal(err)
	}
	defer logs.Close()
	var out bytes.Buffer
	if _, err := stdcopy.StdCopy(&out, io.Discard, logs); err != nil {
		t.Fatal(err)
	}
	return code, out.String()
}

// exec runs a command in a running container.
func (e engine) exec(ctx context.Context, t *testing.T, id string, command ...string) (code int) {
	t.Helper()
	made, err := e.ExecCreate(ctx, id, client.ExecCreateOptions{Cmd: command, AttachStdout: true, AttachStderr: true})
	if err != nil {
		t.Fatal(err)
	}
	attached, err := e.ExecAttach(ctx, made.ID, client.ExecAttachOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer attached.Close()
	if _, err := io.Copy(io.Discard, attached.Reader); err != nil { // until it has ended
		t.Fatal(err)
	}
	ended, err := e.ExecInspect(ctx, made.ID, client.ExecInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return ended.ExitCode
}

// awaitHealth asks until the lab in a container is up.
func (e engine) awaitHealth(t *testing.T, id string, question ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), engineWork)
	defer cancel()
	for e.exec(ctx, t, id, question...) != 0 {
		if err := clock.Wait(ctx, clock.System(), labLook); err != nil {
			t.Fatalf("the lab in the container does not come up: %v", err)
		}
	}
}
