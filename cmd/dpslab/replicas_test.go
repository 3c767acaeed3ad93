//go:build unix

package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/pgtest"
)

// Two processes on one database are one service: each knows what the other was told, and
// goes on when the other is killed.
func TestReplicasAreOneService(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t).Database(t)
	state, key := t.TempDir(), []byte(strings.Repeat("k", 64))
	env := environment(t)
	hub := serveLab(t, env, "hub", "serve", "--state", state)
	link := "1@" + hub.vars["DPSLAB_ADDRESS"] + ":" + hub.vars["DPSLAB_HTTPS_PORT"]
	replica := func() *running { // not serveLab, whose labs must end well: one is killed
		files := t.TempDir()
		r := &running{envFile: filepath.Join(files, "lab.env"), targetFile: filepath.Join(files, "lab.yaml"), env: env}
		r.process = start(t, append(slices.Clone(env), "DPSLAB_DATABASE="+url), "dpslab", "reference", "serve", "--auto-ports", "--server-key", "p256", "--retry-after", "0s",
			"--database", "--state", state, "--link-hub", link, "--env-file", r.envFile, "--target-file", r.targetFile)
		r.await(t, "Stop with Ctrl-C")
		r.vars = readEnvFile(t, r.envFile)
		return r.open(t)
	}
	one, other := replica(), replica()
	enrollGroup(t, one.service(t), "line-a", key)
	if err := provision(t.Context(), other.wire, other.target, dps.HTTPS, "dev-01", key); err != nil {
		t.Fatalf("a device of a group that the first was told of, at the second: %v", err)
	}
	other.cmd.Process.Kill()
	other.wait(t)
	if r, err := one.service(t).GetRegistration(t.Context(), "dev-01"); err != nil || r.Status != 200 {
		t.Errorf("the first knows what the second assigned: %d, %v", r.Status, err)
	}
	if err := provision(t.Context(), one.wire, one.target, dps.HTTPS, "dev-01", key); err != nil {
		t.Errorf("again at the first, when the second is dead: %v", err)
	}
}

func TestADatabaseNeedsItsURL(t *testing.T) {
	t.Parallel()
	p := invoke(t, environment(t), "dpslab", "reference", "serve", "--database")
	if p.code != exitUntestable || !strings.Contains(p.stderr.String(), "DPSLAB_DATABASE") {
		t.Errorf("%s", p)
	}
}
