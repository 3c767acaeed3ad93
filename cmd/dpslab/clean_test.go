package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/controlapi"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
)

// shelves is everything that can be enrolled, registered or be at a hub of a lab, a line
// each.
func shelves(t testing.TB, lab *running) string {
	t.Helper()
	var list []string
	add := func(what, collection, query, member string, ask func(devwire.ServiceRequest) (devwire.HTTPResponse, error)) (ids []string) {
		for continuation := ""; ; {
			r := devwire.ServiceRequest{Method: http.MethodPost, Path: collection + "/query", Body: map[string]any{"query": query}, Header: http.Header{}}
			if continuation != "" {
				r.Header.Set("x-ms-continuation", continuation)
			}
			answer, err := ask(r)
			if err != nil || answer.Status != http.StatusOK {
				t.Fatalf("%s: %v %v", collection, answer, err)
			}
			page, err := answer.List()
			if err != nil {
				t.Fatal(err)
			}
			for _, record := range page {
				id := fmt.Sprint(record[member])
				ids, list = append(ids, id), append(list, what+" "+id)
			}
			if continuation = answer.Header.Get("x-ms-continuation"); continuation == "" {
				return ids
			}
		}
	}
	operator := lab.service(t)
	ask := func(r devwire.ServiceRequest) (devwire.HTTPResponse, error) { return operator.Do(t.Context(), r) }
	for _, id := range add("enrollment", "/enrollments", "SELECT * FROM enrollments", "registrationId", ask) {
		if answer, err := operator.GetRegistration(t.Context(), id); err == nil && answer.Status == http.StatusOK {
			list = append(list, "registration "+id)
		}
	}
	for _, group := range add("group", "/enrollmentGroups", "SELECT * FROM enrollmentGroups", "enrollmentGroupId", ask) {
		add("registration", devwire.RegistrationPath(group), "SELECT *", "registrationId", ask)
	}
	for _, h := range lab.target.Hubs {
		hub, err := lab.wire.HubService(lab.target.Endpoint(h), h.ConnectionString.Reveal())
		if err != nil {
			t.Fatal(err)
		}
		defer hub.Close()
		add("identity at "+h.Host, "/devices", "SELECT * FROM devices", "deviceId",
			func(r devwire.ServiceRequest) (devwire.HTTPResponse, error) { return hub.Do(t.Context(), r) })
	}
	slices.Sort(list)
	return strings.Join(list, "\n")
}

// strangers are records of somebody else's at a lab, one of each kind.
func strangers(t *testing.T, lab *running) {
	t.Helper()
	operator := lab.service(t)
	enrollGroup(t, operator, "line-a", []byte("a group's key, long enough"))
	record := harness.SymmetricKeys(harness.Key(), harness.Key())
	record["registrationId"] = "my-dpslab-1"
	if answer, err := operator.PutEnrollment(t.Context(), record); err != nil || answer.Status != http.StatusOK {
		t.Fatalf("%v %v", answer, err)
	}
	id := devwire.Identity{
		Scope: lab.target.DPS.IDScope, RegistrationID: "pump-1", Key: devwire.DeriveKey([]byte("a group's key, long enough"), "pump-1"),
	}
	device, err := lab.wire.Device(t.Context(), dps.HTTPS, lab.target.Device(), id)
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	if answer, err := lab.wire.Provision(t.Context(), device, nil); err != nil || answer.State == nil {
		t.Fatalf("%v %v", answer, err)
	}
}

func TestCleanRemovesWhatAKilledRunLeftAndNothingElse(t *testing.T) {
	t.Parallel()
	lab := up(t).open(t)
	strangers(t, lab)
	before, file := shelves(t, lab), withoutControl(t, lab)

	p := start(t, environment(t), "dpslab", "conformance", "--target", file)
	awaitRegistrations(t, lab, 40)
	p.cmd.Process.Kill()
	p.wait(t)
	killed := shelves(t, lab)
	if killed == before {
		t.Fatal("a run that was killed in the middle left nothing")
	}

	looked := invoke(t, environment(t), "dpslab", "conformance", "clean", "--target", file, "--dry-run")
	if looked.code != exitPassed || !strings.Contains(looked.stdout.String(), "\nwould remove ") || shelves(t, lab) != killed {
		t.Errorf("%s", looked)
	}
	cleaned := invoke(t, environment(t), "dpslab", "conformance", "clean", "--target", file)
	if cleaned.code != exitPassed || !strings.HasPrefix(cleaned.stdout.String(), "removed ") || !strings.Contains(cleaned.stdout.String(), " enrollment") {
		t.Errorf("%s", cleaned)
	}
	if after := shelves(t, lab); after != before {
		t.Errorf("there is\n%s\nwhere there was\n%s", after, before)
	}
	if again := invoke(t, environment(t), "dpslab", "conformance", "clean", "--target", file); again.stdout.String() != "nothing to remove\n" {
		t.Errorf("%s", again)
	}
}

// awaitRegistrations waits until so many register requests have reached a lab.
func awaitRegistrations(t *testing.T, lab *running, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for e, err := range lab.control(t).Events(ctx, controlapi.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(e.Summary, "register") {
			if n--; n == 0 {
				return
			}
		}
	}
	t.Fatal("no run came so far")
}

func TestCleanFindsWhatHooksMade(t *testing.T) {
	t.Parallel()
	lab := up(t, "--hubs", "1").open(t)
	strangers(t, lab)
	before := shelves(t, lab)
	file := gatewayFile(t, startProxy(t, lab.target.DPS.Ports.MQTTS).port)
	p := start(t, lab.env, "dpslab", "conformance", "--target", file, "--label-filter", "family:MQTT")
	awaitRegistrations(t, lab, 20)
	p.cmd.Process.Kill()
	p.wait(t)
	if shelves(t, lab) == before {
		t.Fatal("a run that was killed in the middle left nothing")
	}
	cleaned := invoke(t, lab.env, "dpslab", "conformance", "clean", "--target", file)
	if cleaned.code != exitPassed || !strings.HasPrefix(cleaned.stdout.String(), "removed ") {
		t.Errorf("%s", cleaned)
	}
	if after := shelves(t, lab); after != before {
		t.Errorf("there is\n%s\nwhere there was\n%s", after, before)
	}
}

func TestCleanNeedsATargetFile(t *testing.T) {
	t.Parallel()
	p := invoke(t, environment(t), "dpslab", "conformance", "clean")
	if p.code != exitUntestable {
		t.Errorf("%s", p)
	}
	oneLineOf(t, p, "--target FILE")
}
