package containers_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"

	"github.com/dpslab/dpslab/internal/controlapi"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/containers"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/dpslab/dpslab/suites/sut"
)

// One lab for everything that disturbs nobody: starting one is most of a test.
func TestALabOfContainers(t *testing.T) {
	t.Parallel()
	l := start(t)
	t.Run("is told by its target file", func(t *testing.T) { isTold(t, l) })
	t.Run("has a control port in each container", func(t *testing.T) { hasControlPorts(t, l.Target()) })
	t.Run("assigns a device to a hub in another container", func(t *testing.T) { assigns(t, l.Target()) })
	t.Run("answers dpslab health in each container", func(t *testing.T) { isHealthy(t, l.Target()) })
	t.Run("asks no resolver for names that nobody has", func(t *testing.T) { asksNobody(t, l.Target()) })
	t.Run("gets more hubs, each another", func(t *testing.T) { getsMoreHubs(t, l.File()) })
}

func isTold(t *testing.T, l *containers.Lab) {
	got, err := sut.Load(l.File())
	if err != nil {
		t.Fatal(err)
	}
	want := l.Target()
	want.File, want.Dpslab = got.File, got.Dpslab
	if want.Prefix == "" {
		want.Prefix = got.Prefix
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the file tells %+v\nnot %+v", got, want)
	}
	if len(got.Hubs) != 3 || got.Control == nil || got.Containers == nil {
		t.Errorf("it is no lab of containers: %+v", got)
	}
}

// controls are the lab's control ports by role.
func controls(t *testing.T, target sut.Target) (reference *controlapi.Client, hubs []*controlapi.Client) {
	t.Helper()
	roots, err := target.Roots()
	if err != nil {
		t.Fatal(err)
	}
	client := func(c sut.Control) *controlapi.Client {
		made := controlapi.NewAt(c.URL, c.Address, c.Token.Reveal(), roots)
		t.Cleanup(made.Close)
		return made
	}
	for _, h := range target.Hubs {
		hubs = append(hubs, client(*h.Control))
	}
	return client(*target.Control), hubs
}

func hasControlPorts(t *testing.T, target sut.Target) {
	reference, hubs := controls(t, target)
	ctx := t.Context()
	if info, err := reference.Info(ctx); err != nil || strings.Join(info.Roles, " ") != "reference" {
		t.Errorf("the reference's is of %v, %v", info.Roles, err)
	}
	service, _, _ := strings.Cut(target.DPS.ServiceHost, ".")
	ahead(t, "the service", func(d time.Duration) (time.Time, error) { return reference.AdvanceService(ctx, service, d) })
	for i, control := range hubs {
		if info, err := control.Info(ctx); err != nil || strings.Join(info.Roles, " ") != "fakehub" {
			t.Errorf("hub %d's is of %v, %v", i+1, info.Roles, err)
		}
		all, err := control.Hubs(ctx)
		if err != nil || len(all) != 1 || all[0].Host != target.Hubs[i].Host {
			t.Fatalf("hub %d's serves %v, %v; want %s alone", i+1, all, err, target.Hubs[i].Host)
		}
		hub := all[0].Name
		ahead(t, hub, func(d time.Duration) (time.Time, error) { return control.AdvanceHub(ctx, hub, d) })
		handle, err := control.ArmHub(ctx, hub, controlapi.Plan{Entry: "hub-created-201"})
		if err != nil {
			t.Fatal(err)
		}
		if status := makesDevice(t, target, target.Hubs[i]); status != http.StatusCreated {
			t.Errorf("armed at %s, and the PUT of a device answers %d", hub, status)
		}
		if err := control.DisarmHub(ctx, hub, handle); err != nil {
			t.Error(err)
		}
		events, err := control.Transcript(ctx, controlapi.Filter{Service: hub})
		if text := fmt.Sprint(events); err != nil || !strings.Contains(text, "PUT /devices/") || !strings.Contains(text, "hub-created-201") {
			t.Errorf("the record of %s tells neither of the request nor of what acted: %d events, %v", hub, len(events), err)
		}
	}
}

func ahead(t *testing.T, what string, advance func(time.Duration) (time.Time, error)) {
	t.Helper()
	before, err := advance(0)
	if err != nil {
		t.Fatal(err)
	}
	after, err := advance(time.Minute)
	if err != nil || after.Sub(before) < time.Minute {
		t.Errorf("%s was at %v, and a minute later at %v, %v", what, before, after, err)
	}
}

