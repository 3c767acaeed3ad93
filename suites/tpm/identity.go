package tpm

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"strings"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// identityChecks are about which keys and which registration id name a device.
var identityChecks = []harness.Check{{
	Requirement: "DPS-TPM-005",
	Title:       "an endorsement key that is not the enrolled one is answered with 404201",
	Transports:  over,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := device(ctx, env, t)
		accepted(ctx, t, d)
		other := d.With(func(id *devwire.Identity) { id.TPM = harness.TPM() })
		unknown(ctx, t, other)
	},
}, {
	Requirement: "DPS-TPM-005",
	Title:       "a registration id that nobody enrolled is answered with 404201",
	Transports:  over,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := device(ctx, env, t)
		accepted(ctx, t, d)
		other := d.With(func(id *devwire.Identity) { id.RegistrationID = t.Name() })
		unknown(ctx, t, other)
	},
}, {
	Requirement: "DPS-TPM-013",
	Title:       "a device registers with another storage root key than the enrolled one, and again with another",
	Transports:  over,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		before, after := harness.ReownedTPM()
		key, err := before.EndorsementKey()
		t.Must(err, "make a tpm")
		root, err := before.StorageRootKey()
		t.Must(err, "make a tpm")
		d := env.Service(ctx, t).TPMDevice(ctx, t, harness.Members{"attestation": harness.Members{
			"type": "tpm", "tpm": harness.Members{"endorsementKey": key, "storageRootKey": root},
		}})
		for _, module := range []devwire.TPM{before, after} {
			assigned := d.With(func(id *devwire.Identity) { id.TPM = module }).Provision(ctx, t)
			t.Expect(assigned.Status).To(Equal(dps.StatusAssigned))
		}
	},
}, {
	Requirement: "DPS-TPM-015",
	Title:       "a device is assigned by the registration id that SDKs derive from its endorsement key",
	Transports:  over,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		module := harness.TPM()
		key, err := module.EndorsementKey()
		t.Must(err, "make a tpm")
		sum := sha256.Sum256(key)
		id := strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:]))
		d := s.TPMDevice(ctx, t, harness.Members{"registrationId": id}, harness.EndorsementKey(key))
		assigned := d.With(func(id *devwire.Identity) { id.TPM = module }).Provision(ctx, t)
		t.Expect(assigned.Status).To(Equal(dps.StatusAssigned))
		t.Expect(assigned.State.RegistrationID).To(Equal(id))
	},
}}

// unknown asserts that the device hears 404201 when it registers. SASL does not look for an
// enrollment, or the device would not hear it.
func unknown(ctx context.Context, t *harness.T, d *harness.Device) {
	reply := d.Try(ctx, t)
	t.Expect(reply).To(harness.BeRefused(404))
	t.Expect(reply.Error).NotTo(BeNil())
	t.Expect(reply.Error.ErrorCode).To(Equal(404201))
}
