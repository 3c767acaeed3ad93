package sas

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// expiryChecks are about until when a token is good, and by whose clock.
var expiryChecks = []harness.Check{{
	Requirement: "DPS-SAS-010",
	Title:       "an expired token is refused",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		s := signature(env, d)
		s.Expiry = env.Wire.Clock.Now().Add(-time.Hour)
		refuse(ctx, env, t, d, spelt{"expired an hour ago", s.Token()})
	},
}, {
	Requirement: "DPS-SAS-011",
	Title:       "a token that expired three minutes ago is taken",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		each(ctx, env, t, func(_ *harness.Device, s *devwire.SAS) { s.Expiry = env.Wire.Clock.Now().Add(-3 * time.Minute) })
	},
}, {
	Requirement: "DPS-SAS-021",
	Title:       "a token expires when the service's clock says so",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		short, long := signature(env, d), signature(env, d)
		long.Expiry = long.Expiry.Add(24 * time.Hour)
		t.Given("the device is accepted with a token for an hour", func() {
			t.Expect(d.TryToken(ctx, t, short.Token())).To(harness.BeAccepted())
		})
		d.Service.Advance(ctx, t, 2*time.Hour)
		t.Given("a token for a day still lets it in, two hours later", func() {
			t.Eventually(ctx, func() harness.Reply { return d.TryToken(ctx, t, long.Token()) }).Should(harness.BeAccepted())
		})
		t.Expect(d.TryToken(ctx, t, short.Token())).To(harness.BeRefused())
	},
}}

// verdictChecks are about how a refusal is told.
var verdictChecks = []harness.Check{{
	Requirement: "DPS-SAS-018",
	Title:       "no error repeats the token or the key",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		good, wrong := signature(env, d), signature(env, d)
		wrong.Key = harness.Key()
		for _, s := range []devwire.SAS{good, wrong} {
			answer := d.Do(ctx, t, devwire.HTTPRequest{
				Method: http.MethodPut, Path: devwire.RegisterPath(d.Identity), Body: []byte(`{"registrationId":`),
				Header: http.Header{"Authorization": {s.Token()}},
			})
			t.Given("the request is refused", func() { t.Expect(answer.Status).To(BeNumerically(">=", 400)) })
			secretless(t, string(answer.Body), s)
		}
		refused := d.TryToken(ctx, t, wrong.Token())
		t.Given("a wrong key is refused", func() { t.Expect(refused).To(harness.BeRefused()) })
		secretless(t, string(refused.Raw), wrong)
	},
}, {
	Requirement: "DPS-SAS-018",
	Title:       "no error that is published repeats the token or the key",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		s := signature(env, d)
		p := d.Packets(ctx, t)
		connect := d.ConnectPacket()
		connect.Password = []byte(s.Token())
		t.Given("the device is connected and subscribed", func() {
			t.Expect(p.Login(ctx, connect).ReturnCode).To(BeZero())
			t.Expect(p.Subscribe(ctx, devwire.ResponseFilter, 1)).To(BeNumerically("<=", 1))
		})
		p.Publish(devwire.RegisterTopic("1"), 1, []byte(`{"registrationId":`))
		answer := p.Answer(ctx)
		t.Given("the request is refused", func() {
			t.Expect(answer.TopicName).To(HavePrefix("$dps/registrations/res/4"))
		})
		secretless(t, answer.TopicName+string(answer.Payload), s)
	},
}, {
	Requirement: "DPS-SAS-019",
	Title:       "a refused token is answered with 401 and errorCode 401xxx",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		t.Given("the device is accepted with its own key", func() { t.Expect(d.Try(ctx, t)).To(harness.BeAccepted()) })
		wrong, expired := signature(env, d), signature(env, d)
		wrong.Key = harness.Key()
		expired.Expiry = env.Wire.Clock.Now().Add(-time.Hour)
		for _, token := range []string{wrong.Token(), expired.Token(), "SharedAccessSignature sr=x"} {
			refused := d.TryToken(ctx, t, token)
			t.Expect(refused.Err).NotTo(HaveOccurred())
			t.Expect(refused.Code).To(Equal(http.StatusUnauthorized))
			t.Expect(refused.Error.ErrorCode / 1000).To(Equal(401))
		}
	},
}, {
	Requirement: "DPS-SAS-020",
	Title:       "a refused token is answered with CONNACK 5 and the connection is closed",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		d.Session(ctx, t, 1)
		wrong, expired := signature(env, d), signature(env, d)
		wrong.Key = harness.Key()
		expired.Expiry = env.Wire.Clock.Now().Add(-time.Hour)
		for _, token := range []string{wrong.Token(), expired.Token(), "SharedAccessSignature sr=x"} {
			p := d.Packets(ctx, t)
			connect := d.ConnectPacket()
			connect.Password = []byte(token)
			t.Expect(p.Login(ctx, connect).ReturnCode).To(BeEquivalentTo(5))
			p.ExpectClosed(ctx)
		}
	},
}}

// secretless asserts that neither the signature nor the key of s stands in text.
func secretless(t *harness.T, text string, s devwire.SAS) {
	signed := s
	signed.Order = []string{"sig"}
	_, escaped, _ := strings.Cut(signed.Token(), "sig=")
	sig, err := url.QueryUnescape(escaped)
	t.Must(err, "read the signature")
	for _, secret := range []string{escaped, sig, base64.StdEncoding.EncodeToString(s.Key)} {
		t.Expect(strings.Contains(text, secret)).To(BeFalse(), "the error repeats a credential")
	}
}
