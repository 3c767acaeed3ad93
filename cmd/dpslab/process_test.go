package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience bounds every wait for a process: several may share a slow machine.
const patience = 40 * time.Second

// longPatience is for whole conformance runs at a target whose checks share one service.
const longPatience = 8 * time.Minute

// process is this binary in another role.
type process struct {
	cmd            *exec.Cmd
	stdout, stderr *output
	ended          chan struct{} // closed when code is known
	code           int           // as a shell tells it
}

// start runs a role. The test's end interrupts it, and waits for it.
func start(t testing.TB, env []string, role string, args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{
		cmd:    exec.Command(self, append([]string{"as:" + role}, args...)...),
		stdout: newOutput(), stderr: newOutput(), ended: make(chan struct{}),
	}
	p.cmd.Env = env
	p.cmd.Stdout, p.cmd.Stderr = p.stdout, p.stderr
	p.cmd.WaitDelay = time.Second // what a killed child's own child holds open
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

// invoke runs a role to its end.
func invoke(t testing.TB, env []string, role string, args ...string) *process {
	t.Helper()
	p := start(t, env, role, args...)
	p.wait(t)
	return p
}

// wait waits for the end and returns the exit code.
func (p *process) wait(t testing.TB) int {
	t.Helper()
	return p.waitFor(t, patience)
}

// waitFor is wait for a process that has a lot to do.
func (p *process) waitFor(t testing.TB, patience time.Duration) int {
	t.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case <-p.ended:
	case <-limit.C:
		p.cmd.Process.Kill()
		<-p.ended
		t.Errorf("%s did not end within %s", p, patience)
	}
	return p.code
}

func (p *process) interrupt() { p.cmd.Process.Signal(os.Interrupt) }

// await waits until the process has printed text.
func (p *process) await(t testing.TB, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		said, more := p.stdout.heard()
		if strings.Contains(said, text) {
			return
		}
		select {
		case <-more:
		case <-p.ended:
			if !strings.Contains(p.stdout.String(), text) {
				t.Fatalf("%s ended and did not say %q", p, text)
			}
			return
		case <-ctx.Done():
			t.Fatalf("%s did not say %q within %s", p, text, patience)
		}
	}
}

// all is everything that the process printed.
func (p *process) all() string { return p.stdout.String() + p.stderr.String() }

// String is the process as a failed test shows it.
func (p *process) String() string {
	state := "running"
	select {
	case <-p.ended:
		state = fmt.Sprint("exit code ", p.code)
	default:
	}
	return fmt.Sprintf("%q (%s)\nstdout:\n%sstderr:\n%s", p.cmd.Args[1:], state, p.stdout, p.stderr)
}

// output collects what a process prints.
type output struct {
	mu   sync.Mutex
	text strings.Builder
	more chan struct{} // closed at the next write
}

func newOutput() *output { return &output{more: make(chan struct{})} }

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.more)
	o.more = make(chan struct{})
	return o.text.Write(b)
}

func (o *output) heard() (said string, more <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String(), o.more
}

func (o *output) String() string {
	said, _ := o.heard()
	return said
}

// environment is this process's without a lab, without proxies, and with a state folder of
// the test's own where none is given; extra pairs come last.
func environment(t testing.TB, extra ...string) []string {
	var env []string
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if name = strings.ToUpper(name); !strings.HasPrefix(name, "DPSLAB_") && !strings.HasSuffix(name, "_PROXY") {
			env = append(env, pair)
		}
	}
	return append(append(env, "XDG_STATE_HOME="+t.TempDir()), extra...)
}
