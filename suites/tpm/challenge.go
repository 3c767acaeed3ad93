package tpm

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// challengeChecks are about what a device hears that has yet to prove itself.
var challengeChecks = []harness.Check{{
	Requirement: "DPS-TPM-001",
	Title:       "a register request with TPM keys and no token is answered with 401 and a challenge",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		response := put(ctx, t, device(ctx, env, t), "")
		t.Expect(response.Status).To(Equal(http.StatusUnauthorized))
		t.Expect(members(t, response)).To(HaveKey("authenticationKey"))
	},
}, {
	Requirement: "DPS-TPM-002",
	Title:       "a challenge has authenticationKey and keyName, and no status",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		doc := members(t, put(ctx, t, device(ctx, env, t), ""))
		for _, name := range []string{"authenticationKey", "keyName"} {
			t.Expect(doc).To(HaveKeyWithValue(name, And(BeAssignableToTypeOf(""), Not(BeEmpty()))))
		}
		t.Expect(doc).NotTo(HaveKey("status"))
	},
}, {
	Requirement: "DPS-TPM-007",
	Title:       "a challenge says that it is JSON",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		response := put(ctx, t, device(ctx, env, t), "")
		t.Given("it is a challenge", func() { t.Expect(members(t, response)).To(HaveKey("authenticationKey")) })
		t.Expect(response.Header.Get("Content-Type")).To(ContainSubstring("application/json"))
	},
}, {
	Requirement: "DPS-TPM-004",
	Title:       "a token that is wrong is answered with another challenge, by which the device gets in",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := device(ctx, env, t)
		d.Assigned(ctx, t)
		wrong, err := forging(d).TPMToken(env.Wire.Clock.Now(), "registration")
		t.Must(err, "sign with another key")
		response := put(ctx, t, d, wrong)
		t.Expect(response.Status).To(Equal(http.StatusUnauthorized))
		challenge, err := devwire.ParseTPMChallenge(response.Body)
		t.Answered(err, "be challenged again")
		t.Expect(d.TPM.Import(challenge.AuthenticationKey)).To(Succeed())
		token, err := d.TPMToken(env.Wire.Clock.Now(), challenge.KeyName)
		t.Must(err, "sign with the tpm")
		t.Expect(put(ctx, t, d, token).Status).To(BeNumerically("<", 300))
	},
}, {
	Requirement: "DPS-TPM-017",
	Title:       "TPM keys that are none are answered with 400",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := device(ctx, env, t)
		t.Given("the device is challenged with its own keys", func() { challenged(ctx, t, d) })
		own, err := d.TPM.EndorsementKey()
		t.Must(err, "read the endorsement key")
		for what, keys := range map[string]harness.Members{
			"no endorsement key":                     {},
			"an endorsement key that is not base64":  {"endorsementKey": "%%%"},
			"a storage root key that is cut off":     {"endorsementKey": own, "storageRootKey": own[:100]},
			"a storage root key of only zeros":       {"endorsementKey": own, "storageRootKey": make([]byte, len(own))},
			"a storage root key that is not base64":  {"endorsementKey": own, "storageRootKey": "%%%"},
			"a storage root key with bytes after it": {"endorsementKey": own, "storageRootKey": append(own[:len(own):len(own)], 0)},
		} {
			b, err := json.Marshal(harness.Members{"registrationId": d.RegistrationID, "tpm": keys})
			t.Must(err, "write the register request")
			t.Expect(d.Put(ctx, t, string(b)).Status).To(Equal(http.StatusBadRequest), what)
		}
	},
}}

// members is the JSON object of an answer.
func members(t *harness.T, r devwire.HTTPResponse) map[string]any {
	doc, err := r.JSON()
	t.Answered(err, "read the answer")
	return doc
}
