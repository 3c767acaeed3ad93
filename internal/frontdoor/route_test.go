package frontdoor_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/frontdoor"
)

func TestTheServerNameChoosesTheHost(t *testing.T) {
	d := open(t, frontdoor.Options{})
	dps := host(t, dpsName, "dpslab-1234.azure-devices-provisioning.net")
	dps.Default = true
	add(t, d, dps)
	add(t, d, host(t, hubName))
	p := d.Ports()
	for _, c := range []struct{ rule, name, want string }{
		{"its first name", dpsName, dpsName},
		{"its second name", "dpslab-1234.azure-devices-provisioning.net", dpsName},
		{"another host's name", hubName, hubName},
		{"in capitals", strings.ToUpper(hubName), hubName},
		{"no name: the default host", "", dpsName},
		{"an unknown name: the default host", "example.org", dpsName},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got, _ := line(t, "127.0.0.1", p.MQTTS, strange(c.name)); got != "mqtt "+c.want {
				t.Errorf("the MQTTS port went to %q", got)
			}
			if got, _ := line(t, "127.0.0.1", p.AMQPS, strange(c.name)); got != "amqp "+c.want {
				t.Errorf("the AMQPS port went to %q", got)
			}
			if _, got := get(t, browser(t, "127.0.0.1", p.HTTPS, strange(c.name)), "https://ignored/"); got != "http "+c.want {
				t.Errorf("the HTTPS port went to %q", got)
			}
		})
	}
	t.Run("with the certificate of the name", func(t *testing.T) {
		for _, name := range []string{dpsName, hubName} {
			if _, err := dial(t, "127.0.0.1", p.MQTTS, client(name)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestWithoutADefaultHostAnUnknownNameIsAnAlert(t *testing.T) {
	d := open(t, frontdoor.Options{})
	add(t, d, host(t, hubName))
	_, err := dial(t, "127.0.0.1", d.Ports().MQTTS, strange("example.org"))
	if err == nil || !strings.Contains(err.Error(), "unrecognized name") {
		t.Fatalf("got %v", err)
	}
}

func TestAHostsOwnAddressServesItWhateverTheName(t *testing.T) {
	d := open(t, frontdoor.Options{})
	dps := host(t, dpsName)
	dps.Default = true
	add(t, d, dps)
	own := host(t, hubName)
	own.Address = "127.3.4.5"
	add(t, d, own)
	p := d.Ports()
	for _, name := range []string{"", hubName, dpsName, "example.org"} {
		if got, _ := line(t, "127.3.4.5", p.MQTTS, strange(name)); got != "mqtt "+hubName {
			t.Errorf("server name %q at the own address went to %q", name, got)
		}
	}
	if _, got := get(t, browser(t, "127.3.4.5", p.HTTPS, strange("")), "https://ignored/"); got != "http "+hubName {
		t.Errorf("the own HTTPS port went to %q", got)
	}
	if got, _ := line(t, "127.0.0.1", p.MQTTS, strange(hubName)); got != "mqtt "+dpsName {
		t.Errorf("the name on the shared address went to %q", got)
	}

	if err := d.Remove(own); err != nil {
		t.Fatal(err)
	}
	if nc, err := net.Dial("tcp", net.JoinHostPort("127.3.4.5", strconv.Itoa(p.MQTTS))); err == nil {
		nc.Close()
		t.Error("the own address still listens after Remove")
	}
}

func TestAddOwnFindsAnAddress(t *testing.T) {
	d := open(t, frontdoor.Options{})
	first, second := host(t, hubName), host(t, dpsName)
	for _, h := range []*frontdoor.Host{first, second} {
		if err := d.AddOwn(h); err != nil {
			t.Fatal(err)
		}
		if got, _ := line(t, h.Address, d.Ports().MQTTS, strange("")); got != "mqtt "+h.Names[0] {
			t.Errorf("%s went to %q", h.Address, got)
		}
	}
	if first.Address == second.Address {
		t.Errorf("both are at %s", first.Address)
	}
	if err := d.AddOwn(host(t, hubName)); err == nil {
		t.Error("let in under a name that is taken")
	}
}

func TestAWildcardTellsOwnAddressesApart(t *testing.T) {
	d := open(t, frontdoor.Options{Addresses: []string{"0.0.0.0"}})
	dps := host(t, dpsName)
	dps.Default = true
	add(t, d, dps)
	own := host(t, hubName)
	own.Address = "127.3.4.6"
	add(t, d, own)
	if got, _ := line(t, "127.3.4.6", d.Ports().MQTTS, strange(dpsName)); got != "mqtt "+hubName {
		t.Errorf("the own address went to %q", got)
	}
	if got, _ := line(t, "127.0.0.1", d.Ports().MQTTS, strange("")); got != "mqtt "+dpsName {
		t.Errorf("another address went to %q", got)
	}
}

func TestPorts(t *testing.T) {
	t.Run("0 picks the same free port on every address", func(t *testing.T) {
		d := open(t, frontdoor.Options{Addresses: []string{"127.0.0.1", "127.0.0.2", "127.0.0.3"}})
		add(t, d, host(t, hubName))
		for _, ip := range d.Addresses() {
			if got, _ := line(t, ip, d.Ports().MQTTS, client(hubName)); got != "mqtt "+hubName {
				t.Errorf("%s: %q", ip, got)
			}
		}
	})
	t.Run("a negative one is not opened", func(t *testing.T) {
		d := open(t, frontdoor.Options{HTTPSPort: -1, AMQPSPort: -1})
		if p := d.Ports(); p.HTTPS != 0 || p.AMQPS != 0 || p.MQTTS == 0 {
			t.Errorf("opened %+v", p)
		}
	})
	t.Run("a taken one is named with its address", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		_, err = frontdoor.Listen(frontdoor.Options{MQTTSPort: l.Addr().(*net.TCPAddr).Port})
		if err == nil || !strings.Contains(err.Error(), l.Addr().String()) || !strings.Contains(err.Error(), "mqtts") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a taken one at an own address, too, and the host is not let in", func(t *testing.T) {
		d := open(t, frontdoor.Options{})
		taken := net.JoinHostPort("127.3.4.7", strconv.Itoa(d.Ports().AMQPS))
		l, err := net.Listen("tcp", taken)
		if err != nil {
			t.Fatal(err)
		}
		h := host(t, hubName)
		h.Address = "127.3.4.7"
		if err := d.Add(h); err == nil || !strings.Contains(err.Error(), taken) {
			t.Errorf("got %v", err)
		}
		l.Close()
		if err := d.Add(h); err != nil {
			t.Errorf("once the port is free: %v", err)
		}
	})
	t.Run("an address that is none is refused", func(t *testing.T) {
		if _, err := frontdoor.Listen(frontdoor.Options{Addresses: []string{"localhost"}}); err == nil {
			t.Error("listens on a name")
		}
	})
}

func TestAddRefuses(t *testing.T) {
	d := open(t, frontdoor.Options{})
	first := host(t, dpsName)
	first.Default = true
	first.Address = "127.3.4.8"
	add(t, d, first)
	for rule, change := range map[string]func(*frontdoor.Host){
		"a name that is taken, in any case": func(h *frontdoor.Host) { h.Names = []string{strings.ToUpper(dpsName)} },
		"no name":                           func(h *frontdoor.Host) { h.Names = nil },
		"a second default":                  func(h *frontdoor.Host) { h.Default = true },
		"an own address that is taken":      func(h *frontdoor.Host) { h.Address = "127.3.4.8" },
		"a shared address as its own":       func(h *frontdoor.Host) { h.Address = "127.0.0.1" },
		"an own address that is a name":     func(h *frontdoor.Host) { h.Address = "localhost" },
		"no certificate":                    func(h *frontdoor.Host) { h.Certificate = tls.Certificate{} },
	} {
		t.Run(rule, func(t *testing.T) {
			h := host(t, hubName)
			change(h)
			if err := d.Add(h); err == nil {
				t.Error("let in")
			}
		})
	}
	d.Close(context.Background())
	if err := d.Add(host(t, hubName)); !errors.Is(err, frontdoor.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestARemovedHostsNameIsFree(t *testing.T) {
	d := open(t, frontdoor.Options{})
	h := host(t, hubName)
	h.Default = true
	add(t, d, h)
	if err := d.Remove(h); err != nil {
		t.Fatal(err)
	}
	if err := d.Remove(h); err == nil {
		t.Error("removed twice")
	}
	again := host(t, hubName)
	again.Default = true
	again.Clock = clock.System()
	add(t, d, again)
	if got, _ := line(t, "127.0.0.1", d.Ports().MQTTS, client(hubName)); got != "mqtt "+hubName {
		t.Errorf("went to %q", got)
	}
}
