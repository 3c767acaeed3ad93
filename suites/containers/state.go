package containers

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/testcontainers/testcontainers-go"

	"github.com/dpslab/dpslab/suites/sut"
)

// stateHubs is how many hubs a state holds, and linkedHubs how many of them the lab begins
// with. The others are there to be started by checks.
const (
	stateHubs  = 50
	linkedHubs = 3
)

// describedFile is the target file, in the state folder, that tells names and connection
// strings of the service and of every hub of the state.
const describedFile = "all.yaml"

// makeState fills a new state folder: by a lab on this machine that has the same names and
// keys, and is over as soon as it has told them.
func makeState(ctx context.Context, dpslab, state string) error {
	up := exec.CommandContext(ctx, dpslab, "up", "--state", state, "--auto-ports", "--server-key", "p256", "--hubs", strconv.Itoa(stateHubs),
		"--target-file", filepath.Join(state, describedFile), "--", dpslab, "version")
	if err := os.MkdirAll(state, 0o700); err != nil {
		return err
	}
	if said, err := up.CombinedOutput(); err != nil {
		return fmt.Errorf("make the lab's names and keys with %s: %w: %s", dpslab, err, lastLine(string(said)))
	}
	return nil
}

// described reads what the state folder tells.
func described(state string) (sut.Target, error) {
	t, err := sut.Load(filepath.Join(state, describedFile))
	if err == nil && len(t.Hubs) != stateHubs {
		err = fmt.Errorf("%s holds %d hubs, not %d", state, len(t.Hubs), stateHubs)
	}
	return t, err
}

// stateIn is where a container has its copy.
const stateIn = "/state"

// copies are the files of a state that a container gets.
func copies(state string) []testcontainers.ContainerFile {
	var files []testcontainers.ContainerFile
	for _, name := range []string{"lab.json", "ca.pem"} {
		files = append(files, testcontainers.ContainerFile{
			HostFilePath: filepath.Join(state, name), ContainerFilePath: stateIn + "/" + name, FileMode: 0o600,
		})
	}
	return files
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
