package main

import (
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/suites/sut"
)

// documented are the keys that the help of `dpslab up` promises, for two hubs.
var documented = []string{
	"DPSLAB_DPS_HOST", "DPSLAB_SERVICE_HOST", "DPSLAB_ID_SCOPE", "DPSLAB_SERVICE_CONNECTION_STRING", "DPSLAB_CA_FILE",
	"DPSLAB_HTTPS_PORT", "DPSLAB_MQTTS_PORT", "DPSLAB_AMQPS_PORT", "DPSLAB_HUB_COUNT", "DPSLAB_HUB_1_HOST",
	"DPSLAB_HUB_1_CONNECTION_STRING", "DPSLAB_HUB_2_HOST", "DPSLAB_HUB_2_CONNECTION_STRING", "DPSLAB_CONTROL_URL",
	"DPSLAB_CONTROL_TOKEN", "DPSLAB_HOSTS", "DPSLAB_ADDRESS",
}

func TestTheEnvFileHoldsTheDocumentedKeys(t *testing.T) {
	t.Parallel()
	lab := up(t, "--hubs", "2").open(t)
	if got, want := slices.Sorted(maps.Keys(lab.vars)), slices.Sorted(slices.Values(documented)); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	for name, value := range lab.vars {
		if value == "" {
			t.Errorf("%s is empty", name)
		}
	}
	hosts := []string{lab.vars["DPSLAB_DPS_HOST"], lab.vars["DPSLAB_SERVICE_HOST"], lab.vars["DPSLAB_HUB_1_HOST"], lab.vars["DPSLAB_HUB_2_HOST"]}
	if lab.vars["DPSLAB_HOSTS"] != strings.Join(hosts, " ") {
		t.Errorf("DPSLAB_HOSTS %q, want %q", lab.vars["DPSLAB_HOSTS"], hosts)
	}
	if token := lab.vars["DPSLAB_CONTROL_TOKEN"]; len(token) != 64 {
		t.Errorf("the control token has %d characters, want 256 bits in hex", len(token))
	}
	for _, file := range []string{lab.envFile, lab.targetFile} {
		if mode := modeOf(t, file); mode != 0o600 {
			t.Errorf("%s has mode %o", filepath.Base(file), mode)
		}
	}
	if t.Failed() {
		return
	}
	if lab.target.DPS.ServiceConnectionString.Reveal() != lab.vars["DPSLAB_SERVICE_CONNECTION_STRING"] || len(lab.target.Hubs) != 2 {
		t.Error("target file and env file tell different labs")
	}
}

func TestTheEnvFileAppearsOnceEverythingListens(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "lab.env")
	p := start(t, environment(t), "dpslab", "up", "--auto-ports", "--server-key", "p256", "--state", "", "--env-file", file)
	appears(t, p, file)
	vars := readEnvFile(t, file) // whole at its first sight
	control, err := url.Parse(vars["DPSLAB_CONTROL_URL"])
	if err != nil {
		t.Fatal(err)
	}
	addresses := []string{control.Host}
	for _, name := range []string{"HTTPS", "MQTTS", "AMQPS"} {
		addresses = append(addresses, net.JoinHostPort(vars["DPSLAB_ADDRESS"], vars["DPSLAB_"+name+"_PORT"]))
	}
	for _, address := range addresses {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Errorf("the env file is there, and %v", err)
			continue
		}
		c.Close()
	}
	if _, err := os.Stat(vars["DPSLAB_CA_FILE"]); err != nil {
		t.Errorf("the env file is there, and %v", err)
	}
}

// appears waits for a file that a process writes.
func appears(t testing.TB, p *process, file string) {
	t.Helper()
	limit := time.After(patience)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(file); err == nil {
			return
		}
		select {
		case <-p.ended:
			t.Fatalf("%s ended and wrote no %s", p, file)
		case <-limit:
			t.Fatalf("%s wrote no %s", p, file)
		case <-tick.C:
		}
	}
}

func TestAShellReadsTheEnvFileAsItIs(t *testing.T) {
	t.Parallel()
	state := filepath.Join(t.TempDir(), "it's $HOME's \"lab\" `of` \\ mine")
	lab := up(t, "--state", state)
	var script strings.Builder
	fmt.Fprintf(&script, ". %s\n", quote(lab.envFile))
	names := slices.Sorted(maps.Keys(lab.vars))
	for _, name := range names {
		fmt.Fprintf(&script, "printf '%%s\\n' \"$%s\"\n", name)
	}
	told, err := exec.Command("sh", "-euc", script.String()).Output()
	if err != nil {
		t.Fatal(err)
	}
	for i, value := range strings.Split(strings.TrimSuffix(string(told), "\n"), "\n") {
		if value != lab.vars[names[i]] {
			t.Errorf("a shell reads %s as %q", names[i], value)
		}
	}
	if lab.vars["DPSLAB_CA_FILE"] != filepath.Join(state, "ca.pem") {
		t.Errorf("DPSLAB_CA_FILE %q", lab.vars["DPSLAB_CA_FILE"])
	}
}

func TestStaleFilesAreGoneBeforeTheLabStarts(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	stale := []string{filepath.Join(folder, "lab.env"), filepath.Join(folder, "lab.yaml")}
	for _, file := range stale {
		if err := os.WriteFile(file, []byte("of a lab that is gone"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// The lab cannot start, since its port is taken: what is left is what it did before.
	p := invoke(t, environment(t), "dpslab", "up", "--auto-ports", "--state", "", "--env-file", stale[0], "--target-file", stale[1],
		"--control-listen", taken(t))
	if p.code != exitUntestable {
		t.Errorf("%s", p)
	}
	left, err := os.ReadDir(folder)
	if err != nil || len(left) > 0 {
		t.Errorf("%v %v is there", err, left)
	}
}

func TestTheTargetFileOfALabIsLoaded(t *testing.T) {
	t.Parallel()
	lab := up(t).open(t)
	left, err := os.ReadDir(filepath.Dir(lab.targetFile))
	if err != nil || len(left) != 2 {
		t.Errorf("env file and target file, and what else? %v %v", err, left)
	}
	if lab.target.Control == nil || lab.target.DPS.Address != "127.0.0.1" || len(lab.target.Hubs) != 3 {
		t.Errorf("%+v", lab.target)
	}
	if err := os.Chmod(lab.targetFile, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := sut.Load(lab.targetFile); err == nil {
		t.Error("a target file with literal secrets that others can read was loaded")
	}
}

func modeOf(t testing.TB, path string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

// taken is the address of a port that somebody else has until the test ends.
func taken(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}
