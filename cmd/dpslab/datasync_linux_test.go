package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/devwire"
)

// The calls that the order is about, as strace prints them: its thread, then the call with
// what its descriptor is, or the end of a call that others came between.
var (
	call    = regexp.MustCompile(`^(\d+) +(pwrite64|fdatasync|fsync|write)\(\d+<([^>]*(?:>\d[^>]*)?)>`)
	resumed = regexp.MustCompile(`^(\d+) +<\.\.\. (fdatasync|fsync) resumed>.*= 0$`)
)

// TestTheDiskHasItBeforeAnybodyHearsOfIt watches the lab's calls to its kernel while one
// operator enrolls and makes identities at a hub, one request after the other: between a
// write to a data file and the next word to anybody the file was synced.
func TestTheDiskHasItBeforeAnybodyHearsOfIt(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("the order of sync and reply was not looked at: strace is missing")
	}
	trace := filepath.Join(t.TempDir(), "trace")
	lab := dataLabAs(t, t.TempDir(), func(env, args []string) *process { return traced(t, trace, env, args...) })
	operator := lab.service(t)
	const requests = 20
	for i := range requests {
		enrollGroup(t, operator, fmt.Sprint("group-", i), []byte(strings.Repeat("k", 64)))
	}
	hub := lab.hubServices(t)[lab.target.Hubs[0].Host]
	for i := range requests {
		id := fmt.Sprint("dev-", i)
		answer, err := hub.Do(t.Context(), devwire.ServiceRequest{Method: "PUT", Path: "/devices/" + id, Body: map[string]any{"deviceId": id}})
		if err != nil || answer.Status != 200 {
			t.Fatalf("identity %s: %s, %v", id, answer, err)
		}
	}
	lab.interrupt()
	if code := lab.wait(t); code != exitPassed {
		t.Fatalf("the lab did not end well: %s", lab)
	}
	file, err := os.Open(trace)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	kept, early := repliesBySync(t, file)
	if early > 0 || kept < 2*requests {
		t.Errorf("%d replies came after the sync, and %d before it; there were %d requests", kept, early, 2*requests)
	}
}

// dataFile is how far a data file came: numbers of its writes.
type dataFile struct {
	written, synced, told int
	syncing               map[string]int // by thread: the writes before the sync began
}

// repliesBySync counts words to the network that follow a write of a data file: those that
// the file was synced for, and those that it was not.
func repliesBySync(t *testing.T, trace *os.File) (kept, early int) {
	t.Helper()
	files := map[string]*dataFile{}
	lines := bufio.NewScanner(trace)
	for lines.Scan() {
		line := lines.Text()
		if end := resumed.FindStringSubmatch(line); end != nil {
			for _, f := range files {
				f.synced = max(f.synced, f.syncing[end[1]])
				delete(f.syncing, end[1])
			}
			continue
		}
		c := call.FindStringSubmatch(line)
		if c == nil {
			continue
		}
		thread, name, what := c[1], c[2], c[3]
		if strings.HasPrefix(what, "TCP") && name == "write" {
			for path, f := range files {
				switch {
				case f.written == f.told:
				case f.synced < f.written:
					early++
					t.Logf("before the sync of %s: %.200s", path, line)
				default:
					kept++
				}
				f.told = f.written
			}
			continue
		}
		if !strings.HasSuffix(what, ".db") {
			continue
		}
		f := files[what]
		if f == nil {
			f = &dataFile{syncing: map[string]int{}}
			files[what] = f
		}
		switch {
		case name == "pwrite64":
			f.written++
		case strings.HasSuffix(line, "<unfinished ...>"):
			f.syncing[thread] = f.written
		case strings.HasSuffix(line, "= 0"):
			f.synced = f.written
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return kept, early
}

// traced starts this binary as dpslab under strace, which stands beside it (-D): signals go
// to the lab, and its end is the end of both.
func traced(t *testing.T, trace string, env []string, args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{
		cmd: exec.Command("strace", append([]string{"-D", "-f", "-yy", "-s", "0", "-e", "signal=none",
			"-e", "trace=pwrite64,fdatasync,fsync,write", "-o", trace, self, "as:dpslab"}, args...)...),
		stdout: newOutput(), stderr: newOutput(), ended: make(chan struct{}),
	}
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = env, p.stdout, p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		var failed *exec.ExitError
		if errors.As(p.cmd.Wait(), &failed) {
			p.code = exitCode(failed)
		}
	}()
	t.Cleanup(func() {
		p.interrupt()
		p.wait(t)
	})
	return p
}
