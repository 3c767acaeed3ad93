// Package tpm checks devices that prove themselves by a TPM: the challenge and the key in
// it, which an emulated TPM has to take by a TPM's rules, the exchange of SASL TPM byte by
// byte, and the key for the hub (docs/protocol/device-api.md 4).
package tpm

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"net/http"
	"slices"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// Checks returns the checks of family TPM.
func Checks() []harness.Check {
	return slices.Concat(challengeChecks, blobChecks, proofChecks, identityChecks, hubChecks, saslChecks)
}

// over are the transports that have a way for a TPM.
var over = harness.Over(dps.HTTPS, dps.AMQP, dps.AMQPWebSocket)

// device is a device with a TPM at a service of its own.
func device(ctx context.Context, env *harness.Env, t *harness.T, members ...harness.Members) *harness.Device {
	return env.Service(ctx, t).TPMDevice(ctx, t, members...)
}

// body is a register request with the keys of the device's TPM.
func body(t *harness.T, d *harness.Device) []byte {
	b, err := d.Registration(nil)
	t.Must(err, "write the register request")
	return b
}

// put sends a register request over HTTPS, with a token unless it is "".
func put(ctx context.Context, t *harness.T, d *harness.Device, token string) devwire.HTTPResponse {
	return d.Do(ctx, t, authorized(devwire.HTTPRequest{
		Method: http.MethodPut, Path: devwire.RegisterPath(d.Identity), Body: body(t, d),
	}, token))
}

func authorized(r devwire.HTTPRequest, token string) devwire.HTTPRequest {
	r.Header = http.Header{}
	if token != "" {
		r.Header.Set("Authorization", token)
	}
	return r
}

// challenged sends a register request without a token and reads the challenge.
func challenged(ctx context.Context, t *harness.T, d *harness.Device) devwire.TPMChallenge {
	response := put(ctx, t, d, "")
	challenge, err := devwire.ParseTPMChallenge(response.Body)
	t.Answered(err, "be challenged")
	return challenge
}

// proven is the token of a device that a challenge was given to.
func proven(ctx context.Context, env *harness.Env, t *harness.T, d *harness.Device) (token string) {
	t.Given(d.RegistrationID+" is accepted by its TPM over https", func() {
		challenge := challenged(ctx, t, d)
		t.Answered(d.TPM.Import(challenge.AuthenticationKey), "give the tpm the key of the challenge")
		var err error
		token, err = d.TPMToken(env.Wire.Clock.Now(), challenge.KeyName)
		t.Must(err, "sign with the tpm")
		t.Expect(put(ctx, t, d, token).Status).To(BeNumerically("<", 300))
	})
	return token
}

// accepted is the positive twin of a refusal.
func accepted(ctx context.Context, t *harness.T, d *harness.Device) {
	t.Given(d.RegistrationID+" is accepted by its TPM", func() {
		t.Expect(d.Try(ctx, t)).To(harness.BeAccepted())
	})
}

// forger is a TPM that signs with another key than it was given.
type forger struct {
	devwire.TPM
	key []byte
}

func (f forger) Sign(data []byte) ([]byte, error) {
	mac := hmac.New(sha256.New, f.key)
	mac.Write(data)
	return mac.Sum(nil), nil
}

// forging is the device with a TPM that signs with a key of its own.
func forging(d *harness.Device) *harness.Device {
	return d.With(func(id *devwire.Identity) { id.TPM = forger{id.TPM, harness.Key()} })
}
