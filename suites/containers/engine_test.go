package containers_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/suites/containers"
)

const (
	patience = 2 * time.Minute // for containers that come and go
	lookAt   = 200 * time.Millisecond
)

// without ends a test of containers where none can be: visibly, and as a failure where they
// are demanded.
func without(t *testing.T, why any) {
	t.Helper()
	if os.Getenv("DPSLAB_CONTAINERS") == "required" {
		t.Fatal("DPSLAB_CONTAINERS=required: ", why)
	}
	t.Skip("not run, so nothing is known of containers here: ", why)
}

// built is a static dpslab for all tests, in a folder that TestMain removes.
var built = sync.OnceValues(func() (string, error) {
	file := filepath.Join(folder, "dpslab")
	b := exec.Command("go", "build", "-o", file, "github.com/dpslab/dpslab/cmd/dpslab")
	b.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := b.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build dpslab: %w\n%s", err, said)
	}
	return file, nil
})

var folder string

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		os.Exit(play(role))
	}
	var err error
	if folder, err = os.MkdirTemp("", "dpslab-test-"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(folder)
	os.Exit(code)
}

func dpslab(t *testing.T) string {
	t.Helper()
	if os.Getenv("DPSLAB_CONTAINERS") == "none" {
		without(t, "DPSLAB_CONTAINERS=none")
	}
	file, err := built()
	if err != nil {
		t.Fatal(err)
	}
	if err := containers.CheckBinary(file); err != nil {
		without(t, err)
	}
	return file
}

// start starts a lab that ends with the test.
func start(t *testing.T) *containers.Lab {
	t.Helper()
	l, err := containers.Start(t.Context(), containers.Options{Dpslab: dpslab(t)})
	if errors.Is(err, containers.ErrNoEngine) {
		without(t, err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := l.Close(ctx); err != nil {
			t.Error(err)
		}
		gone(t, l.Target().Containers.Run)
	})
	return l
}

// api speaks with the engine itself.
func api(t *testing.T) *testcontainers.DockerClient {
	t.Helper()
	dpslab(t)
	c, err := testcontainers.NewDockerClientWithOpts(context.Background()) // cleanups call this too
	if err != nil {
		without(t, err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// left is what the engine has of a run.
func left(t *testing.T, run string) (names []string) {
	t.Helper()
	c, ctx := api(t), context.Background()
	label := make(client.Filters).Add("label", "org.dpslab.run="+run)
	list, err := c.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: label})
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range list.Items {
		names = append(names, "container "+strings.Join(one.Names, " "))
	}
	networks, err := c.NetworkList(ctx, client.NetworkListOptions{Filters: label})
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range networks.Items {
		names = append(names, "network "+one.Name)
	}
	images, err := c.ImageList(ctx, client.ImageListOptions{All: true, Filters: label})
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range images.Items {
		names = append(names, "image "+strings.Join(one.RepoTags, " "))
	}
	if _, err := os.Stat(folderOf(run)); err == nil {
		names = append(names, "folder "+folderOf(run))
	}
	return names
}

func folderOf(run string) string { return filepath.Join(os.TempDir(), "dpslab-containers-"+run) }

// gone waits until nothing of a run is left.
func gone(t *testing.T, run string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		names := left(t, run)
		if len(names) == 0 {
			return
		}
		if clock.Wait(ctx, clock.System(), lookAt) != nil {
			t.Fatalf("still there: %q", names)
		}
	}
}
