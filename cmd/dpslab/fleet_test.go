package main

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/simulator/device"
	"github.com/dpslab/dpslab/simulator/fleet"
	"github.com/dpslab/dpslab/simulator/identity"
)

// settled is a fleet whose devices a lab knows, and where they live.
func settled(t *testing.T, lab *running, spec fleet.Spec) (*fleet.Fleet, fleet.Site) {
	t.Helper()
	spec.Identities = &identity.Fleet{Seed: t.Name(), Scope: lab.target.DPS.IDScope, Prefix: "f"}
	spec.Retry = fleet.Retry{Initial: 20 * time.Millisecond, Factor: 2, HonourRetryAfter: true, GiveUpAfter: 20 * time.Second, Reprovision: 3}
	f, err := fleet.New(spec)
	if err != nil {
		t.Fatal(err)
	}
	client := lab.service(t)
	taken := func(r devwire.HTTPResponse, err error) {
		t.Helper()
		if err != nil || r.Status != 200 {
			t.Fatalf("not enrolled: %d, %v", r.Status, err)
		}
	}
	groups, err := f.Groups()
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range groups {
		taken(client.PutGroup(t.Context(), map[string]any{"enrollmentGroupId": g.ID, "attestation": g.Attestation}))
	}
	for i := range f.Size() {
		e, own, err := f.Individual(i)
		if err != nil {
			t.Fatal(err)
		}
		if own {
			taken(client.PutEnrollment(t.Context(), map[string]any{"registrationId": e.ID, "attestation": e.Attestation}))
		}
	}
	wire := *lab.wire
	wire.Log = nil // what many devices say is not kept
	hub := func(host string) (devwire.Endpoint, error) { return hubEndpoint(lab.target, host), nil }
	return f, fleet.Site{Wire: &wire, DPS: lab.target.Device(), Hub: hub, Clock: clock.System()}
}

// diary is what a device did.
type diary struct {
	mu     sync.Mutex
	events []fleet.Event
}

func (d *diary) write(e fleet.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.events = append(d.events, e)
}

func (d *diary) count(kind device.StepName) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for _, e := range d.events {
		if e.Kind == kind && e.Err == nil {
			n++
		}
	}
	return n
}

func TestAFleetOfEachProofOverEachTransportComesToItsHubs(t *testing.T) {
	t.Parallel()
	lab := up(t, "--state", "").open(t)
	b := fleet.Behaviour{Telemetry: fleet.Telemetry{Count: 2, MinSize: 100, MaxSize: 200}, Twin: true}
	var mix []fleet.Share
	for _, a := range []fleet.Attestation{fleet.SymmetricGroup, fleet.SymmetricIndividual, fleet.X509Group, fleet.X509Individual, fleet.TPM} {
		for _, over := range []dps.Transport{dps.HTTPS, dps.MQTT, dps.MQTTWebSocket, dps.AMQP, dps.AMQPWebSocket} {
			if a == fleet.TPM && (over == dps.MQTT || over == dps.MQTTWebSocket) {
				continue
			}
			mix = append(mix, fleet.Share{Weight: 1, Attestation: a, Transport: over, HubTransport: hubTransport(over), Behaviour: b})
		}
	}
	f, site := settled(t, lab, fleet.Spec{Size: len(mix), Mix: mix})
	var wg sync.WaitGroup
	for i := range f.Size() {
		wg.Go(func() {
			var d diary
			life := f.Live(t.Context(), i, site, d.write)
			share := f.Mix()[life.Share]
			if life.Err != nil || life.Hub == "" || life.DeviceID == "" || life.Sent != 2 || life.GaveUp || life.Attempts != 1 ||
				life.FirstTelemetry.Before(life.Assigned) || life.Assigned.Before(life.PoweredOn) {
				t.Errorf("%s over %s: %+v", share.Attestation, share.Transport, life)
			}
			if d.count(device.StepHubReport) != 1 || d.count(device.StepHubTwin) != 1 {
				t.Errorf("%s over %s: no twin", share.Attestation, share.Transport)
			}
		})
	}
	wg.Wait()
}

