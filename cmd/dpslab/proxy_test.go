package main

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"
)

// A proxy that is set for the machine must not see a lab's traffic: it holds keys, and the
// names it is for belong to somebody else's cloud.
func TestProxiesSeeNothing(t *testing.T) {
	t.Parallel()
	var seen atomic.Int64
	recorder := listenFor(t, func(c net.Conn) {
		seen.Add(1)
		c.Close()
	}).String()
	var proxies []string
	for _, name := range []string{"HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"} {
		proxies = append(proxies, name+"=http://"+recorder, strings.ToLower(name)+"=http://"+recorder)
	}
	listen := otherAddress() // HTTP libraries make an exception for loopback
	if listen == "" {
		listen = "127.0.0.1"
	}
	env := environment(t, proxies...)
	lab := serveLab(t, env, "up", "--listen", listen).open(t)
	commands := [][]string{{"health"}, {"enroll", "group", "g", "--key"}, {"enroll", "list"}}
	for _, over := range []string{"https", "mqtt", "mqtt-ws"} {
		commands = append(commands, []string{"device", "dev-" + over, "--from-group", "g", "--transport", over})
	}
	for _, target := range []string{lab.targetFile, withoutControl(t, lab), embedded} {
		commands = append(commands, []string{"conformance", "--target", target, "--focus-id", "DPS-HTTPS-001", "--focus-id", "DPS-MQTT-001", "--focus-id", "DPS-WS-001", "--focus-id", "DPS-HUB-001"})
	}
	commands = append(commands, []string{"selfcheck", "--only", "https-register-200"})
	for _, args := range commands {
		if p := lab.dpslab(t, args...); p.code != exitPassed {
			t.Errorf("%s", p)
		}
	}
	if n := seen.Load(); n > 0 {
		t.Errorf("the proxy saw %d connections", n)
	}
	if listen == "127.0.0.1" {
		return
	}
	// That it would see one is shown by a target that asks for it.
	target := lab.target
	target.Control, target.Foreign = nil, true
	p := invoke(t, lab.env, "dpslab", "enroll", "list", "--target", writeTarget(t, target))
	if seen.Load() == 0 {
		t.Errorf("not even a target that says foreign: true goes through the proxy, so this proves nothing: %s", p)
	}
}
