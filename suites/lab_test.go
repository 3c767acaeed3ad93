package suites_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	. "github.com/onsi/ginkgo/v2"
)

const (
	labStart = 30 * time.Second // until its target file is there
	labStop  = 10 * time.Second
	labLook  = 20 * time.Millisecond // between looks for the file
)

// startLab builds dpslab and starts a lab as a child process, which is stopped when every
// process of the suite is done. It returns the lab's target file.
func startLab(ctx context.Context) string {
	GinkgoHelper()
	folder := GinkgoT().TempDir()
	binary := filepath.Join(folder, "dpslab")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "github.com/dpslab/dpslab/cmd/dpslab")
	if out, err := build.CombinedOutput(); err != nil {
		Fail("build dpslab for a lab of its own, or name a target in " + targetVariable + ": " + err.Error() + "\n" + string(out))
	}
	file := filepath.Join(folder, "target.yaml")
	lab := exec.Command(binary, "up", "--auto-ports", "--state", filepath.Join(folder, "state"), "--target-file", file)
	lab.Stdout, lab.Stderr = GinkgoWriter, GinkgoWriter
	if err := lab.Start(); err != nil {
		Fail("start the lab: " + err.Error())
	}
	var died error
	ended := make(chan struct{})
	go func() {
		died = lab.Wait()
		close(ended)
	}()
	DeferCleanup(func() { stopLab(lab.Process, ended) })

	// The file appears by rename once everything listens.
	starting, cancel := context.WithTimeout(ctx, labStart)
	defer cancel()
	for {
		if _, err := os.Stat(file); err == nil {
			return file
		}
		select {
		case <-ended:
			Fail(fmt.Sprint("the lab ended before it was ready: ", died))
		default:
		}
		if err := clock.Wait(starting, clock.System(), labLook); err != nil {
			Fail("the lab wrote no target file: " + err.Error())
		}
	}
}

func stopLab(lab *os.Process, ended <-chan struct{}) {
	if err := lab.Signal(os.Interrupt); err != nil {
		return // it has ended already
	}
	stopping, cancel := context.WithTimeout(context.Background(), labStop)
	defer cancel()
	select {
	case <-ended:
	case <-stopping.Done():
		GinkgoWriter.Println("the lab did not stop when it was asked to; it is killed")
		lab.Kill()
		<-ended
	}
}
