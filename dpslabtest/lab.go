// Package dpslabtest starts a lab in a Go test: a provisioning service and its hubs, in this
// process, on free ports of loopback, in memory.
//
//	func TestMyDevice(t *testing.T) {
//		lab := dpslabtest.Start(t)
//		key := lab.Enroll("dev-01")
//		… run the device with lab.IDScope, key, lab.Address, lab.MQTTSPort, lab.Roots …
//	}
//
// A device dials Lab.Address, whatever host it asks for, says the host's name in its TLS
// handshake, and trusts Lab.Roots. Programs that take their configuration from elsewhere get
// the same as DPSLAB_… variables (Lab.Env) or as a target file (Lab.TargetFile), which also
// opens the door to the conformance suite: suites/sut.Load reads it.
package dpslabtest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/handout"
	"github.com/dpslab/dpslab/internal/lab"
	"github.com/dpslab/dpslab/suites/sut"
)

// TB is what Start needs of a test: *testing.T, *testing.B and ginkgo.GinkgoT() have it.
type TB interface {
	Helper()
	Cleanup(func())
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Lab is a running lab. Its fields are for reading.
type Lab struct {
	Address                         string // IP address that answers for every host
	HTTPSPort, MQTTSPort, AMQPSPort int    // HTTPS is for WebSockets too

	DeviceHost  string // the name that devices call
	ServiceHost string // the name that operators call
	IDScope     string
	Hubs        []Hub

	ServiceConnectionString string // of a policy that may do everything

	CAFile string         // root certificate, PEM; gone when the lab is closed
	Roots  *x509.CertPool // the same

	ControlURL, ControlToken string // the control port: faults, clocks, transcript

	TargetFile string // the lab as `dpslab conformance --target` reads it; gone when the lab is closed

	lab    *lab.Lab
	folder string
	tb     TB // nil for New
}

// Hub is a hub linked to the service.
type Hub struct {
	Host             string
	ConnectionString string
}

// String names the hub without its key.
func (h Hub) String() string   { return h.Host }
func (h Hub) GoString() string { return h.Host }

// String tells the lab without its keys.
func (l *Lab) String() string {
	return fmt.Sprintf("dpslab on %s: https %d, mqtts %d, amqps %d, id scope %s", l.Address, l.HTTPSPort, l.MQTTSPort, l.AMQPSPort, l.IDScope)
}
func (l *Lab) GoString() string { return l.String() }

// Option changes what a lab is made of.
type Option func(*settings)

type settings struct {
	hubs       int
	retryAfter time.Duration
}

// Hubs links n hubs instead of one, at most 50.
func Hubs(n int) Option { return func(s *settings) { s.hubs = n } }

// RetryAfter is how long the service asks devices to wait before they poll, whole seconds,
// instead of one.
func RetryAfter(d time.Duration) Option { return func(s *settings) { s.retryAfter = d } }

// Start starts a lab that is stopped when the test ends. The test fails at once when there
// is none.
func Start(t TB, options ...Option) *Lab {
	t.Helper()
	l, err := New(options...)
	if err != nil {
		t.Fatalf("dpslabtest: %v", err)
	}
	l.tb = t
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("dpslabtest: stop the lab: %v", err)
		}
	})
	return l
}

// New starts a lab for more than one test, as in TestMain. Whoever starts it closes it.
func New(options ...Option) (*Lab, error) {
	s := settings{hubs: 1, retryAfter: time.Second}
	for _, change := range options {
		change(&s)
	}
	if s.retryAfter < 0 || s.retryAfter%time.Second != 0 {
		return nil, fmt.Errorf("a pause of %v is not a whole number of seconds", s.retryAfter)
	}
	running, err := lab.Start(lab.Options{
		AutoPorts: true, Reference: true, Fakehub: true, Hubs: s.hubs, ServerKey: lab.P256, RetryAfter: s.retryAfter, Version: "dpslabtest",
	})
	if err != nil {
		return nil, err
	}
	l := &Lab{lab: running}
	if err := l.describe(); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// describe fills in the fields and writes the files.
func (l *Lab) describe() (err error) {
	if l.folder, err = os.MkdirTemp("", "dpslabtest-"); err != nil {
		return err
	}
	l.CAFile, l.TargetFile = filepath.Join(l.folder, "ca.pem"), filepath.Join(l.folder, "target.yaml")
	if err := os.WriteFile(l.CAFile, l.lab.State.CA(), 0o600); err != nil {
		return err
	}
	target := handout.Target(l.lab, l.CAFile)
	text, err := sut.Marshal(target)
	if err != nil {
		return err
	}
	if err := os.WriteFile(l.TargetFile, text, 0o600); err != nil {
		return err
	}
	dps := target.DPS
	l.Address, l.HTTPSPort, l.MQTTSPort, l.AMQPSPort = dps.Address, dps.Ports.HTTPS, dps.Ports.MQTTS, dps.Ports.AMQPS
	l.DeviceHost, l.ServiceHost, l.IDScope = dps.Host, dps.ServiceHost, dps.IDScope
	l.ServiceConnectionString = dps.ServiceConnectionString.Reveal()
	for _, h := range target.Hubs {
		l.Hubs = append(l.Hubs, Hub{Host: h.Host, ConnectionString: h.ConnectionString.Reveal()})
	}
	l.Roots, l.ControlURL, l.ControlToken = l.lab.State.Roots(), target.Control.URL, target.Control.Token.Reveal()
	return nil
}

// Close stops the lab and waits for it. Start does it by itself.
func (l *Lab) Close() error {
	return errors.Join(l.lab.Close(), os.RemoveAll(l.folder))
}

// Env is the lab as the variables that `dpslab up -- COMMAND` gives to its command.
func (l *Lab) Env() map[string]string {
	env := map[string]string{}
	for _, v := range handout.Variables(l.lab, l.CAFile) {
		env[v.Name] = v.Value
	}
	return env
}

// Hosts are all names that clients may call.
func (l *Lab) Hosts() []string { return l.lab.Hosts() }

// Client calls the lab's hosts by their names, as in https://NAME/path, and nobody else.
func (l *Lab) Client() *http.Client {
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(l.Hosts(), strings.ToLower(host)) {
			return nil, fmt.Errorf("%q is no host of this lab; it has %s", host, strings.Join(l.Hosts(), ", "))
		}
		return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(l.Address, strconv.Itoa(l.HTTPSPort)))
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial, TLSClientConfig: &tls.Config{RootCAs: l.Roots}}}
}
