package alloc

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// fingerprint tells keys apart in a red without showing them.
func fingerprint(key string) string {
	return fmt.Sprintf("key with SHA-256 %.8x", sha256.Sum256([]byte(key)))
}

// keysOf are fingerprints of the keys that a hub identity has.
func keysOf(identity harness.Members) []string {
	primary, _ := inside(identity, "authentication", "symmetricKey", "primaryKey").(string)
	secondary, _ := inside(identity, "authentication", "symmetricKey", "secondaryKey").(string)
	return []string{fingerprint(primary), fingerprint(secondary)}
}

// fingerprints are those of keys as they stand in a record.
func fingerprints(keys ...[]byte) []string {
	var list []string
	for _, key := range keys {
		list = append(list, fingerprint(base64.StdEncoding.EncodeToString(key)))
	}
	return list
}

// identityOf reads what the assigned hub knows of a device.
func identityOf(ctx context.Context, t *harness.T, d *harness.Device, assigned devwire.Answer) harness.Members {
	answer := d.AtHub(t, assigned).Hub.Get(ctx, t, harness.IdentityPath(assigned.State.DeviceID))
	t.Expect(answer.Status).To(Equal(http.StatusOK), "the identity of %s at its hub", assigned.State.DeviceID)
	return object(t, answer)
}

// identityChecks are about what the service writes to the hub.
var identityChecks = []harness.Check{{
	Requirement: "DPS-ALLOC-017",
	Title:       "the hub identity of an individual symmetric key enrollment has the keys of the enrollment",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		device := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		identity := identityOf(ctx, t, device, device.Assigned(ctx, t))
		t.Expect(keysOf(identity)).To(Equal(fingerprints(device.Primary, device.Secondary)))
	},
}, {
	Requirement: "DPS-ALLOC-018",
	Title:       "the hub identity of a device of a symmetric key group has keys derived from both keys of the group",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		device := env.Service(ctx, t).SymmetricKeyGroup(ctx, t).Device(t)
		identity := identityOf(ctx, t, device, device.Assigned(ctx, t))
		t.Expect(keysOf(identity)).To(Equal(fingerprints(device.Primary, device.Secondary)))
	},
}, {
	Requirement: "DPS-ALLOC-019",
	Title:       "the hub identity has the deviceId of the enrollment",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s, name := env.Service(ctx, t), t.Name()
		device := s.SymmetricKeyDevice(ctx, t, harness.Members{"deviceId": name})
		assigned := device.Assigned(ctx, t)
		disposable(t, s, assigned)
		t.Expect(assigned.State.DeviceID).To(Equal(name))
		t.Expect(identityOf(ctx, t, device, assigned)).To(HaveKeyWithValue("deviceId", name))
	},
}, {
	Requirement: "DPS-ALLOC-019",
	Title:       "the hub identity has the registration id where there is no deviceId",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, device := range []*harness.Device{s.SymmetricKeyDevice(ctx, t), s.SymmetricKeyGroup(ctx, t).Device(t)} {
			assigned := device.Assigned(ctx, t)
			t.Expect(assigned.State.DeviceID).To(Equal(device.RegistrationID))
			t.Expect(identityOf(ctx, t, device, assigned)).To(HaveKeyWithValue("deviceId", device.RegistrationID))
		}
	},
}, {
	Requirement: "DPS-ALLOC-020",
	Title:       "the initialTwin of an enrollment is at the hub when the device sees assigned",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		initial := harness.Members{"initialTwin": harness.Members{
			"tags":       harness.Members{"site": "north"},
			"properties": harness.Members{"desired": harness.Members{"rate": 5, "inner": harness.Members{"on": true}}},
		}}
		for _, device := range []*harness.Device{s.SymmetricKeyDevice(ctx, t, initial), s.SymmetricKeyGroup(ctx, t, initial).Device(t)} {
			assigned := device.Assigned(ctx, t)
			answer := device.AtHub(t, assigned).Hub.Get(ctx, t, harness.TwinPath(assigned.State.DeviceID))
			t.Expect(answer.Status).To(Equal(http.StatusOK))
			twin := object(t, answer)
			t.Expect(inside(twin, "tags")).To(Equal(harness.Members{"site": "north"}))
			t.Expect(inside(twin, "properties", "desired", "rate")).To(BeEquivalentTo(5))
			t.Expect(inside(twin, "properties", "desired", "inner")).To(Equal(harness.Members{"on": true}))
		}
	},
}, {
	Requirement: "DPS-ALLOC-021",
	Title:       "capabilities.iotEdge is copied to the hub identity",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, edge := range []bool{true, false} {
			device := s.SymmetricKeyDevice(ctx, t, harness.Members{"capabilities": harness.Members{"iotEdge": edge}})
			identity := identityOf(ctx, t, device, device.Assigned(ctx, t))
			t.Expect(inside(identity, "capabilities", "iotEdge")).To(Equal(edge))
		}
	},
}, {
	Requirement: "DPS-ALLOC-027",
	Title:       "the assigned hub has the identity of a device and no other hub has",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := several(ctx, env, t, manyHubs)
		for _, device := range []*harness.Device{s.SymmetricKeyDevice(ctx, t), s.X509Group(ctx, t).Device(t)} {
			answer := device.Provision(ctx, t)
			t.Expect(answer.Status).To(Equal(dps.StatusAssigned))
			for _, hub := range s.Hubs {
				want := http.StatusNotFound
				if hub.Host == answer.State.AssignedHub {
					want = http.StatusOK
				}
				t.Expect(hub.Get(ctx, t, harness.IdentityPath(answer.State.DeviceID)).Status).To(Equal(want), hub.Host)
			}
		}
	},
}}
