package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/devwire"
)

// whole enrolls a group and takes a device through its whole life with the lab's own
// commands.
func whole(t testing.TB, lab *running, transport string) {
	t.Helper()
	if p := lab.dpslab(t, "enroll", "group", "whole-"+transport, "--key"); p.code != exitPassed {
		t.Fatalf("%s", p)
	}
	p := lab.dpslab(t, "device", "dev-"+transport, "--from-group", "whole-"+transport, "--transport", transport)
	if p.code != exitPassed || !strings.Contains(p.stdout.String(), "1 of 1") {
		t.Errorf("%s", p)
	}
}

// chain is what the device host presents.
func chain(t testing.TB, lab *running) tls.ConnectionState {
	t.Helper()
	c, err := lab.wire.Dial(context.Background(), lab.target.Device(), lab.target.DPS.Ports.HTTPS, devwire.DialOptions{MaxVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.State()
}

func TestServerCertificatesAreRSAUnlessAskedOtherwise(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"rsa", "p256"} {
		state := chain(t, up(t, "--server-key", kind).open(t))
		if len(state.PeerCertificates) != 2 {
			t.Errorf("%s: a chain of %d, want leaf and intermediate", kind, len(state.PeerCertificates))
		}
		for _, certificate := range state.PeerCertificates {
			switch key := certificate.PublicKey.(type) {
			case *rsa.PublicKey:
				if kind != "rsa" || key.N.BitLen() != 2048 {
					t.Errorf("%s: %d bits of RSA", kind, key.N.BitLen())
				}
			case *ecdsa.PublicKey:
				if kind != "p256" || key.Params().Name != "P-256" {
					t.Errorf("%s: %s", kind, key.Params().Name)
				}
			}
		}
	}
}

func TestABurntInScopeAndAnotherHubDomain(t *testing.T) {
	t.Parallel()
	lab := up(t, "--id-scope", "0ne00BURNT1", "--hub-domain", "hubs.example.org", "--hubs", "2")
	if lab.vars["DPSLAB_ID_SCOPE"] != "0ne00BURNT1" || lab.vars["DPSLAB_HUB_COUNT"] != "2" {
		t.Errorf("%v", lab.vars)
	}
	for _, name := range []string{"DPSLAB_HUB_1_HOST", "DPSLAB_HUB_2_HOST"} {
		if !strings.HasSuffix(lab.vars[name], ".hubs.example.org") {
			t.Errorf("%s=%s", name, lab.vars[name])
		}
	}
	whole(t, lab, "https")
}

func TestAnAuthorityThatCannotVouchForTheLabIsToldAtTheStart(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	if p := invoke(t, environment(t), "dpslab", commandLineOn(t, state)...); p.code != exitPassed {
		t.Fatalf("%s", p)
	}
	for _, c := range []struct{ flag, value string }{{"--hub-domain", "example.org"}, {"--control-listen", "192.0.2.77:0"}} {
		p := invoke(t, environment(t), "dpslab", commandLineOn(t, state, c.flag, c.value)...)
		if p.code != exitUntestable {
			t.Errorf("%s", p)
		}
		oneLineOf(t, p, "cannot vouch", strings.TrimSuffix(c.value, ":0"), "--state")
	}
	if p := invoke(t, environment(t), "dpslab", commandLineOn(t, state, "--hub-domain", "west.azure-devices.net")...); p.code != exitPassed {
		t.Errorf("a domain below its own: %s", p)
	}
}

func commandLineOn(t *testing.T, state string, flags ...string) []string {
	t.Helper()
	line := commandLine(t, "exit", "0")
	return slices.Insert(line, 1, append([]string{"--state", state}, flags...)...)
}

func TestANumberOfHubs(t *testing.T) {
	t.Parallel()
	for _, number := range []string{"0", "50"} {
		lab := up(t, "--hubs", number)
		if lab.vars["DPSLAB_HUB_COUNT"] != number {
			t.Errorf("%s hubs: %v", number, lab.vars["DPSLAB_HUB_COUNT"])
		}
	}
}

func TestALabOnAnotherAddress(t *testing.T) {
	t.Parallel()
	for _, listen := range []string{"127.0.0.5", "0.0.0.0", "::1", otherAddress()} {
		t.Run(listen, func(t *testing.T) {
			t.Parallel()
			if listen == "" {
				t.Skip("this machine has no address but loopback")
			}
			l, err := net.Listen("tcp", net.JoinHostPort(listen, "0"))
			if err != nil {
				t.Skip(err)
			}
			l.Close()
			lab := up(t, "--listen", listen)
			dial := listen
			if listen == "0.0.0.0" {
				dial = "127.0.0.1"
			}
			if lab.vars["DPSLAB_ADDRESS"] != dial || !strings.HasPrefix(lab.vars["DPSLAB_CONTROL_URL"], "https://"+strings.TrimSuffix(net.JoinHostPort(dial, ""), ":")) {
				t.Errorf("%v", lab.vars)
			}
			if lab.open(t).target.DPS.Address != dial {
				t.Errorf("target file: %+v", lab.target.DPS)
			}
			if p := lab.dpslab(t, "health"); p.code != exitPassed {
				t.Errorf("%s", p)
			}
			whole(t, lab, "mqtt")
			if listen == "127.0.0.5" {
				elsewhere := lab.target.Device()
				elsewhere.Address = "127.0.0.1"
				if c, err := lab.wire.Dial(context.Background(), elsewhere, elsewhere.HTTPSPort, devwire.DialOptions{}); err == nil {
					c.Close()
					t.Error("it listens on 127.0.0.1 too")
				}
			}
		})
	}
}

// otherAddress is an IPv4 address of this machine that is not loopback, or "".
func otherAddress() string {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return ""
	}
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
			return n.IP.String()
		}
	}
	return ""
}
