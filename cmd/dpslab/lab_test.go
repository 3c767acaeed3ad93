package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/controlapi"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/transcript"
	"github.com/dpslab/dpslab/suites/sut"
)

// running is a lab in a process of its own, and what its files say of it.
type running struct {
	*process
	envFile, targetFile string
	vars                map[string]string // of the env file
	env                 []string          // for clients: environment and vars
	target              sut.Target
	wire                *devwire.Wire
}

// up runs `dpslab up` with fast settings; args come after them. It returns when the lab is
// up. The test's end interrupts it and demands that it ends well.
func up(t testing.TB, args ...string) *running {
	t.Helper()
	return serveLab(t, environment(t), append([]string{"up"}, args...)...)
}

func serveLab(t testing.TB, env []string, args ...string) *running {
	t.Helper()
	return serveLabAs(t, env, "dpslab", args...)
}

// serveLabAs serves a lab in a role of this binary that has one.
func serveLabAs(t testing.TB, env []string, role string, args ...string) *running {
	t.Helper()
	folder := t.TempDir()
	r := &running{envFile: filepath.Join(folder, "lab.env"), targetFile: filepath.Join(folder, "lab.yaml")}
	command := 1 // up
	if args[0] != "up" {
		command = 2 // reference serve, hub serve
	}
	fast := []string{"--auto-ports", "--server-key", "p256", "--retry-after", "0s", "--env-file", r.envFile, "--target-file", r.targetFile}
	all := append(append(append([]string{}, args[:command]...), fast...), args[command:]...)
	r.process = start(t, env, role, all...)
	t.Cleanup(func() {
		r.interrupt()
		if code := r.wait(t); code != exitPassed {
			t.Errorf("the lab did not end well: %s", r)
		}
	})
	r.await(t, "Stop with Ctrl-C")
	r.vars = readEnvFile(t, r.envFile)
	r.env = env
	for name, value := range r.vars {
		r.env = append(r.env, name+"="+value)
	}
	return r
}

// open reads the target file, which only a lab with a service can be loaded from.
func (r *running) open(t testing.TB) *running {
	t.Helper()
	target, err := sut.Load(r.targetFile)
	if err != nil {
		t.Fatal(err)
	}
	roots, err := target.Roots()
	if err != nil {
		t.Fatal(err)
	}
	r.target = target
	r.wire = &devwire.Wire{Roots: roots, Clock: clock.System(), Log: transcript.NewLog(transcript.Client, clock.System(), 16<<20)}
	return r
}

// dpslab runs a command with the lab's variables.
func (r *running) dpslab(t testing.TB, args ...string) *process {
	t.Helper()
	return invoke(t, r.env, "dpslab", args...)
}

// control is a client of the lab's control port.
func (r *running) control(t testing.TB) *controlapi.Client {
	t.Helper()
	c := controlapi.New(r.target.Control.URL, r.target.Control.Token.Reveal(), r.wire.Roots)
	t.Cleanup(c.Close)
	return c
}

// service is a client of the lab's service API.
func (r *running) service(t testing.TB) *devwire.ServiceClient {
	t.Helper()
	c, err := r.wire.Service(r.target.Service(), r.target.DPS.ServiceConnectionString.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// enrollGroup adds an enrollment group with a key.
func enrollGroup(t testing.TB, c *devwire.ServiceClient, id string, key []byte) {
	t.Helper()
	answer, err := c.PutGroup(context.Background(), map[string]any{
		"enrollmentGroupId": id, "attestation": map[string]any{
			"type": "symmetricKey", "symmetricKey": map[string]any{"primaryKey": key, "secondaryKey": key},
		},
	})
	if err != nil || answer.Status != 200 {
		t.Fatalf("group %s not enrolled: %v %v", id, answer, err)
	}
}

// readEnvFile reads the file as a shell would: quoted values only.
func readEnvFile(t testing.TB, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	vars := map[string]string{}
	for line := range strings.SplitSeq(strings.TrimSuffix(string(text), "\n"), "\n") {
		name, value, _ := strings.Cut(line, "=")
		if len(value) < 2 || value[0] != '\'' || value[len(value)-1] != '\'' {
			t.Fatalf("%s is not quoted", name)
		}
		vars[name] = strings.ReplaceAll(value[1:len(value)-1], `'\''`, `'`)
	}
	return vars
}