func wire(t *testing.T, target sut.Target) *devwire.Wire {
	t.Helper()
	env, err := harness.Open(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(env.Close)
	return env.Wire
}

func makesDevice(t *testing.T, target sut.Target, hub sut.Hub) int {
	t.Helper()
	c, err := wire(t, target).HubService(target.Endpoint(hub), hub.ConnectionString.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	answer, err := c.Do(t.Context(), devwire.ServiceRequest{
		Method: http.MethodPut, Path: harness.IdentityPath("dev-by-hand"), Body: harness.Members{"deviceId": "dev-by-hand"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return answer.Status
}

func assigns(t *testing.T, target sut.Target) {
	w := wire(t, target)
	operator, err := w.Service(target.Service(), target.DPS.ServiceConnectionString.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	defer operator.Close()
	key := harness.Key()
	record := harness.SymmetricKeys(key, harness.Key())
	record["registrationId"] = "dev-01"
	if answer, err := operator.PutEnrollment(t.Context(), record); err != nil || answer.Status != http.StatusOK {
		t.Fatalf("enroll: %d %s, %v", answer.Status, answer.Body, err)
	}
	device, err := w.Device(t.Context(), dps.MQTT, target.Device(), devwire.Identity{Scope: target.DPS.IDScope, RegistrationID: "dev-01", Key: key})
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	answer, err := w.Provision(t.Context(), device, nil)
	if err != nil || answer.Status != dps.StatusAssigned {
		t.Fatalf("provision: %+v, %v", answer, err)
	}
}

// inside runs dpslab in a container of the lab.
func inside(t *testing.T, name string, args ...string) (code int, said string) {
	t.Helper()
	provider, err := testcontainers.NewDockerProvider()
	if err != nil {
		t.Fatal(err)
	}
	found, err := provider.Client().ContainerList(t.Context(), client.ContainerListOptions{Filters: make(client.Filters).Add("name", "^/"+name+"$")})
	if err != nil || len(found.Items) != 1 {
		t.Fatalf("%d containers are called %s, %v", len(found.Items), name, err)
	}
	c, err := provider.ContainerFromType(t.Context(), found.Items[0])
	if err != nil {
		t.Fatal(err)
	}
	code, output, err := c.Exec(t.Context(), append([]string{"/dpslab"}, args...))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(output)
	if err != nil {
		t.Fatal(err)
	}
	return code, string(bytes.ToValidUTF8(text, nil))
}

func isHealthy(t *testing.T, target sut.Target) {
	for _, role := range []string{"reference", "hub-1", "hub-2", "hub-3"} {
		name := "dpslab-" + target.Containers.Run + "-" + role
		if code, said := inside(t, name, "health"); code != 0 {
			t.Errorf("%s is not healthy: %d %s", role, code, said)
		}
	}
}

// The name of a hub that is gone must not be looked for in the world.
func asksNobody(t *testing.T, target sut.Target) {
	name := "dpslab-" + target.Containers.Run + "-reference"
	code, said := inside(t, name, "health", "--control", "https://example.com:443", "--ca", "/state/ca.pem")
	if code != 2 || !strings.Contains(said, "lookup example.com") {
		t.Errorf("health of a name that is not the lab's: %d %s", code, said)
	}
	code, said = inside(t, name, "health", "--control", "https://"+target.Hubs[0].Host+":443", "--ca", "/state/ca.pem")
	if strings.Contains(said, "lookup") {
		t.Errorf("a hub's name does not resolve: %d %s", code, said)
	}
}

func getsMoreHubs(t *testing.T, file string) {
	target, err := sut.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	extra := containers.Attach(target)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	seen := map[string]bool{}
	for _, h := range target.Hubs {
		seen[h.Host] = true
	}
	var started []harness.Container
	for range 2 {
		c, err := extra.StartHub(ctx)
		if err != nil {
			t.Fatal(err)
		}
		started = append(started, c)
		hub := c.Hub()
		if seen[hub.Host] {
			t.Errorf("%s is served already", hub.Host)
		}
		seen[hub.Host] = true
		if status := makesDevice(t, target, hub); status != http.StatusOK {
			t.Errorf("the PUT of a device at %s answers %d", hub.Host, status)
		}
	}
	for _, c := range started {
		if err := c.Pause(ctx); err != nil {
			t.Error(err)
		}
		if err := c.Remove(ctx); err != nil {
			t.Errorf("a paused container is not removed: %v", err)
		}
	}
	if got := containers.Attach(sut.Target{}); got != nil {
		t.Errorf("a target that is no lab of containers has %v", got)
	}
}
