// Package sec verifies what a service owes its devices' safety beside who is let in
// (docs/protocol/device-api.md 1.5, 2.8, 6): TLS versions and cipher suites, operation ids
// that nobody guesses, keys that no answer repeats, refusals that tell a stranger nothing,
// and requests in the less usual forms of HTTP.
package sec

import (
	"context"
	"encoding/base64"
	"net/url"
	"slices"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// Checks returns the checks of family SEC.
func Checks() []harness.Check {
	return slices.Concat(tlsChecks, guessingChecks, secretChecks, requestChecks)
}

// secretChecks are about what an answer tells whom.
var secretChecks = []harness.Check{{
	Requirement: "DPS-SEC-005",
	Title:       "no answer to register or poll repeats a key of the device",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		conn := d.Connect(ctx, t)
		answer, err := conn.Register(ctx, nil)
		t.Answered(err, "register")
		keepsQuiet(t, d, answer)
		t.Eventually(ctx, func() dps.Status {
			answer, err = conn.Poll(ctx, answer.OperationID)
			t.Answered(err, "poll")
			keepsQuiet(t, d, answer)
			return answer.Status
		}).Should(Equal(dps.StatusAssigned))
	},
}, {
	Requirement: "DPS-SEC-006",
	Title:       "a wrong key of an enrolled device is refused as a device that nobody enrolled is",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		t.Given("its own key is accepted", func() { t.Expect(d.Try(ctx, t)).To(harness.BeAccepted()) })
		wrong := d.With(func(id *devwire.Identity) { id.Key = harness.Key() })
		stranger := wrong.With(func(id *devwire.Identity) { id.RegistrationID = "no-" + id.RegistrationID })
		enrolled, unknown := wrong.Try(ctx, t), stranger.Try(ctx, t)
		t.Expect(enrolled).To(harness.BeRefused())
		t.Expect(told(unknown)).To(Equal(told(enrolled)))
	},
}}

func keepsQuiet(t *harness.T, d *harness.Device, a devwire.Answer) {
	for _, key := range [][]byte{d.Primary, d.Secondary} {
		if len(key) > 0 {
			text := base64.StdEncoding.EncodeToString(key)
			t.Expect(string(a.Raw)).NotTo(Or(ContainSubstring(text), ContainSubstring(url.QueryEscape(text))))
		}
	}
}

// refusal is what a refused device can tell apart.
type refusal struct {
	Code, ErrorCode, Refused int
	Connack                  byte
	Message                  string
}

func told(r harness.Reply) refusal {
	one := refusal{Code: r.Code, Refused: r.Refused, Connack: r.Connack}
	if r.Error != nil {
		one.ErrorCode, one.Message = r.Error.ErrorCode, r.Error.Message
	}
	return one
}
