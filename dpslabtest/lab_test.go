package dpslabtest_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/dpslabtest"
	"github.com/dpslab/dpslab/simulator/device"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/dpslab/dpslab/suites/sut"
)

// register sends a device to the lab, by nothing but the lab's fields.
func register(t *testing.T, lab *dpslabtest.Lab, id, key string, over device.WireTransport) device.Outcome {
	t.Helper()
	decoded, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	at := func(host string) device.Endpoint {
		return device.Endpoint{Host: host, Address: lab.Address, HTTPSPort: lab.HTTPSPort, MQTTSPort: lab.MQTTSPort}
	}
	d := device.New(&device.OverWire{
		Wire: &device.Wire{Roots: lab.Roots}, Transport: over, Endpoint: at(lab.DeviceHost),
		Identity:    device.Identity{Scope: lab.IDScope, RegistrationID: id, Key: decoded},
		HubEndpoint: func(host string) (device.Endpoint, error) { return at(host), nil },
	}, device.SystemClock(), device.Plan{Telemetry: 1}, nil)
	return d.Run(t.Context())
}

func TestALabInOneLine(t *testing.T) {
	t.Parallel()
	lab := dpslabtest.Start(t, dpslabtest.Hubs(2), dpslabtest.RetryAfter(0))
	for _, over := range []device.WireTransport{device.HTTPS, device.MQTT, device.MQTTWebSocket} {
		id := "dev-" + over.String()
		got := register(t, lab, id, lab.Enroll(id), over)
		if got.Err != nil || got.Sent != 1 || got.DeviceID != id || got.Hub != lab.Hubs[0].Host && got.Hub != lab.Hubs[1].Host {
			t.Errorf("over %s: %+v", over, got)
		}
	}
	if len(lab.Hubs) != 2 {
		t.Errorf("%d hubs", len(lab.Hubs))
	}
}

func TestEnrollGroupReturnsTheKeyThatDevicesDeriveFrom(t *testing.T) {
	t.Parallel()
	lab := dpslabtest.Start(t)
	if key, err := base64.StdEncoding.DecodeString(lab.EnrollGroup("line-a")); err != nil || len(key) < 16 {
		t.Errorf("%d bytes, %v", len(key), err)
	}
}

func TestTheLabIsTheOneOfItsFilesAndVariables(t *testing.T) {
	t.Parallel()
	lab := dpslabtest.Start(t)
	env := lab.Env()
	for name, want := range map[string]string{
		"DPSLAB_ID_SCOPE": lab.IDScope, "DPSLAB_DPS_HOST": lab.DeviceHost, "DPSLAB_CA_FILE": lab.CAFile, "DPSLAB_ADDRESS": lab.Address,
		"DPSLAB_HTTPS_PORT": strconv.Itoa(lab.HTTPSPort), "DPSLAB_SERVICE_CONNECTION_STRING": lab.ServiceConnectionString,
		"DPSLAB_HUB_1_CONNECTION_STRING": lab.Hubs[0].ConnectionString, "DPSLAB_CONTROL_TOKEN": lab.ControlToken,
	} {
		if env[name] != want {
			t.Errorf("%s is %q, not %q", name, env[name], want)
		}
	}
	target, err := sut.Load(lab.TargetFile)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := harness.Open(context.Background(), target); err != nil || target.DPS.IDScope != lab.IDScope {
		t.Errorf("%v, scope %s", err, target.DPS.IDScope)
	}
}

func TestClientCallsTheLabAndNobodyElse(t *testing.T) {
	t.Parallel()
	lab := dpslabtest.Start(t)
	client := lab.Client()
	defer client.CloseIdleConnections()
	answer, err := client.Get("https://" + lab.DeviceHost + "/" + lab.IDScope + "/registrations/dev-01?api-version=2019-03-31")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode < 400 || answer.StatusCode >= 500 {
		t.Errorf("a request without a token was answered with %s", answer.Status)
	}
	if _, err := client.Get("https://example.com/"); err == nil || !strings.Contains(err.Error(), "no host of this lab") {
		t.Errorf("another host: %v", err)
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	t.Parallel()
	lab, err := dpslabtest.New(dpslabtest.Hubs(1), dpslabtest.RetryAfter(0))
	if err != nil {
		t.Fatal(err)
	}
	if err := lab.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(lab.TargetFile); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the target file: %v", err)
	}
	if c, err := net.Dial("tcp", net.JoinHostPort(lab.Address, strconv.Itoa(lab.HTTPSPort))); err == nil {
		c.Close()
		t.Error("somebody still listens")
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for rule, option := range map[string]dpslabtest.Option{
		"half a second": dpslabtest.RetryAfter(time.Second / 2), "a pause into the past": dpslabtest.RetryAfter(-time.Second), "hubs without end": dpslabtest.Hubs(1000),
	} {
		if lab, err := dpslabtest.New(option); err == nil {
			lab.Close()
			t.Errorf("accepted: %s", rule)
		}
	}
}

// failing is a test that notes how it failed.
type failing struct {
	*testing.T
	said string
}

func (f *failing) Fatalf(format string, args ...any) { f.said = fmt.Sprintf(format, args...) }

func TestFailuresAreTheTests(t *testing.T) {
	t.Parallel()
	f := &failing{T: t}
	lab := dpslabtest.Start(f)
	lab.Enroll("no valid id!")
	if !strings.Contains(f.said, `enroll "no valid id!"`) || !strings.Contains(f.said, "400") {
		t.Errorf("it said %q", f.said)
	}
}

func TestNothingPrintsAKey(t *testing.T) {
	t.Parallel()
	lab := dpslabtest.Start(t)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		for _, v := range []any{lab, lab.Hubs, lab.Hubs[0]} {
			if said := fmt.Sprintf(verb, v); strings.Contains(said, "SharedAccessKey") || strings.Contains(said, lab.ControlToken) {
				t.Errorf("%s of %T shows a secret", verb, v)
			}
		}
	}
}
