package tpm

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// proofChecks are about tokens that a TPM signed.
var proofChecks = []harness.Check{{
	Requirement: "DPS-TPM-003",
	Title:       "a device is let in whose TPM signs with the key of the challenge, and none that signs with another",
	Transports:  over,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := device(ctx, env, t)
		t.Expect(d.Try(ctx, t)).To(harness.BeAccepted())
		t.Expect(forging(d).Try(ctx, t)).NotTo(harness.BeAccepted())
	},
}, {
	Requirement: "DPS-TPM-010",
	Title:       "a token that a TPM signed is taken in every spelling that SDKs have",
	Transports:  over,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		keyName, empty := "registration", ""
		for what, spell := range map[string]func(sas *devwire.SAS, plain string){
			"%2F, as C# and Node":            func(sas *devwire.SAS, plain string) { sas.Resource = strings.ReplaceAll(plain, "/", "%2F") },
			"%2f, as C":                      func(sas *devwire.SAS, plain string) { sas.Resource = strings.ReplaceAll(plain, "/", "%2f") },
			"raw with an empty skn, as Java": func(sas *devwire.SAS, plain string) { sas.Resource, sas.Policy = plain, &empty },
			"without skn":                    func(sas *devwire.SAS, _ string) { sas.Policy = nil },
			"skn before se":                  func(sas *devwire.SAS, _ string) { sas.Order = []string{"sr", "sig", "skn", "se"} },
		} {
			d := s.TPMDevice(ctx, t)
			token := devwire.SAS{
				Resource: devwire.DeviceResource(d.Scope, d.RegistrationID), Policy: &keyName, Expiry: env.Wire.Clock.Now().Add(time.Hour),
			}
			spell(&token, d.Scope+"/registrations/"+d.RegistrationID)
			t.Expect(signedIn(ctx, env, t, d, token)).To(BeTrue(), what)
		}
	},
}, {
	Requirement: "DPS-TPM-011",
	Title:       "the register request that was answered with a challenge is taken again with the token added",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := device(ctx, env, t)
		request := devwire.HTTPRequest{Method: http.MethodPut, Path: devwire.RegisterPath(d.Identity), Body: body(t, d)}
		var challenge devwire.TPMChallenge
		t.Given("the request is answered with a challenge that the TPM takes", func() {
			var err error
			challenge, err = devwire.ParseTPMChallenge(d.Do(ctx, t, authorized(request, "")).Body)
			t.Answered(err, "be challenged")
			t.Answered(d.TPM.Import(challenge.AuthenticationKey), "give the tpm the key of the challenge")
		})
		token, err := d.TPMToken(env.Wire.Clock.Now(), challenge.KeyName)
		t.Must(err, "sign with the tpm")
		response := d.Do(ctx, t, authorized(request, token))
		t.Expect(response.Status).To(Equal(http.StatusAccepted))
		t.Expect(members(t, response)).To(HaveKeyWithValue("operationId", Not(BeEmpty())))
	},
}, {
	Requirement: "DPS-TPM-012",
	Title:       "polls are answered that carry the token of the register request",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := device(ctx, env, t)
		token := proven(ctx, env, t, d)
		var operation string
		t.Given("the device registers", func() {
			t.Eventually(ctx, func() any { // it may be assigning still, from the first time
				operation, _ = members(t, put(ctx, t, d, token))["operationId"].(string)
				return operation
			}).ShouldNot(BeEmpty())
		})
		response := d.Do(ctx, t, authorized(devwire.HTTPRequest{Method: http.MethodGet, Path: devwire.PollPath(d.Identity, operation)}, token))
		t.Expect(response.Status).To(BeElementOf(http.StatusOK, http.StatusAccepted))
		t.Expect(members(t, response)).To(HaveKeyWithValue("operationId", operation))
	},
}, {
	Requirement: "DPS-TPM-014",
	Title:       "a token that is good over https lets no device with a TPM in over MQTT",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := device(ctx, env, t)
		d.Service.Serves(ctx, t)
		token := proven(ctx, env, t, d)
		t.Expect(d.TryToken(ctx, t, token)).To(harness.BeRefused(400, 401, 403, 404))
	},
}, {
	Requirement: "DPS-TPM-016",
	Title:       "the status lookup of an assigned device is answered with its state",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := device(ctx, env, t)
		d.Assigned(ctx, t)
		token := proven(ctx, env, t, d)
		response := d.Do(ctx, t, authorized(devwire.HTTPRequest{
			Method: http.MethodPost, Path: devwire.LookupPath(d.Identity), Body: body(t, d),
		}, token))
		t.Expect(response.Status).To(Equal(http.StatusOK))
		t.Expect(members(t, response)).To(HaveKeyWithValue("registrationId", d.RegistrationID))
	},
}}

// signedIn goes through a challenge with a token of this spelling, and reports whether it
// was taken.
func signedIn(ctx context.Context, env *harness.Env, t *harness.T, d *harness.Device, token devwire.SAS) bool {
	if t.Transport() == dps.HTTPS {
		t.Answered(d.TPM.Import(challenged(ctx, t, d).AuthenticationKey), "give the tpm the key of the challenge")
		text, err := token.SignedBy(d.TPM.Sign)
		t.Must(err, "sign with the tpm")
		return put(ctx, t, d, text).Status < 300
	}
	s := begin(ctx, env, t, d)
	s.key(ctx)
	text, err := token.SignedBy(d.TPM.Sign)
	t.Must(err, "sign with the tpm")
	return s.respond([]byte("\x00"+text)).outcome(ctx) == 0
}
