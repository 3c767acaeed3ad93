//go:build unix

package main

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestCtrlCEndsTheLab(t *testing.T) {
	t.Parallel()
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		lab := up(t)
		lab.cmd.Process.Signal(s)
		if code := lab.wait(t); code != exitPassed || lab.stderr.String() != "" {
			t.Errorf("%s: %s", s, lab)
		}
		if c, err := net.Dial("tcp", net.JoinHostPort(lab.vars["DPSLAB_ADDRESS"], lab.vars["DPSLAB_HTTPS_PORT"])); err == nil {
			c.Close()
			t.Errorf("%s: somebody still listens", s)
		}
	}
}

func TestAnInterruptIsPassedOnAndTheCommandsCodeCounts(t *testing.T) {
	t.Parallel()
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		p := start(t, environment(t), "dpslab", commandLine(t, "wait")...)
		child := pidOf(t, p)
		p.cmd.Process.Signal(s)
		if code := p.wait(t); code != 3 || !strings.Contains(p.stdout.String(), "heard "+s.String()) {
			t.Errorf("%s: %s", s, p)
		}
		gone(t, child)
	}
}

func TestACommandThatIgnoresInterruptsIsKilled(t *testing.T) {
	t.Parallel()
	p := start(t, environment(t), "dpslab", commandLine(t, "deaf")...)
	child := pidOf(t, p)
	p.interrupt()
	if code := p.wait(t); code != 128+int(syscall.SIGKILL) {
		t.Errorf("%s", p)
	}
	gone(t, child)
}

func TestTheCodeOfAKilledCommandIsAShells(t *testing.T) {
	t.Parallel()
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		p := invoke(t, environment(t), "dpslab", commandLine(t, "kill", strconv.Itoa(int(s)))...)
		if p.code != 128+int(s) {
			t.Errorf("%s: %s", s, p)
		}
	}
}

// pidOf waits for the child of a lab to say who it is.
func pidOf(t *testing.T, p *process) (pid int) {
	t.Helper()
	p.await(t, "waiting as ")
	p.await(t, "\n")
	if _, err := fmt.Sscanf(p.stdout.String(), "waiting as %d\n", &pid); err != nil {
		t.Fatalf("%v: %s", err, p)
	}
	return pid
}

// gone demands that a process has ended. Its parent has, so nobody else can hold its number.
func gone(t *testing.T, pid int) {
	t.Helper()
	child, err := os.FindProcess(pid)
	if err != nil {
		return
	}
	if err := child.Signal(syscall.Signal(0)); err == nil {
		t.Errorf("process %d is still there", pid)
	}
}

func init() {
	roles["kill"] = func() {
		s, _ := strconv.Atoi(os.Args[1])
		syscall.Kill(os.Getpid(), syscall.Signal(s))
		select {}
	}
}
