package containers

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/shirou/gopsutil/v4/process"
)

// Labels of everything that a run makes.
const (
	labelRun   = "org.dpslab.run"
	labelOwner = "org.dpslab.owner"
)

// thisProcess names this process as nobody else is named: host, process id, and when it
// began, since ids come again.
func thisProcess() (string, error) {
	host, err := os.Hostname()
	if err != nil {
		return "", err
	}
	p, err := process.NewProcess(int32(os.Getpid()))
	if err != nil {
		return "", err
	}
	began, err := p.CreateTime()
	return fmt.Sprintf("%s/%d/%d", host, os.Getpid(), began), err
}

// dead reports whether an owner ran on this machine and does no longer. Of another
// machine's it knows nothing, and so says no.
func dead(owner string) bool {
	parts := strings.Split(owner, "/")
	host, err := os.Hostname()
	if err != nil || len(parts) != 3 || parts[0] != host {
		return false
	}
	pid, err := strconv.ParseInt(parts[1], 10, 32)
	if err != nil {
		return false
	}
	exists, err := process.PidExists(int32(pid))
	if err != nil || !exists {
		return err == nil
	}
	p, err := process.NewProcess(int32(pid))
	if err != nil {
		return false
	}
	began, err := p.CreateTime()
	return err == nil && strconv.FormatInt(began, 10) != parts[2]
}
