package main

import (
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
	for _, spec := range []string{"hub-1", "HostName=h;SharedAccessKeyName=o;SharedAccessKey=" + key + "@nowhere", "HostName=h;SharedAccessKey=" + key, "@127.0.0.1:1"} {
		p := invoke(t, environment(t), "dpslab", "reference", "serve", "--auto-ports", "--server-key", "p256", "--link-hub", spec)
		if p.code != exitUntestable || strings.Contains(p.all(), key) {
			t.Errorf("%s", p)
		}
		oneLineOf(t, p)
	}
}
