package harness_test

import (
	"context"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/reports"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/dpslab/dpslab/suites/sut"
	. "github.com/onsi/gomega"
)

// severalProcesses is a lab of a service and two hubs in a process each, none of which
// knows how it is reached from outside.
func severalProcesses(t *testing.T) (service, hubA, hubB *script, target sut.Target) {
	t.Helper()
	service, target = startScript(t)
	service.inside = true
	target.Containers = &sut.Containers{Run: "r", Network: "n", Image: "i", State: t.TempDir()}
	target.Hubs = nil
	for i, one := range []**script{&hubA, &hubB} {
		hub, itself := startScript(t)
		hub.inside = true
		*one = hub
		at := itself.Hubs[0]
		at.Inside = []string{"hub-a.test:443", "hub-b.test:443"}[i]
		at.Control = itself.Control
		target.Hubs = append(target.Hubs, at)
		trust(t, target.CAFile, itself.CAFile)
	}
	return service, hubA, hubB, target
}

// trust adds the certificates of one file to those of another.
func trust(t *testing.T, file, added string) {
	t.Helper()
	var all []byte
	for _, name := range []string{file, added} {
		pem, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, pem...)
	}
	if err := os.WriteFile(file, all, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestInSeveralProcessesEachIsAskedAtItsOwnControlPort(t *testing.T) {
	service, hubA, hubB, target := severalProcesses(t)
	env := open(t, target)
	env.Defects = []string{"of-the-hub", "of-the-service"}
	r := run(t, env, plain, func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t, harness.WithHubs(env.Hubs(ctx, t, 2)...))
		t.Expect(s.SymmetricKeyDevice(ctx, t).Try(ctx, t)).To(harness.BeAccepted(), "the service is dialled where the target says")
		s.Hubs[0].Device(ctx, t)
		s.Hubs[1].Device(ctx, t)
		t.Expect(1).To(Equal(2), "so that the exchange is read")
	})
	if r.Outcome != reports.Failed || len(r.Exchange.Injected()) != 3 {
		t.Fatalf("%s %s, injected %q", r.Outcome, r.Failure, r.Exchange.Injected())
	}
	for name, hub := range map[string]*script{"a": hubA, "b": hubB} {
		want := []string{
			"GET /v1/info", "GET /v1/catalogue", "POST /v1/hubs armed with of-the-hub", "PUT /devices/NAME", "GET /v1/transcript", "DELETE /v1/hubs/NAME",
		}
		if got := shape(hub.requests()); !slices.Equal(got, want) {
			t.Errorf("hub %s was asked %q", name, got)
		}
	}
	if all := strings.Join(service.requests(), " "); strings.Contains(all, "/v1/hubs") {
		t.Errorf("the service's process was asked for hubs: %s", all)
	}
	if !slices.Equal(service.links, []string{"hub-a.test:443", "hub-b.test:443"}) {
		t.Errorf("the service reaches the hubs at %q", service.links)
	}
}

func TestAHubWhoseControlPortIsGoneIsAnErrorAtOnce(t *testing.T) {
	_, _, hubB, target := severalProcesses(t)
	hubB.Close()
	if _, err := harness.Open(context.Background(), target); err == nil || !strings.Contains(err.Error(), target.Hubs[1].Host) {
		t.Errorf("opened: %v", err)
	}
}

// A published port is dialled at the engine's address; the URL names what its certificate
// knows.
func TestAControlPortIsDialledAtItsAddress(t *testing.T) {
	s, target := startScript(t)
	at, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	target.Control = &sut.Control{URL: "https://dps.test:" + at.Port(), Address: "127.0.0.1", Token: "token"}
	open(t, target)
	target.Control.Address = "127.0.0.2" // nobody listens there
	if _, err := harness.Open(context.Background(), target); err == nil {
		t.Error("the address is not what is dialled")
	}
}

func TestALabOfContainersHasNoLoopbackAddressesToGive(t *testing.T) {
	_, _, _, target := severalProcesses(t)
	r := run(t, open(t, target), plain, func(ctx context.Context, env *harness.Env, t *harness.T) {
		env.Service(ctx, t, harness.WithOwnAddress())
	})
	if r.Outcome != reports.Skipped || !strings.Contains(r.Reason, "needs loopback") {
		t.Errorf("%s %s", r.Outcome, r.Reason)
	}
}
