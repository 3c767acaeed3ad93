// Package swtpm runs Debian's swtpm, a whole TPM in a process, for tests: what is emulated
// or wrapped for a TPM is held against it.
package swtpm

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
)

const (
	missing = "NOT RUN: swtpm is missing; run make interop-deps (on Debian: apt-get install swtpm)"
	look    = 10 * time.Millisecond // between tries to reach it
)

// Start runs a new TPM until the test ends, and returns the path of the socket where it
// takes commands. Where swtpm is not installed the test is skipped, or fails with
// DPSLAB_INTEROP=required. prepare may bend the command before it starts.
func Start(t testing.TB, prepare ...func(*exec.Cmd)) (socket string) {
	t.Helper()
	program, err := exec.LookPath("swtpm")
	switch {
	case err == nil:
	case os.Getenv("DPSLAB_INTEROP") == "required":
		t.Fatal(missing)
	default:
		t.Skip(missing)
	}
	folder := t.TempDir()
	socket = filepath.Join(folder, "tpm")
	cmd := exec.Command(program, "socket", "--tpm2", "--tpmstate", "dir="+folder,
		"--server", "type=unixio,path="+socket, "--flags", "not-need-init,startup-clear")
	for _, p := range prepare {
		p(cmd)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for {
		// The socket is there before anybody listens.
		if probe, err := net.Dial("unix", socket); err == nil {
			probe.Close()
			return socket
		}
		if err := clock.Wait(t.Context(), clock.System(), look); err != nil {
			t.Fatal(err)
		}
	}
}
