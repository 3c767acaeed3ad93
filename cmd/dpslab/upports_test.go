package main

import (
	"net"
	"strings"
	"testing"
)

func TestATakenPortIsNamedWithItsFlag(t *testing.T) {
	t.Parallel()
	for _, flag := range []string{"--https-port", "--mqtts-port", "--amqps-port", "--control-listen"} {
		t.Run(flag, func(t *testing.T) {
			t.Parallel()
			address := taken(t)
			_, port, err := net.SplitHostPort(address)
			if err != nil {
				t.Fatal(err)
			}
			args := []string{"up", "--server-key", "p256", "--https-port", "0", "--mqtts-port", "0", "--amqps-port", "0", flag, port}
			if flag == "--control-listen" {
				args[len(args)-1] = address
			}
			p := invoke(t, environment(t), "dpslab", args...)
			if p.code != exitUntestable {
				t.Errorf("exit code %d", p.code)
			}
			oneLineOf(t, p, address, "address already in use", flag)
			for _, other := range []string{"--https-port", "--mqtts-port", "--amqps-port", "--control-listen"} {
				if other != flag && strings.Contains(p.stderr.String(), other) {
					t.Errorf("names %s: %s", other, p)
				}
			}
		})
	}
}

func TestWhatNoLabCanBeMadeOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"--https-port", "65536"}, "--https-port 65536"},
		{[]string{"--mqtts-port", "-1"}, "--mqtts-port -1"},
		{[]string{"--amqps-port", "8443"}, "--https-port and --amqps-port are both 8443"},
		{[]string{"--hubs", "51"}, "--hubs 51"},
		{[]string{"--hubs", "-1"}, "--hubs -1"},
		{[]string{"--id-scope", "0ne/00"}, `--id-scope "0ne/00"`},
		{[]string{"--hub-domain", "Example.org"}, `--hub-domain "Example.org"`},
		{[]string{"--hub-domain", "a..b"}, `--hub-domain "a..b"`},
		{[]string{"--listen", "localhost"}, `--listen "localhost"`},
		{[]string{"--control-listen", "9443"}, `"9443" is not host:port`},
		{[]string{"--server-key", "rsa4096"}, `--server-key "rsa4096"`},
		{[]string{"--retry-after", "1500ms"}, "--retry-after 1.5s"},
		{[]string{"--retry-after", "-1s"}, "--retry-after -1s"},
		{[]string{"--env-file", "/no/such/folder/lab.env"}, "env file: "},
		{[]string{"--target-file", "/no/such/folder/lab.yaml"}, "target file: "},
		{[]string{"--state", "/dev/null/lab"}, "--state"},
	} {
		args := append([]string{"up", "--auto-ports", "--server-key", "p256", "--state", ""}, c.args...)
		if strings.HasSuffix(c.args[0], "s-port") {
			args = append([]string{"up", "--state", ""}, c.args...)
		}
		p := invoke(t, environment(t), "dpslab", args...)
		if p.code != exitUntestable {
			t.Errorf("%q: exit code %d", c.args, p.code)
		}
		oneLineOf(t, p, c.says)
	}
}
