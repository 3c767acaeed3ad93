package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// On a terminal a Ctrl-C reaches the whole foreground: dpslab and its command. A command
// that heard it twice would take the second for "at once, without cleaning up".
func TestCtrlCOnATerminalReachesTheCommandOnce(t *testing.T) {
	t.Parallel()
	master, slave := terminal(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	lab := exec.Command(self, append([]string{"as:dpslab"}, commandLine(t, "count")...)...)
	lab.Env = environment(t)
	lab.Stdin, lab.Stdout, lab.Stderr = slave, slave, slave
	lab.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := lab.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	limit := time.AfterFunc(patience, func() { lab.Process.Kill() })
	defer limit.Stop()
	var said bytes.Buffer
	typed := false
	for chunk := make([]byte, 1024); ; {
		n, err := master.Read(chunk)
		said.Write(chunk[:n])
		if !typed && bytes.Contains(said.Bytes(), []byte("counting")) {
			typed = true
			if _, err := master.Write([]byte{3}); err != nil {
				t.Fatal(err)
			}
		}
		if err != nil { // nobody holds the terminal any more
			break
		}
	}
	if lab.Wait(); lab.ProcessState.ExitCode() != 1 {
		t.Errorf("the command heard %d interrupts; its terminal said %q", lab.ProcessState.ExitCode(), said.String())
	}
}

func init() {
	roles["count"] = countInterrupts
}

// countInterrupts ends a moment after the first interrupt, with the number of those heard.
func countInterrupts() {
	interrupts := make(chan os.Signal, 8)
	signal.Notify(interrupts, os.Interrupt)
	fmt.Println("counting")
	<-interrupts
	heard := 1
	for moment := time.After(300 * time.Millisecond); ; {
		select {
		case <-interrupts:
			heard++
		case <-moment:
			os.Exit(heard)
		}
	}
}

// terminal is a new pseudo terminal.
func terminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	t.Cleanup(func() { master.Close() })
	var unlocked, number int32
	for request, argument := range map[uintptr]*int32{syscall.TIOCSPTLCK: &unlocked, syscall.TIOCGPTN: &number} {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, master.Fd(), request, uintptr(unsafe.Pointer(argument))); errno != 0 {
			t.Skipf("no pseudo terminals here: %v", errno)
		}
	}
	slave, err = os.OpenFile("/dev/pts/"+strconv.Itoa(int(number)), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	return master, slave
}
