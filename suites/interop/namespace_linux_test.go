package interop_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// noNamespaces says why there is no lab on this system. Here there is one.
const noNamespaces = ""

// runInNamespaces runs a program in new mount and network namespaces, and in a user
// namespace too for who is not root, and returns its exit code.
func runInNamespaces(program string, args, env []string) (code int, err error) {
	// The child's death signal comes when the thread that started it ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWNET, Pdeathsig: unix.SIGTERM}
	if uid := os.Geteuid(); uid != 0 {
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("no namespaces of our own (%w); run as root, or allow users to make them, %s", err, orSkip)
	}
	err = cmd.Wait()
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		return max(ended.ExitCode(), 1), nil // a signal has no code
	}
	return 0, err
}

// becomeLab makes the new namespaces usable and turns this process into a lab that runs
// this program again. It returns only what went wrong.
func becomeLab() error {
	if err := raiseLoopback(); err != nil {
		return fmt.Errorf("bring the loopback device up: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := os.Setenv(stageVariable, stageLab); err != nil {
		return err
	}
	binary := os.Getenv(binaryVariable)
	args := []string{binary, "up", "--standard-ports", "--state", "", "--retry-after", "1s", "--", self}
	return fmt.Errorf("run %q: %w", binary, unix.Exec(binary, append(args, os.Args[1:]...), os.Environ()))
}

func raiseLoopback() error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	loopback, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(socket, unix.SIOCGIFFLAGS, loopback); err != nil {
		return err
	}
	loopback.SetUint16(loopback.Uint16() | unix.IFF_UP)
	return unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, loopback)
}

// mapNames makes names mean 127.0.0.1, for this process and its children alone.
func mapNames(names []string) error {
	hosts, err := os.CreateTemp("", "dpslab-hosts-")
	if err != nil {
		return err
	}
	defer os.Remove(hosts.Name()) // the mount keeps what it shows
	defer hosts.Close()
	if err := hosts.Chmod(0o644); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(hosts, "127.0.0.1 localhost %s\n", strings.Join(names, " ")); err != nil {
		return err
	}
	if err := unix.Mount(hosts.Name(), "/etc/hosts", "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("lay a hosts file over /etc/hosts: %w", err)
	}
	return nil
}

// dieWithTest ends a child when the test is killed.
func dieWithTest(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
}
