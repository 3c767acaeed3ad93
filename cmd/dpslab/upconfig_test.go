package main

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/controlapi"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
)

// labFile writes a lab/v1 file.
func labFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "lab.yaml")
	if err := os.WriteFile(file, []byte("dpslab: lab/v1\n"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// assigned registers a device of a group, and tells the hub it was given.
func (r *running) assigned(t *testing.T, id string, key []byte) string {
	t.Helper()
	device, err := r.wire.Device(t.Context(), dps.HTTPS, r.target.Device(), devwire.Identity{
		Scope: r.target.DPS.IDScope, RegistrationID: id, Key: devwire.DeriveKey(key, id),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	answer, err := r.wire.Provision(t.Context(), device, nil)
	if err != nil || answer.Status != dps.StatusAssigned {
		t.Fatalf("%s: %v %v", id, err, answer)
	}
	return answer.State.AssignedHub
}

func TestALabIsWhatItsFileSays(t *testing.T) {
	t.Parallel()
	lab := up(t, "--config", labFile(t, `
service:
  name: plant-1
  id_scope: 0ne00PLANT1
  allocation_policy: geoLatency
  limits: {registrations_per_minute: 90, operations_per_minute: 80, polls_per_10_seconds: 7}
  latencies: {127.0.0.0/8: {far: 80, near: 5}}
hubs: [{name: far}, {name: near}, {count: 2}]
`)).open(t)
	if lab.vars["DPSLAB_SERVICE_HOST"] != "plant-1.azure-devices-provisioning.net" || lab.vars["DPSLAB_ID_SCOPE"] != "0ne00PLANT1" {
		t.Errorf("%v", lab.vars["DPSLAB_SERVICE_HOST"]+lab.vars["DPSLAB_ID_SCOPE"])
	}
	if lab.vars["DPSLAB_HUB_COUNT"] != "4" || lab.vars["DPSLAB_HUB_1_HOST"] != "far.azure-devices.net" || !strings.HasSuffix(lab.vars["DPSLAB_HUB_4_HOST"], "-hub-4.azure-devices.net") {
		t.Errorf("hubs %s: %s", lab.vars["DPSLAB_HUB_COUNT"], lab.vars["DPSLAB_HOSTS"])
	}
	key := make([]byte, 64)
	enrollGroup(t, lab.service(t), "g", key)
	for i := range 5 {
		if hub := lab.assigned(t, fmt.Sprintf("dev-%d", i), key); hub != "near.azure-devices.net" {
			t.Errorf("a device on this machine went to %s", hub)
		}
	}
	s, err := lab.control(t).Service(t.Context(), "plant-1")
	if want := (controlapi.Limits{RegistrationsPerMinute: 90, OperationsPerMinute: 80, PollsPerTenSeconds: 7}); err != nil || s.Limits != want {
		t.Errorf("%v %v", s.Limits, err)
	}
}

func TestHubsOfAFileTakePartAsItSays(t *testing.T) {
	t.Parallel()
	lab := up(t, "--config", labFile(t, "hubs: [{name: heavy, weight: 1000}, {name: light}, {name: out, weight: 1000, applies: false}]\n")).open(t)
	key := make([]byte, 64)
	enrollGroup(t, lab.service(t), "g", key)
	got := map[string]int{}
	for i := range 30 {
		got[lab.assigned(t, fmt.Sprintf("dev-%d", i), key)]++
	}
	if got["heavy.azure-devices.net"] < 27 || got["out.azure-devices.net"] > 0 {
		t.Errorf("%v", got)
	}
}

func TestPoliciesAndExtensionsOfAFile(t *testing.T) {
	t.Parallel()
	key := base64.StdEncoding.EncodeToString(make([]byte, 32))
	file := labFile(t, `
service:
  naive_rest: false
  policies: [{name: reader, rights: [EnrollmentRead], primary_key: "${READER}", secondary_key: "${READER}"}]
`)
	lab := serveLab(t, environment(t, "READER="+key), "up", "--config", file).open(t)
	reader, err := lab.wire.Service(lab.target.Service(), "HostName="+lab.target.DPS.ServiceHost+";SharedAccessKeyName=reader;SharedAccessKey="+key)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if answer, err := reader.Query(t.Context(), "/enrollments", "*", 0, ""); err != nil || answer.Status != 200 {
		t.Errorf("who may read does not: %v %v", answer, err)
	}
	record := map[string]any{"registrationId": "dev-01", "attestation": map[string]any{"type": "symmetricKey"}}
	if answer, err := reader.PutEnrollment(t.Context(), record); err != nil || answer.Status != 401 {
		t.Errorf("who may only read writes: %v %v", answer, err)
	}
	list := devwire.ServiceRequest{Method: "GET", Path: "/enrollments"}
	for rule, c := range map[string]struct {
		lab  *running
		want bool
	}{"without the extension": {lab, false}, "with it": {up(t).open(t), true}} {
		if answer, err := c.lab.service(t).Do(t.Context(), list); err != nil || (answer.Status == 200) != c.want {
			t.Errorf("%s: %v %v", rule, answer, err)
		}
	}
}

func TestAFlagGoesBeforeTheFile(t *testing.T) {
	t.Parallel()
	file := labFile(t, "hubs: [{name: a}, {name: b}]\nservice: {id_scope: 0ne00FILE01, retry_after: 30s, limits: {polls_per_10_seconds: 1}}\n")
	// --retry-after 0s is among the arguments of every lab here.
	lab := up(t, "--config", file, "--hubs", "1", "--id-scope", "0ne00FLAG01", "--limits").open(t)
	s, err := lab.control(t).Services(t.Context())
	if err != nil || s[0].Limits.PollsPerTenSeconds != 5 || s[0].RetryAfterSeconds != 0 || s[0].IDScope != "0ne00FLAG01" {
		t.Errorf("%v %v", s, err)
	}
	if lab.vars["DPSLAB_HUB_COUNT"] != "1" || lab.vars["DPSLAB_HUB_1_HOST"] == "a.azure-devices.net" {
		t.Errorf("%s", lab.vars["DPSLAB_HOSTS"])
	}
}

func TestAFileThatNoLabCanBeMadeOf(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"hubs: [{weight: 0}]": "lab.yaml: [2:17] hubs[0].weight is 0; write 1 to 1000",
		"hub: 1":              "lab.yaml: [2:1]",
	} {
		p := invoke(t, environment(t), "dpslab", "up", "--auto-ports", "--config", labFile(t, text))
		if p.code != exitUntestable {
			t.Errorf("%s", p)
		}
		oneLineOf(t, p, says)
	}
	p := invoke(t, environment(t), "dpslab", "up", "--auto-ports", "--config", "gone.yaml")
	oneLineOf(t, p, "gone.yaml")
}
