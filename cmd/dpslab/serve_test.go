package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/suites/sut"
)

// A service and a hub in two processes, as in two containers: they share a state folder,
// and so the authority, and one is told where the other is.
func TestServiceAndHubInTwoProcesses(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	env := environment(t)
	hub := serveLab(t, env, "hub", "serve", "--state", state)
	link := hub.vars["DPSLAB_HUB_1_CONNECTION_STRING"] + "@" + hub.vars["DPSLAB_ADDRESS"] + ":" + hub.vars["DPSLAB_HTTPS_PORT"]
	service := serveLab(t, env, "reference", "serve", "--state", state, "--link-hub", link).open(t)

	if _, has := hub.vars["DPSLAB_ID_SCOPE"]; has || service.vars["DPSLAB_HUB_COUNT"] != "0" {
		t.Errorf("each tells of what it serves: hub %v, service %v", hub.vars, service.vars)
	}
	target := service.target
	target.Hubs = []sut.Hub{{
		Host: hub.vars["DPSLAB_HUB_1_HOST"], ConnectionString: sut.Secret(hub.vars["DPSLAB_HUB_1_CONNECTION_STRING"]), Address: hub.vars["DPSLAB_ADDRESS"],
		Ports: sut.Ports{HTTPS: portOf(t, hub, "HTTPS"), MQTTS: portOf(t, hub, "MQTTS"), AMQPS: portOf(t, hub, "AMQPS")},
	}}
	text, err := sut.Marshal(target)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "both.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if p := invoke(t, env, "dpslab", "enroll", "group", "g", "--key", "--target", file); p.code != exitPassed {
		t.Fatalf("%s", p)
	}
	for _, transport := range []string{"https", "mqtt", "mqtt-ws"} {
		p := invoke(t, env, "dpslab", "device", "dev-"+transport, "--from-group", "g", "--target", file, "--transport", transport)
		if p.code != exitPassed || !strings.Contains(p.stdout.String(), "assigned to "+hub.vars["DPSLAB_HUB_1_HOST"]) || !strings.Contains(p.stdout.String(), "1 of 1") {
			t.Errorf("%s", p)
		}
	}
}

func portOf(t *testing.T, r *running, protocol string) int {
	t.Helper()
	port, err := strconv.Atoi(r.vars["DPSLAB_"+protocol+"_PORT"])
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// Each hub in a process of its own, and none is told a key.
func TestHubsOfOneStateAreLinkedByTheirNumbers(t *testing.T) {
	t.Parallel()
	env, state := environment(t, "DPSLAB_CONTROL_TOKEN=the-same-for-all"), t.TempDir()
	first := serveLab(t, env, "hub", "serve", "--state", state, "--hub", "1")
	second := serveLab(t, env, "hub", "serve", "--state", state, "--hub", "2")
	at := func(hub *running) string { return hub.vars["DPSLAB_ADDRESS"] + ":" + hub.vars["DPSLAB_HTTPS_PORT"] }
	service := serveLab(t, env, "reference", "serve", "--state", state, "--link-hub", "1@"+at(first), "--link-hub", "2@"+at(second)).open(t)
	hosts := map[string]bool{first.vars["DPSLAB_HUB_1_HOST"]: true, second.vars["DPSLAB_HUB_1_HOST"]: true}
	if len(hosts) != 2 {
		t.Fatalf("two hubs have one name: %v", hosts)
	}
	if token := service.vars["DPSLAB_CONTROL_TOKEN"]; token != "the-same-for-all" || second.vars["DPSLAB_CONTROL_TOKEN"] != token {
		t.Errorf("the control tokens are %q and %q", token, second.vars["DPSLAB_CONTROL_TOKEN"])
	}
	if p := service.dpslab(t, "enroll", "group", "g", "--key"); p.code != exitPassed {
		t.Fatalf("%s", p)
	}
	for i := range 30 {
		p := service.dpslab(t, "device", fmt.Sprint("dev-", i), "--from-group", "g", "--transport", "https", "--messages", "0")
		for host := range hosts {
			if strings.Contains(p.all(), "assigned to "+host) {
				delete(hosts, host)
			}
		}
		if len(hosts) == 0 {
			return
		}
	}
	t.Errorf("of thirty devices none was assigned to %v", hosts)
}

func TestHubNumbersThatAreNone(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--hub", "0"}, {"--hub", "-1"}, {"--hub", "51"}, {"--hub", "1", "--hubs", "2"}} {
		p := invoke(t, environment(t), "dpslab", append([]string{"hub", "serve", "--auto-ports", "--server-key", "p256"}, args...)...)
		if p.code != exitUntestable {
			t.Errorf("%s", p)
		}
		oneLineOf(t, p, "hub")
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	lab, stranger := up(t), up(t)
	if p := lab.dpslab(t, "health"); p.code != exitPassed || p.all() != "" {
		t.Errorf("want 0 and no word: %s", p)
	}
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for rule, args := range map[string][]string{
		"a lab of another authority": {"health", "--ca", stranger.vars["DPSLAB_CA_FILE"]},
		"no certificates":            {"health", "--ca", empty},
		"no file of certificates":    {"health", "--ca", empty + ".missing"},
		"another port":               {"health", "--control", "https://" + taken(t)},
		"a URL that is none":         {"health", "--control", "127.0.0.1:1"},
		"the port of devices":        {"health", "--control", "https://127.0.0.1:" + lab.vars["DPSLAB_HTTPS_PORT"]},
	} {
		p := lab.dpslab(t, args...)
		if p.code != exitUntestable {
			t.Errorf("%s: %s", rule, p)
		}
		oneLineOf(t, p)
	}
	lab.interrupt()
	lab.wait(t)
	if p := lab.dpslab(t, "health"); p.code != exitUntestable {
		t.Errorf("the lab has ended: %s", p)
	}
	p := invoke(t, environment(t), "dpslab", "health")
	if p.code != exitUntestable {
		t.Errorf("%s", p)
	}
	oneLineOf(t, p, "--control", "dpslab up --env-file")
}

func TestLinkedHubsThatAreNone(t *testing.T) {
	t.Parallel()
	const key = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"
	for _, spec := range []string{"hub-1", "0", "51", "1@", "1@here", "HostName=h;SharedAccessKeyName=o;SharedAccessKey=" + key + "@nowhere", "HostName=h;SharedAccessKey=" + key, "@127.0.0.1:1"} {
		p := invoke(t, environment(t), "dpslab", "reference", "serve", "--auto-ports", "--server-key", "p256", "--link-hub", spec)
		if p.code != exitUntestable || strings.Contains(p.all(), key) {
			t.Errorf("%s", p)
		}
		oneLineOf(t, p)
	}
}
