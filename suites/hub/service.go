package hub

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// ownerToken is a token of the hub's connection string, to be spelt otherwise.
func ownerToken(env *harness.Env, t *harness.T, h *harness.Hub) devwire.SAS {
	h.Operator(t)
	s := devwire.SAS{Resource: h.Host, Expiry: env.Wire.Clock.Now().Add(time.Hour)}
	for field := range strings.SplitSeq(h.ConnectionString, ";") {
		name, value, _ := strings.Cut(field, "=")
		switch name {
		case "SharedAccessKeyName":
			s.Policy = &value
		case "SharedAccessKey":
			var err error
			s.Key, err = base64.StdEncoding.DecodeString(value)
			t.Must(err, "read the key of the hub's connection string")
		}
	}
	return s
}

// refusals are requests to a hub that it refuses, each in another way.
func refusals(ctx context.Context, t *harness.T, h *harness.Hub) map[string]devwire.HTTPResponse {
	d := h.Device(ctx, t)
	path := harness.IdentityPath(d.DeviceID)
	return map[string]devwire.HTTPResponse{
		"an unknown identity":         h.Get(ctx, t, harness.IdentityPath(t.Name())),
		"an identity that exists":     h.Put(ctx, t, path, d.Record),
		"an outdated etag":            h.Put(ctx, t, path, d.Record, `"outdated"`),
		"the twin of no device":       h.Get(ctx, t, harness.TwinPath(t.Name())),
		"a method of no device":       h.Post(ctx, t, harness.TwinPath(t.Name())+"/methods", harness.Members{"methodName": "reboot"}),
		"a request without its token": h.Do(ctx, t, devwire.ServiceRequest{Method: http.MethodGet, Path: path, Token: new(string)}),
	}
}

// serviceChecks are about what is the same for every request of a service client.
var serviceChecks = []harness.Check{{
	Requirement: "DPS-HUB-001",
	Title:       "the hub that a device is assigned to has a name with a dot",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		assigned := env.Service(ctx, t).SymmetricKeyDevice(ctx, t).Assigned(ctx, t)
		t.Expect(assigned.State.AssignedHub).To(MatchRegexp(`^[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)+$`))
	},
}, {
	Requirement: "DPS-HUB-046",
	Title:       "the Message of an error begins with ErrorCode:{name};",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		for what, answer := range refusals(ctx, t, env.Hub(ctx, t)) {
			t.Expect(answer.Status).To(BeNumerically(">=", 400), what)
			t.Expect(document(t, answer)).To(HaveKeyWithValue("Message", MatchRegexp(`^ErrorCode:[A-Za-z]+;`)), what)
		}
	},
}, {
	Requirement: "DPS-HUB-055",
	Title:       "a request without a token, with an expired or a wrongly signed one is answered with 401",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		h := env.Hub(ctx, t)
		path := harness.IdentityPath(h.Device(ctx, t).DeviceID)
		get := func(token string) int {
			return h.Do(ctx, t, devwire.ServiceRequest{Method: http.MethodGet, Path: path, Token: &token}).Status
		}
		good := ownerToken(env, t, h)
		t.Given("a good token is accepted", func() { t.Expect(get(good.Token())).To(Equal(200)) })
		t.Expect(get("")).To(Equal(401), "without a token")
		expired, forged := good, good
		expired.Expiry = env.Wire.Clock.Now().Add(-time.Hour)
		t.Expect(get(expired.Token())).To(Equal(401), "with a token that expired an hour ago")
		forged.Key = harness.Key()
		t.Expect(get(forged.Token())).To(Equal(401), "with a token that is signed with another key")
	},
}, {
	Requirement: "DPS-HUB-056",
	Title:       "answers to service clients are application/json",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		h := env.Hub(ctx, t)
		d := h.Device(ctx, t)
		answers := refusals(ctx, t, h)
		answers["an identity"] = h.Get(ctx, t, harness.IdentityPath(d.DeviceID))
		answers["a new identity"] = put(ctx, t, h, t.Name(), nil)
		answers["all identities"] = h.Get(ctx, t, "/devices")
		answers["a twin"] = h.Get(ctx, t, harness.TwinPath(d.DeviceID))
		answers["a changed twin"] = h.Patch(ctx, t, harness.TwinPath(d.DeviceID), desired(harness.Members{"interval": 30}))
		for what, answer := range answers {
			t.Expect(answer.Header.Get("Content-Type")).To(HavePrefix("application/json"), "Content-Type of %s", what)
		}
	},
}}
