package containers_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// command runs the built dpslab with more in its environment than there is.
func command(t *testing.T, environment []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, complaints strings.Builder
	c := exec.Command(dpslab(t), args...)
	c.Env = append(os.Environ(), environment...)
	c.Stdout, c.Stderr = &out, &complaints
	err := c.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatal(err)
	}
	return c.ProcessState.ExitCode(), out.String(), complaints.String()
}

func TestConformanceStartsContainersAndRemovesThem(t *testing.T) {
	t.Parallel()
	api(t) // or it is not run
	code, said, complaints := command(t, nil, "conformance", "--target", "containers", "--focus-id", "DPS-ALLOC-022", "--focus-id", "DPS-HTTPS-047")
	if code != 0 || complaints != "" || !strings.Contains(said, "PASSED: ") {
		t.Errorf("exit code %d\n%s%s", code, said, complaints)
	}
	if !strings.Contains(said, "needs loopback") {
		t.Errorf("it does not tell why checks were skipped:\n%s", said)
	}
}

func TestWithoutAnEngineThereIsOneErrorThatSaysWhatToTry(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"unix:///nowhere/docker.sock", "tcp://127.0.0.1:1"} {
		code, said, complaints := command(t, []string{"DOCKER_HOST=" + host}, "conformance", "--target", "containers")
		if code != 2 || said != "" {
			t.Errorf("%s: exit code %d, %q", host, code, said)
		}
		if strings.Count(complaints, "\n") != 1 || !strings.Contains(complaints, "no container engine answers") || !strings.Contains(complaints, "DOCKER_HOST") {
			t.Errorf("%s: %q", host, complaints)
		}
	}
}

func TestAnImageThatIsNotLoadedIsNotPulled(t *testing.T) {
	t.Parallel()
	api(t)
	code, _, complaints := command(t, []string{"DPSLAB_IMAGE=dpslab:never-released"}, "conformance", "--target", "containers")
	if code != 2 || strings.Count(complaints, "\n") != 1 || !strings.Contains(complaints, "docker load") {
		t.Errorf("exit code %d, %q", code, complaints)
	}
}
