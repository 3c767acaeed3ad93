package lab_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/lab"
)

// quick are options of a whole lab that starts fast.
func quick() lab.Options {
	return lab.Options{AutoPorts: true, Reference: true, Fakehub: true, Hubs: 2, ServerKey: lab.P256}
}

func begin(t *testing.T, o lab.Options) *lab.Lab {
	t.Helper()
	l, err := lab.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return l
}

// dial connects to a host of a lab, as whoever trusts its authority.
func dial(t *testing.T, l *lab.Lab, name string) (*tls.Conn, error) {
	t.Helper()
	at := net.JoinHostPort(l.Door.Addresses()[0], strconv.Itoa(l.Door.Ports().HTTPS))
	return tls.Dial("tcp", at, &tls.Config{ServerName: name, RootCAs: l.State.Roots()})
}

func TestEveryHostAnswersWithItsName(t *testing.T) {
	t.Parallel()
	l := begin(t, quick())
	hosts := l.Hosts()
	if len(hosts) != 4 || len(slices.Compact(slices.Sorted(slices.Values(hosts)))) != 4 {
		t.Fatalf("%q", hosts)
	}
	for _, host := range hosts {
		c, err := dial(t, l, host)
		if err != nil {
			t.Errorf("%s: %v", host, err)
			continue
		}
		if err := c.ConnectionState().PeerCertificates[0].VerifyHostname(host); err != nil {
			t.Error(err)
		}
		c.Close()
	}
	if !slices.Equal(l.Service.LinkedHubs(), hosts[2:]) {
		t.Errorf("linked %q of %q", l.Service.LinkedHubs(), hosts)
	}
}

func TestTheControlTokenIsRandomUnlessGiven(t *testing.T) {
	t.Parallel()
	o := quick()
	o.Hubs = 0
	one, other := begin(t, o), begin(t, o)
	if len(one.Token()) != 64 || one.Token() == other.Token() {
		t.Errorf("tokens of %d characters, the same: %t", len(one.Token()), one.Token() == other.Token())
	}
	o.Token = "given"
	if l := begin(t, o); l.Token() != "given" {
		t.Errorf("token %q", l.Token())
	}
}

func TestALabIsTheRolesThatAreAskedFor(t *testing.T) {
	t.Parallel()
	hubs := begin(t, lab.Options{AutoPorts: true, Fakehub: true, Hubs: 1, ServerKey: lab.P256})
	if hubs.Service != nil || len(hubs.Hubs.Hubs()) != 1 {
		t.Errorf("service %v, hubs %v", hubs.Service, hubs.Hubs.Hubs())
	}
	linked := []lab.LinkedHub{{ConnectionString: hubs.Hubs.Hubs()[0].ConnectionString()}}
	service := begin(t, lab.Options{AutoPorts: true, Reference: true, ServerKey: lab.P256, Linked: linked})
	if got := service.Service.LinkedHubs(); len(got) != 1 || got[0] != hubs.Hubs.Hubs()[0].Host() || len(service.Hubs.Hubs()) != 0 {
		t.Errorf("linked %q", got)
	}
}

func TestAnEndedLabHasLetItsPortsGo(t *testing.T) {
	t.Parallel()
	l, err := lab.Start(quick())
	if err != nil {
		t.Fatal(err)
	}
	ports, control := l.Door.Ports(), strings.TrimPrefix(l.ControlURL(), "https://")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{
		net.JoinHostPort("127.0.0.1", strconv.Itoa(ports.HTTPS)), net.JoinHostPort("127.0.0.1", strconv.Itoa(ports.MQTTS)),
		net.JoinHostPort("127.0.0.1", strconv.Itoa(ports.AMQPS)), control,
	} {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			t.Errorf("%s still answers", address)
		}
	}
}

func TestALabThatCannotStartLeavesNothingOpen(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := free.Addr().(*net.TCPAddr).Port
	free.Close()
	o := quick()
	o.AutoPorts, o.Ports, o.Control = false, frontdoor.Ports{HTTPS: at}, taken.Addr().String()
	if _, err := lab.Start(o); err == nil || !strings.Contains(err.Error(), "--control-listen") {
		t.Fatalf("%v", err)
	}
	again, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(at)))
	if err != nil {
		t.Fatalf("a port of the lab that did not start is still taken: %v", err)
	}
	again.Close()
}

// A client may open a connection to the control port and never use it.
func TestAnUnusedConnectionDoesNotHoldUpTheEnd(t *testing.T) {
	t.Parallel()
	l, err := lab.Start(quick())
	if err != nil {
		t.Fatal(err)
	}
	var idle []net.Conn
	for range 3 {
		c, err := tls.Dial("tcp", strings.TrimPrefix(l.ControlURL(), "https://"), &tls.Config{RootCAs: l.State.Roots()})
		if err != nil {
			t.Fatal(err)
		}
		idle = append(idle, c)
	}
	elapsed := clock.Stopwatch()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if took := elapsed(); took > 4*time.Second {
		t.Errorf("the end took %s", took)
	}
	for _, c := range idle {
		c.Close()
	}
}

func TestTheRootVouchesForTheLabAlone(t *testing.T) {
	t.Parallel()
	l := begin(t, quick())
	c, err := dial(t, l, l.Hosts()[0])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	chain := c.ConnectionState().VerifiedChains[0]
	if len(chain) != 3 {
		t.Fatalf("a chain of %d", len(chain))
	}
	root := chain[2]
	if !root.PermittedDNSDomainsCritical || len(root.PermittedDNSDomains) == 0 || len(root.PermittedIPRanges) == 0 {
		t.Error("the root has no critical name constraints")
	}
	for _, name := range root.PermittedDNSDomains {
		if !slices.Contains([]string{"azure-devices-provisioning.net", "azure-devices.net", "servicebus.windows.net", "localhost"}, name) {
			t.Errorf("the root vouches for %s", name)
		}
	}
	for _, addresses := range root.PermittedIPRanges {
		if !addresses.IP.IsLoopback() && !addresses.IP.IsPrivate() {
			t.Errorf("the root vouches for %s", addresses)
		}
	}
	if _, err := chain[0].Verify(x509.VerifyOptions{DNSName: "microsoft.com", Roots: l.State.Roots()}); err == nil {
		t.Error("a certificate of the lab is good for another name")
	}
}

func TestCloseOfALabWithADeviceOnIt(t *testing.T) {
	t.Parallel()
	l, err := lab.Start(quick())
	if err != nil {
		t.Fatal(err)
	}
	c, err := dial(t, l, l.Hosts()[0])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	done := make(chan error, 1)
	go func() { done <- l.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-ctx.Done():
		t.Error("it waits for a connection that says nothing")
	}
}
