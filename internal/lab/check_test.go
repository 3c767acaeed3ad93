package lab_test

import (
	"net"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/lab"
)

func TestOptionsThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule   string
		change func(o *lab.Options)
		says   string
	}{
		{"more hubs than a service may have", func(o *lab.Options) { o.Hubs = 51 }, "--hubs 51"},
		{"fewer than none", func(o *lab.Options) { o.Hubs = -1 }, "--hubs -1"},
		{"a hub beyond those of a state", func(o *lab.Options) { o.OnlyHub = 51 }, "--hub 51"},
		{"a linked hub beyond those of a state", func(o *lab.Options) { o.Linked = []lab.LinkedHub{{Number: 51}} }, "--link-hub 51"},
		{"a scope that would break a path", func(o *lab.Options) { o.IDScope = "0ne/1" }, `--id-scope "0ne/1"`},
		{"a scope with a blank", func(o *lab.Options) { o.IDScope = "0ne 1" }, "--id-scope"},
		{"a domain with a capital", func(o *lab.Options) { o.HubDomain = "Example.org" }, "--hub-domain"},
		{"a domain that begins with a dot", func(o *lab.Options) { o.HubDomain = ".example.org" }, "--hub-domain"},
		{"a domain that ends with a dash", func(o *lab.Options) { o.HubDomain = "example-" }, "--hub-domain"},
		{"a name to listen on", func(o *lab.Options) { o.Listen = "localhost" }, "--listen"},
		{"a control address without a port", func(o *lab.Options) { o.Control = "127.0.0.1" }, "host:port"},
	} {
		o := quick()
		c.change(&o)
		l, err := lab.Start(o)
		if err == nil {
			l.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", c.rule, err)
		}
	}
}

func TestATakenPortIsNamedWithItsFlag(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	for flag, ports := range map[string]frontdoor.Ports{"--https-port": {HTTPS: port}, "--mqtts-port": {MQTTS: port}, "--amqps-port": {AMQPS: port}} {
		o := quick()
		o.AutoPorts, o.Ports = false, ports
		if _, err := lab.Start(o); err == nil || !strings.Contains(err.Error(), "with "+flag+"; --auto-ports") || !strings.Contains(err.Error(), taken.Addr().String()) {
			t.Errorf("%s: %v", flag, err)
		}
	}
}
