package interop_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
)

// softwareTPM runs swtpm, a whole TPM in a process, until the test ends, and returns the path of
// the socket where it takes commands.
func softwareTPM(t *testing.T) (socket string) {
	t.Helper()
	program, err := exec.LookPath("swtpm")
	switch {
	case err == nil:
	case os.Getenv(modeVariable) == required:
		t.Fatalf("%v; run make interop-deps (on Debian: apt-get install swtpm)", err)
	default:
		t.Skip("NOT RUN: swtpm is missing; run make interop-deps (on Debian: apt-get install swtpm)")
	}
	folder := t.TempDir()
	socket = filepath.Join(folder, "tpm")
	swtpm := exec.Command(program, "socket", "--tpm2", "--tpmstate", "dir="+folder,
		"--server", "type=unixio,path="+socket, "--flags", "not-need-init,startup-clear")
	dieWithTest(swtpm)
	if err := swtpm.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		swtpm.Process.Kill()
		swtpm.Wait()
	})
	for {
		// The socket is there before anybody listens.
		if probe, err := net.Dial("unix", socket); err == nil {
			probe.Close()
			return socket
		}
		if err := clock.Wait(t.Context(), clock.System(), 10*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
}
