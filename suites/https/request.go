package https

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// requestChecks send requests in every spelling that a shipping SDK has.
var requestChecks = []harness.Check{{
	Requirement: "DPS-HTTPS-012",
	Title:       "path segments are taken plain and percent-encoded in either hex case",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		service := env.Service(ctx, t)
		for _, spelling := range []string{"", "%%%02X", "%%%02x"} {
			d := service.SymmetricKeyDevice(ctx, t, harness.Members{"registrationId": t.Name() + ":a.b_c"})
			base := "/" + spelt(d.Scope, spelling) + "/registrations/" + spelt(d.RegistrationID, spelling)
			answer := d.Do(ctx, t, devwire.HTTPRequest{
				Method: http.MethodPut, Path: base + "/register?api-version=2019-03-31", Body: body(t, d),
			})
			taken(t, answer, "register at %s", base)
			id, _ := document(t, answer)["operationId"].(string)
			polled := d.Do(ctx, t, devwire.HTTPRequest{
				Method: http.MethodGet, Path: base + "/operations/" + spelt(id, spelling) + "?api-version=2019-03-31",
			})
			taken(t, polled, "poll at %s", base)
		}
	},
}, {
	Requirement: "DPS-HTTPS-013",
	Title:       "a device that spells its registration id in upper case has its enrollment",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := device(ctx, env, t)
		d.Assigned(ctx, t)
		upper := d.With(func(id *devwire.Identity) { id.RegistrationID = strings.ToUpper(id.RegistrationID) })
		taken(t, register(ctx, t, upper))
	},
}, {
	Requirement: "DPS-HTTPS-014",
	Title:       "a poll with the body {} is answered",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := device(ctx, env, t)
		id := registered(ctx, t, d)
		t.Given("a poll without a body is answered", func() { taken(t, poll(ctx, t, d, id)) })
		answer := d.Do(ctx, t, devwire.HTTPRequest{Method: http.MethodGet, Path: devwire.PollPath(d.Identity, id), Body: []byte("{}")})
		taken(t, answer)
		t.Expect(document(t, answer)).To(HaveKeyWithValue("operationId", id))
	},
}, {
	Requirement: "DPS-HTTPS-015",
	Title:       "a register request with Content-Encoding: utf-8 is taken",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := device(ctx, env, t)
		taken(t, d.Do(ctx, t, devwire.HTTPRequest{
			Method: http.MethodPut, Path: devwire.RegisterPath(d.Identity), Header: http.Header{"Content-Encoding": {"utf-8"}}, Body: body(t, d),
		}))
	},
}, {
	Requirement: "DPS-HTTPS-016",
	Title:       "a register body without registrationId is taken",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		group := env.Service(ctx, t).SymmetricKeyGroup(ctx, t)
		for _, text := range []string{`{}`, `{"payload":{"modelId":"dtmi:demo:thing;1"}}`} {
			taken(t, group.Device(t).Put(ctx, t, text), "body %s", text)
		}
	},
}, {
	Requirement: "DPS-HTTPS-017",
	Title:       "a payload of any JSON type is taken",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		group := env.Service(ctx, t).SymmetricKeyGroup(ctx, t)
		for _, payload := range []string{`{"a":1}`, `"{\"modelId\":\"x\"}"`, `null`, `[1,2]`, `7.5`, `true`} {
			d := group.Device(t)
			taken(t, d.Put(ctx, t, fmt.Sprintf(`{"registrationId":%q,"payload":%s}`, d.RegistrationID, payload)), "payload %s", payload)
		}
	},
}, {
	Requirement: "DPS-HTTPS-042",
	Title:       "header names are read in any letter case, and Host with a port",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		group := env.Service(ctx, t).SymmetricKeyGroup(ctx, t)
		for _, spell := range []func(string) string{strings.ToLower, strings.ToUpper} {
			d := group.Device(t)
			client := env.Wire.HTTP(d.Service.Device, devwire.DialOptions{})
			t.Cleanup(func(context.Context) { client.Close() })
			answer, err := client.Do(ctx, devwire.HTTPRequest{
				Method: http.MethodPut, Path: devwire.RegisterPath(d.Identity), Body: body(t, d),
				Header: http.Header{
					spell("authorization"): {d.Token(env.Wire.Clock.Now())}, spell("content-type"): {"application/json; charset=utf-8"},
					"Host": {fmt.Sprintf("%s:%d", d.Service.Device.Host, d.Service.Device.HTTPSPort)},
				},
			})
			t.Answered(err, "register")
			taken(t, answer, "the header name %s", spell("authorization"))
		}
	},
}, {
	Requirement: "DPS-HTTPS-043",
	Title:       "a register request with forceRegistration is taken",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		group := env.Service(ctx, t).SymmetricKeyGroup(ctx, t)
		for _, value := range []string{"true", "false"} {
			d := group.Device(t)
			path := devwire.RegisterPath(d.Identity) + "&forceRegistration=" + value
			taken(t, d.Do(ctx, t, devwire.HTTPRequest{Method: http.MethodPut, Path: path, Body: body(t, d)}), "forceRegistration=%s", value)
		}
	},
}}

// spelt writes every byte of s in the format; "" leaves s as it is.
func spelt(s, format string) string {
	if format == "" {
		return s
	}
	var b strings.Builder
	for _, c := range []byte(s) {
		fmt.Fprintf(&b, format, c)
	}
	return b.String()
}
