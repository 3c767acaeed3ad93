package containers_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/moby/moby/client"

	"github.com/dpslab/dpslab/suites/containers"
)

// roleVariable makes this test binary play a part.
const roleVariable = "DPSLAB_TEST_ROLE"

// play starts a lab, tells its run, and waits for an end that it does not know.
func play(dpslab string) int {
	l, err := containers.Start(context.Background(), containers.Options{Dpslab: dpslab})
	switch {
	case errors.Is(err, containers.ErrNoEngine):
		fmt.Println("no engine:", err)
		return 0
	case err != nil:
		fmt.Println("error:", err)
		return 1
	}
	fmt.Println("run", l.Target().Containers.Run)
	bufio.NewReader(os.Stdin).ReadByte()
	return 0
}

func TestWhatAKilledRunLeavesIsRemoved(t *testing.T) {
	t.Parallel()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), roleVariable+"="+dpslab(t))
	said, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := child.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	child.Stderr = os.Stderr
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { child.Process.Kill(); child.Wait() })
	line, err := bufio.NewReader(said).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(line, "no engine") {
		without(t, line)
	}
	run, ok := strings.CutPrefix(strings.TrimSpace(line), "run ")
	if !ok {
		t.Fatal(line)
	}
	if names := left(t, run); len(names) < 7 { // four containers, a network, an image, a folder
		t.Fatalf("while it runs there are only %q", names)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	gone(t, run)
}

// Where the child that cleans up was killed too, the next start does its work.
func TestAStartRemovesWhatTheDeadLeft(t *testing.T) {
	t.Parallel()
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	ended := exec.Command(dpslab(t), "version")
	if err := ended.Run(); err != nil {
		t.Fatal(err)
	}
	c := api(t)
	plant := func(run, owner string) {
		t.Helper()
		made, err := c.NetworkCreate(t.Context(), "dpslab-test-"+run, client.NetworkCreateOptions{
			Driver: "bridge", Labels: map[string]string{"org.dpslab.run": run, "org.dpslab.owner": owner},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.NetworkRemove(context.Background(), made.ID, client.NetworkRemoveOptions{}) })
	}
	dead, elsewhere, reborn := "testdead0001", "testelse0001", "testborn0001"
	plant(dead, fmt.Sprintf("%s/%d/1", host, ended.Process.Pid))
	plant(elsewhere, fmt.Sprintf("not-%s/%d/1", host, ended.Process.Pid))
	plant(reborn, fmt.Sprintf("%s/%d/1", host, os.Getpid())) // its process id is another process's by now
	start(t)
	for run, want := range map[string]int{dead: 0, reborn: 0, elsewhere: 1} {
		if names := left(t, run); len(names) != want {
			t.Errorf("of %s there is %q", run, names)
		}
	}
}

func TestReapRefusesWhatIsNoRun(t *testing.T) {
	for _, run := range []string{"", "../x", "short", "With-Capital"} {
		if err := containers.Reap(t.Context(), strings.NewReader("all gone"), run); err == nil {
			t.Errorf("%q was taken", run)
		}
	}
	if err := containers.Reap(t.Context(), strings.NewReader("all gone"), "abcdefgh1234"); err != nil {
		t.Errorf("with nothing to do: %v", err)
	}
}
