package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
)

// dataLab runs a lab on a folder's state and data, as often as the test wants.
func dataLab(t *testing.T, folder string) *running {
	t.Helper()
	return dataLabAs(t, folder, func(env, args []string) *process { return start(t, env, "dpslab", args...) })
}

func dataLabAs(t *testing.T, folder string, start func(env, args []string) *process) *running {
	t.Helper()
	files := t.TempDir()
	r := &running{envFile: filepath.Join(files, "lab.env"), targetFile: filepath.Join(files, "lab.yaml"), env: environment(t)}
	r.process = start(r.env, []string{"up", "--auto-ports", "--server-key", "p256", "--retry-after", "0s", "--no-transcript",
		"--env-file", r.envFile, "--target-file", r.targetFile, "--state", filepath.Join(folder, "state"), "--data", filepath.Join(folder, "data")})
	r.await(t, "Stop with Ctrl-C")
	r.vars = readEnvFile(t, r.envFile)
	return r.open(t)
}

// hubServices are clients of all hubs, by their hosts.
func (r *running) hubServices(t *testing.T) map[string]*devwire.HubServiceClient {
	t.Helper()
	all := map[string]*devwire.HubServiceClient{}
	for _, h := range r.target.Hubs {
		c, err := r.wire.HubService(r.target.Endpoint(h), h.ConnectionString.Reveal())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		all[h.Host] = c
	}
	return all
}

// kills is how many rounds the test of kills has.
func kills(t *testing.T) int {
	t.Helper()
	text := os.Getenv("DPSLAB_KILLS")
	if text == "" {
		return 3
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("DPSLAB_KILLS is %q, no number of rounds", text)
	}
	return n
}

// acknowledged is what a lab said in one round that it has done.
type acknowledged struct {
	sync.Mutex
	devices     map[string]string // hub by registration id
	enrollments map[string]string // etag by registration id
	twins       map[string]int    // the newest count that was written, by registration id
	begun       []string          // registration ids, whatever became of them
}

// TestWhatWasAcknowledgedOutlivesAKill kills the lab while devices register, an operator
// enrolls and twins are written, and asks the next process for all that was acknowledged.
func TestWhatWasAcknowledgedOutlivesAKill(t *testing.T) {
	t.Parallel()
	folder, key := t.TempDir(), []byte(strings.Repeat("k", 64))
	var all []*acknowledged
	rounds := kills(t)
	for round := range rounds {
		lab := dataLab(t, folder)
		if round == 0 {
			enrollGroup(t, lab.service(t), "line-a", key)
		}
		now := &acknowledged{devices: map[string]string{}, enrollments: map[string]string{}, twins: map[string]int{}}
		all = append(all, now)
		now.under(t, lab, key, round)
		lab = dataLab(t, folder)
		now.isThere(t, lab)
		if round == rounds-1 {
			for _, before := range all[:round] {
				before.isThere(t, lab)
			}
		}
		again := now.begun[len(now.begun)-1]
		if err := provision(t.Context(), lab.wire, lab.target, dps.HTTPS, again, key); err != nil {
			t.Errorf("round %d: %s, which was on its way, cannot register again: %v", round, again, err)
		}
		lab.interrupt()
		if code := lab.wait(t); code != exitPassed {
			t.Errorf("round %d: the lab did not end well: %s", round, lab)
		}
		if t.Failed() {
			return
		}
	}
}

