package suites_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/suites/containers"
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
	binary := build(ctx, folder)
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

// build builds dpslab in a folder, with more in the environment than there is.
func build(ctx context.Context, folder string, environment ...string) (binary string) {
	GinkgoHelper()
	binary = filepath.Join(folder, "dpslab")
	b := exec.CommandContext(ctx, "go", "build", "-o", binary, "github.com/dpslab/dpslab/cmd/dpslab")
	b.Env = append(os.Environ(), environment...)
	if out, err := b.CombinedOutput(); err != nil {
		Fail("build dpslab for a lab of its own, or name a target in " + targetVariable + ": " + err.Error() + "\n" + string(out))
	}
	return binary
}

// startContainers builds dpslab and starts a lab of containers, which are removed when
// every process of the suite is done, however it ends. It returns the lab's target file.
func startContainers(ctx context.Context) string {
	GinkgoHelper()
	folder := GinkgoT().TempDir()
	o := containers.Options{Dpslab: build(ctx, folder, "CGO_ENABLED=0")}
	if runtime.GOOS != "linux" {
		linux := filepath.Join(folder, "linux")
		if err := os.Mkdir(linux, 0o700); err != nil {
			Fail(err.Error())
		}
		o.Binary = build(ctx, linux, "CGO_ENABLED=0", "GOOS=linux")
	}
	l, err := containers.Start(ctx, o)
	if err != nil {
		Fail("start a lab of containers: " + err.Error())
	}
	DeferCleanup(func(ctx SpecContext) {
		if err := l.Close(ctx); err != nil {
			Fail("remove the lab of containers: " + err.Error())
		}
	})
	return l.File()
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
