//go:build unix

package main

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// lasting leaves out what differs from run to run: ports, and the control port's token.
func lasting(vars map[string]string) map[string]string {
	kept := maps.Clone(vars)
	for name := range vars {
		if strings.HasSuffix(name, "_PORT") || strings.HasPrefix(name, "DPSLAB_CONTROL_") {
			delete(kept, name)
		}
	}
	return kept
}

func TestTheNextRunOnAStateFolderIsTheSameLab(t *testing.T) {
	t.Parallel()
	state := filepath.Join(t.TempDir(), "new", "lab")
	var vars []map[string]string
	var authorities []string
	for range 2 {
		lab := up(t, "--state", state)
		vars = append(vars, lasting(lab.vars))
		ca, err := os.ReadFile(lab.vars["DPSLAB_CA_FILE"])
		if err != nil {
			t.Fatal(err)
		}
		authorities = append(authorities, string(ca))
		lab.interrupt()
		lab.wait(t)
	}
	if !maps.Equal(vars[0], vars[1]) || authorities[0] != authorities[1] {
		t.Errorf("the second run is another lab:\n%v\n%v", vars[0], vars[1])
	}
	if mode := modeOf(t, state); mode != 0o700 {
		t.Errorf("the state folder has mode %o", mode)
	}
	files, err := os.ReadDir(state)
	if err != nil || len(files) != 2 {
		t.Errorf("%v in the state folder: %v", err, files)
	}
	for _, file := range files {
		if mode := modeOf(t, filepath.Join(state, file.Name())); mode != 0o600 {
			t.Errorf("%s has mode %o", file.Name(), mode)
		}
	}
}

func TestAnotherStateFolderIsAnotherLab(t *testing.T) {
	t.Parallel()
	one, other := up(t, "--state", ""), up(t, "--state", "")
	for name, value := range lasting(one.vars) {
		if same := name == "DPSLAB_DPS_HOST" || name == "DPSLAB_ADDRESS" || name == "DPSLAB_HUB_COUNT"; (value == other.vars[name]) != same {
			t.Errorf("%s: %q and %q", name, value, other.vars[name])
		}
	}
	ca := one.vars["DPSLAB_CA_FILE"]
	one.interrupt()
	one.wait(t)
	if _, err := os.Stat(filepath.Dir(ca)); err == nil {
		t.Errorf("%s is left by a lab that keeps nothing", filepath.Dir(ca))
	}
}

func TestTwoLabsThatStartAtOnceAgree(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	state := filepath.Join(folder, "lab")
	const labs = 4
	var starting []*process
	var files []string
	for i := range labs {
		files = append(files, filepath.Join(folder, string(rune('a'+i))+".env"))
		starting = append(starting, start(t, environment(t), "dpslab", "up", "--auto-ports", "--state", state, "--env-file", files[i]))
	}
	var first map[string]string
	for i, p := range starting {
		appears(t, p, files[i])
		vars := readEnvFile(t, files[i])
		if _, err := os.Stat(vars["DPSLAB_CA_FILE"]); err != nil {
			t.Errorf("the lab is up, and %v", err)
		}
		health := invoke(t, append(environment(t), "DPSLAB_CONTROL_URL="+vars["DPSLAB_CONTROL_URL"], "DPSLAB_CA_FILE="+vars["DPSLAB_CA_FILE"]), "dpslab", "health")
		if health.code != exitPassed {
			t.Errorf("not the authority of the folder: %s", health)
		}
		if first == nil {
			first = lasting(vars)
		}
		if !maps.Equal(lasting(vars), first) {
			t.Errorf("labs on one folder differ:\n%v\n%v", first, vars)
		}
	}
}