func TestDevicesReregisterRebootAndRollTheirKeysOver(t *testing.T) {
	t.Parallel()
	lab := up(t, "--state", "").open(t)
	const stay = 900 * time.Millisecond
	behaviours := []fleet.Behaviour{
		{Stay: stay, Reregister: 200 * time.Millisecond},
		{Stay: stay, Reboot: 200 * time.Millisecond, Dark: 50 * time.Millisecond},
		{Stay: stay, Rollover: 200 * time.Millisecond},
		{Stay: stay, Telemetry: fleet.Telemetry{Interval: 20 * time.Millisecond, Poisson: true}},
	}
	var mix []fleet.Share
	for _, b := range behaviours {
		for _, a := range []fleet.Attestation{fleet.SymmetricGroup, fleet.SymmetricIndividual, fleet.X509Group, fleet.X509Individual} {
			mix = append(mix, fleet.Share{Weight: 1, Attestation: a, Transport: dps.HTTPS, Behaviour: b})
		}
	}
	f, site := settled(t, lab, fleet.Spec{Size: len(mix), Mix: mix})
	var wg sync.WaitGroup
	for i := range f.Size() {
		wg.Go(func() {
			var d diary
			life := f.Live(t.Context(), i, site, d.write)
			share := f.Mix()[life.Share]
			b := share.Behaviour
			again := life.Registrations > 1 // how often is up to the machine's speed
			if life.Err != nil || again != (b.Reregister+b.Reboot+b.Rollover > 0) || (b.Rollover > 0 && life.Registrations != 2) {
				t.Errorf("%s, %+v: %+v", share.Attestation, b, life)
			}
			// Its stay may be over between its last assignment and its hub.
			if n := life.Registrations - d.count(device.StepHubConnect); n < 0 || n > 1 || (b.Telemetry.Interval > 0 && life.Sent < 2) {
				t.Errorf("%s: %d times at the hub, %d messages", share.Attestation, d.count(device.StepHubConnect), life.Sent)
			}
		})
	}
	wg.Wait()
}

func TestAKeyThatRolledOverIsTheSecond(t *testing.T) {
	t.Parallel()
	lab := up(t, "--state", "").open(t)
	f, site := settled(t, lab, fleet.Spec{Size: 1, Mix: []fleet.Share{{
		Weight: 1, Attestation: fleet.SymmetricIndividual, Transport: dps.HTTPS, Behaviour: fleet.Behaviour{Stay: time.Second, Rollover: 200 * time.Millisecond},
	}}})
	e, _, err := f.Individual(0)
	if err != nil {
		t.Fatal(err)
	}
	keys := e.Attestation["symmetricKey"].(map[string]any)
	keys["primaryKey"] = keys["secondaryKey"] // the first is of no use from here on
	client, replaced := lab.service(t), false
	life := f.Live(t.Context(), 0, site, func(e fleet.Event) {
		if e.Kind != device.StepHubConnect || replaced {
			return
		}
		replaced = true
		answer, err := client.Do(t.Context(), devwire.ServiceRequest{
			Method: "PUT", Path: devwire.EnrollmentPath("f-000000"), Header: http.Header{"If-Match": {"*"}},
			Body: map[string]any{"registrationId": "f-000000", "attestation": map[string]any{"type": "symmetricKey", "symmetricKey": keys}},
		})
		if err != nil || answer.Status != 200 {
			t.Errorf("%v %v", answer, err)
		}
	})
	if life.Err != nil || life.Registrations != 2 {
		t.Errorf("%+v", life)
	}
}

func TestALifeEndsWithItsContext(t *testing.T) {
	t.Parallel()
	lab := up(t, "--state", "").open(t)
	f, site := settled(t, lab, fleet.Spec{Size: 1, Mix: []fleet.Share{{Weight: 1, Transport: dps.MQTT, Behaviour: fleet.Behaviour{Stay: time.Hour}}}})
	ctx, cancel := context.WithCancel(t.Context())
	var kinds []device.StepName
	life := f.Live(ctx, 0, site, func(e fleet.Event) {
		if kinds = append(kinds, e.Kind); e.Kind == device.StepHubConnect {
			cancel()
		}
	})
	if !errors.Is(life.Err, context.Canceled) || life.GaveUp || life.Registrations != 1 {
		t.Errorf("%+v", life)
	}
	if !slices.Contains(kinds, device.StepHubDisconnect) {
		t.Errorf("it left without a word: %v", kinds)
	}
}
