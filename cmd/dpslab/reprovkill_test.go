package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/controlapi"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
)

// TestAMoveThatIsKilledAtAnyStepIsRepairedByTheNextRegistration kills the lab while devices
// are held at one step between two hubs, and registers them at the next process: one to
// where it was going, one to where it was, one to a third hub. Each is at that hub alone.
func TestAMoveThatIsKilledAtAnyStepIsRepairedByTheNextRegistration(t *testing.T) {
	t.Parallel()
	folder, key := t.TempDir(), []byte(strings.Repeat("k", 64))
	for round, c := range []struct {
		rule, step string
		nth        int
		first      bool // registration of the device, else a move
	}{
		{"a move before it is noted", "storing", 1, false},
		{"a move before the hub write", "assigning", 1, false},
		{"a move after the hub write", "hub-answered", 1, false},
		{"a move before the record", "storing", 2, false},
		{"a move before the old identity is removed", "releasing", 1, false},
		{"a move after the old identity was removed", "released", 1, false},
		{"a first registration before it is noted", "storing", 1, true},
		{"a first registration before the hub write", "assigning", 1, true},
		{"a first registration after the hub write", "hub-answered", 1, true},
		{"a first registration before the record", "storing", 2, true},
	} {
		lab := dataLab(t, folder)
		ids := make([]string, 3) // by the hub that each is at in the end
		for i := range ids {
			ids[i] = fmt.Sprintf("dev-%d-%d", round, i)
			lab.enrollAt(t, ids[i], key, 0)
			if !c.first {
				if err := lab.registered(t.Context(), ids[i], key); err != nil {
					t.Fatalf("%s: %v", c.rule, err)
				}
				lab.enrollAt(t, ids[i], key, 1)
			}
		}
		lab.killedWhileHeld(t, ids, key, controlapi.Plan{Entry: "registration-held", Address: controlapi.Address{Nth: c.nth}, Args: map[string]string{"step": c.step}})
		lab = dataLab(t, folder)
		for want, id := range ids {
			lab.enrollAt(t, id, key, want)
			if err := lab.registered(t.Context(), id, key); err != nil {
				t.Errorf("%s: the next registration: %v", c.rule, err)
			}
			lab.isAloneAt(t, c.rule, id, want)
		}
		lab.interrupt()
		if code := lab.wait(t); code != exitPassed {
			t.Errorf("%s: the lab did not end well: %s", c.rule, lab)
		}
	}
}

// enrollAt enrolls a device for one of the lab's hubs, whatever enrollment it had.
func (r *running) enrollAt(t *testing.T, id string, key []byte, hub int) {
	t.Helper()
	c, secret := r.service(t), base64.StdEncoding.EncodeToString(key)
	if _, err := c.DeleteEnrollment(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	answer, err := c.PutEnrollment(t.Context(), map[string]any{
		"registrationId": id, "allocationPolicy": "static", "iotHubs": []string{r.target.Hubs[hub].Host},
		"attestation": map[string]any{"type": "symmetricKey", "symmetricKey": map[string]any{"primaryKey": secret, "secondaryKey": secret}},
	})
	if err != nil || answer.Status != 200 {
		t.Fatalf("enroll %s: %s, %v", id, answer, err)
	}
}

// registered provisions a device by its own key.
func (r *running) registered(ctx context.Context, id string, key []byte) error {
	device, err := r.wire.Device(ctx, dps.HTTPS, r.target.Device(), devwire.Identity{Scope: r.target.DPS.IDScope, RegistrationID: id, Key: key})
	if err != nil {
		return err
	}
	defer device.Close()
	answer, err := r.wire.Provision(ctx, device, nil)
	if err == nil && answer.Status != dps.StatusAssigned {
		err = fmt.Errorf("%s ended %s", id, answer)
	}
	return err
}

// killedWhileHeld begins to register the devices, and kills the lab once the plan holds all.
func (r *running) killedWhileHeld(t *testing.T, ids []string, key []byte, p controlapi.Plan) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	control := r.control(t)
	name := defaultService(t, control)
	for _, id := range ids {
		p.Address.Registration = id
		if _, err := control.ArmService(ctx, name, p); err != nil {
			t.Fatal(err)
		}
		device, err := r.wire.Device(ctx, dps.HTTPS, r.target.Device(), devwire.Identity{Scope: r.target.DPS.IDScope, RegistrationID: id, Key: key})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := device.Register(ctx, nil); err != nil {
			t.Fatal(err)
		}
		device.Close()
	}
	for held := 0; held < len(ids); {
		points, err := control.ServicePoints(ctx, name)
		if err != nil {
			t.Fatalf("%d of %d devices are held: %v", held, len(ids), err)
		}
		held = 0
		for _, one := range points {
			held += one.Fired
		}
	}
	r.cmd.Process.Kill()
	r.wait(t)
}

// isAloneAt asserts that one hub has the identity, and that the record names it.
func (r *running) isAloneAt(t *testing.T, rule, id string, want int) {
	t.Helper()
	host := r.target.Hubs[want].Host
	answer, err := r.service(t).GetRegistration(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if record, err := answer.JSON(); err != nil || record["assignedHub"] != host || record["status"] != "assigned" {
		t.Errorf("%s: the registration of %s, which is at %s: %s", rule, id, host, answer)
	}
	for at, hub := range r.hubServices(t) {
		identity, err := hub.Identity(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if there := identity.Status == 200; there != (at == host) {
			t.Errorf("%s: %s has the identity of %s: %v; it is at %s", rule, at, id, there, host)
		}
	}
}
