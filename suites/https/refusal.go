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

// refusalChecks send requests that have to be refused.
var refusalChecks = []harness.Check{{
	Requirement: "DPS-HTTPS-018",
	Title:       "a register body that is not JSON is answered with 400",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := device(ctx, env, t)
		registered(ctx, t, d)
		for _, text := range []string{`{"registrationId":`, `registrationId=x`, `{"payload":{}}}`} {
			t.Expect(d.Put(ctx, t, text).Status).To(Equal(http.StatusBadRequest), "body %s", text)
		}
	},
}, {
	Requirement: "DPS-HTTPS-048",
	Title:       "a register body that is JSON but for its encoding is answered with 400",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := device(ctx, env, t)
		t.Given("the same body is taken in UTF-8", func() { taken(t, d.Put(ctx, t, `{"payload":{"name":"Gerät"}}`)) })
		t.Expect(d.Put(ctx, t, "{\"payload\":{\"name\":\"Ger\xe4t\"}}").Status).To(Equal(http.StatusBadRequest), "in ISO 8859-1")
	},
}, {
	Requirement: "DPS-HTTPS-019",
	Title:       "a register body that names another device is answered with 400",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := device(ctx, env, t)
		registered(ctx, t, d)
		t.Expect(d.Put(ctx, t, fmt.Sprintf(`{"registrationId":%q}`, t.Name())).Status).To(Equal(http.StatusBadRequest))
	},
}, {
	Requirement: "DPS-HTTPS-024",
	Title:       "a device that names an unknown id scope is refused with 401 or 404",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := device(ctx, env, t)
		registered(ctx, t, d)
		lost := d.With(func(id *devwire.Identity) { id.Scope = "0ne00000000" })
		t.Expect(register(ctx, t, lost).Status).To(BeElementOf(http.StatusUnauthorized, http.StatusNotFound))
	},
}, {
	Requirement: "DPS-HTTPS-031",
	Title:       "a method that a path does not know is answered with 405",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := device(ctx, env, t)
		id := registered(ctx, t, d)
		for _, r := range []devwire.HTTPRequest{
			{Method: http.MethodGet, Path: devwire.RegisterPath(d.Identity)},
			{Method: http.MethodDelete, Path: devwire.RegisterPath(d.Identity)},
			{Method: http.MethodPut, Path: devwire.PollPath(d.Identity, id), Body: body(t, d)},
			{Method: http.MethodDelete, Path: devwire.PollPath(d.Identity, id)},
			{Method: http.MethodGet, Path: devwire.LookupPath(d.Identity)},
		} {
			t.Expect(d.Do(ctx, t, r).Status).To(Equal(http.StatusMethodNotAllowed), "%s %s", r.Method, r.Path)
		}
	},
}, {
	Requirement: "DPS-HTTPS-032",
	Title:       "a register body of another media type is answered with 415",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := device(ctx, env, t)
		registered(ctx, t, d)
		for _, media := range []string{"text/plain", "application/xml", "application/x-www-form-urlencoded"} {
			answer := d.Do(ctx, t, devwire.HTTPRequest{
				Method: http.MethodPut, Path: devwire.RegisterPath(d.Identity), Body: body(t, d), Header: http.Header{"Content-Type": {media}},
			})
			t.Expect(answer.Status).To(Equal(http.StatusUnsupportedMediaType), "Content-Type: %s", media)
		}
	},
}, {
	Requirement: "DPS-HTTPS-033",
	Title:       "a register body of more than 96 KB is refused with a client error",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		group := env.Service(ctx, t).SymmetricKeyGroup(ctx, t)
		filled := func(payload int) string { return `{"payload":{"fill":"` + strings.Repeat("x", payload) + `"}}` }
		t.Given("a body of 64 KB is taken", func() { taken(t, group.Device(t).Put(ctx, t, filled(64<<10))) })
		t.Expect(group.Device(t).Put(ctx, t, filled(96<<10)).Status).To(And(BeNumerically(">=", 400), BeNumerically("<", 500)))
	},
}}