// under loads the lab and kills it once it has acknowledged some registrations.
func (a *acknowledged) under(t *testing.T, lab *running, key []byte, round int) {
	t.Helper()
	var killed atomic.Bool
	var left atomic.Int64
	left.Store(int64(30 + rand.IntN(120)))
	kill := func() {
		if left.Add(-1) == 0 {
			killed.Store(true)
			lab.cmd.Process.Kill()
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	hubs, operator := lab.hubServices(t), lab.service(t)
	var wg sync.WaitGroup
	// until calls do until the lab is killed; an error before that is a failure.
	until := func(what string, do func(i int) error) {
		wg.Go(func() {
			for i := 0; ; i++ {
				if err := do(i); err != nil {
					if !killed.Load() {
						t.Errorf("round %d: %s: %v", round, what, err)
					}
					return
				}
			}
		})
	}
	for worker := range 16 {
		until("register", func(i int) error {
			id := fmt.Sprintf("dev-%d-%d-%d", round, worker, i)
			a.Lock()
			a.begun = append(a.begun, id)
			a.Unlock()
			device, err := lab.wire.Device(ctx, dps.HTTPS, lab.target.Device(), devwire.Identity{
				Scope: lab.target.DPS.IDScope, RegistrationID: id, Key: devwire.DeriveKey(key, id),
			})
			if err != nil {
				return err
			}
			defer device.Close()
			answer, err := lab.wire.Provision(ctx, device, nil)
			if err != nil {
				return err
			}
			if answer.Status != dps.StatusAssigned {
				return fmt.Errorf("%s ended %s", id, answer)
			}
			a.Lock()
			a.devices[id] = answer.State.AssignedHub
			a.Unlock()
			kill()
			if worker > 0 {
				return nil
			}
			patched, err := hubs[answer.State.AssignedHub].PatchTwin(ctx, id, map[string]any{"properties": map[string]any{"desired": map[string]any{"count": i}}})
			if err == nil && patched.Status != 200 {
				err = fmt.Errorf("the twin: %s", patched)
			}
			if err == nil {
				a.Lock()
				a.twins[id] = i
				a.Unlock()
			}
			return err
		})
	}
	until("enroll", func(i int) error {
		id := fmt.Sprintf("own-%d-%d", round, i)
		secret := base64.StdEncoding.EncodeToString(key)
		answer, err := operator.PutEnrollment(ctx, map[string]any{"registrationId": id, "attestation": map[string]any{
			"type": "symmetricKey", "symmetricKey": map[string]any{"primaryKey": secret, "secondaryKey": secret}}})
		if err != nil {
			return err
		}
		record, err := answer.JSON()
		if err != nil || answer.Status != 200 {
			return errors.Join(err, fmt.Errorf("%s: %s", id, answer))
		}
		a.Lock()
		a.enrollments[id] = fmt.Sprint(record["etag"])
		a.Unlock()
		return nil
	})
	wg.Wait()
	lab.wait(t)
}

// isThere asks for everything.
func (a *acknowledged) isThere(t *testing.T, lab *running) {
	t.Helper()
	hubs, operator := lab.hubServices(t), lab.service(t)
	if len(a.devices) == 0 || len(a.enrollments) == 0 || len(a.twins) == 0 {
		t.Errorf("nothing to look for: %d devices, %d enrollments, %d twins", len(a.devices), len(a.enrollments), len(a.twins))
	}
	for id, etag := range a.enrollments {
		answer, err := operator.GetEnrollment(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if record, err := answer.JSON(); err != nil || answer.Status != 200 || record["etag"] != etag {
			t.Errorf("enrollment %s with etag %s was acknowledged: %s", id, etag, answer)
		}
	}
	for id, hub := range a.devices {
		answer, err := operator.GetRegistration(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if record, err := answer.JSON(); err != nil || answer.Status != 200 || record["assignedHub"] != hub || record["status"] != "assigned" {
			t.Errorf("registration %s at %s was acknowledged: %s", id, hub, answer)
		}
	}
	for _, id := range a.begun {
		var at []string
		for host, hub := range hubs {
			answer, err := hub.Identity(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if answer.Status == 200 {
				at = append(at, host)
			}
		}
		if hub, assigned := a.devices[id]; len(at) > 1 || assigned && (len(at) != 1 || at[0] != hub) {
			t.Errorf("device %s is at %q; acknowledged: %q", id, at, hub)
		}
	}
	for id, count := range a.twins {
		answer, err := hubs[a.devices[id]].Twin(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(answer.Body), fmt.Sprintf(`"count":%d`, count)) {
			t.Errorf("in the twin of %s count %d was acknowledged: %s", id, count, answer)
		}
	}
}

func TestDataThatNoLabCanBeMadeOf(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	lab := dataLab(t, folder)
	data := filepath.Join(folder, "data")
	for _, c := range []struct {
		rule, says string
		args       []string
	}{
		{"a folder that another process has open", "is open in another process", []string{"--state", filepath.Join(folder, "state"), "--data", data}},
		{"no state", "--data needs the keys and names of a state folder", []string{"--state", "", "--data", t.TempDir()}},
	} {
		p := invoke(t, environment(t), "dpslab", append([]string{"up", "--auto-ports", "--server-key", "p256"}, c.args...)...)
		if p.code == exitPassed || !strings.Contains(p.stderr.String(), c.says) || strings.Count(strings.TrimSpace(p.stderr.String()), "\n") > 0 {
			t.Errorf("%s: %s", c.rule, p)
		}
	}
	lab.interrupt()
	lab.wait(t)
	p := invoke(t, environment(t), "dpslab", "up", "--auto-ports", "--server-key", "p256", "--state", filepath.Join(folder, "another"), "--data", data)
	if p.code == exitPassed || !strings.Contains(p.stderr.String(), "belongs to ") {
		t.Errorf("data of another state: %s", p)
	}
}
