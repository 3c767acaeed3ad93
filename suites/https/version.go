package https

import (
	"context"
	"net/http"
	"strings"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// versionChecks are about api-version.
var versionChecks = []harness.Check{{
	Requirement: "DPS-HTTPS-020",
	Title:       "every api-version that a shipping SDK sends is taken by register and poll",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		group := env.Service(ctx, t).SymmetricKeyGroup(ctx, t)
		for _, version := range env.Versions(t, harness.APIVersions()...) {
			d := group.Device(t).With(func(id *devwire.Identity) { id.APIVersion = version })
			answer := register(ctx, t, d)
			taken(t, answer, "register with %s", version)
			id, _ := document(t, answer)["operationId"].(string)
			taken(t, poll(ctx, t, d, id), "poll with %s", version)
		}
	},
}, {
	Requirement: "DPS-HTTPS-021",
	Title:       "a missing or unknown api-version is answered with 400",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := device(ctx, env, t)
		id := registered(ctx, t, d)
		t.Given("a poll with a version is answered", func() { taken(t, poll(ctx, t, d, id)) })
		for _, r := range []devwire.HTTPRequest{
			{Method: http.MethodPut, Path: devwire.RegisterPath(d.Identity), Body: body(t, d)},
			{Method: http.MethodGet, Path: devwire.PollPath(d.Identity, id)},
			{Method: http.MethodPost, Path: devwire.LookupPath(d.Identity), Body: body(t, d)},
		} {
			path, _, _ := strings.Cut(r.Path, "?")
			for _, query := range []string{"", "?api-version=", "?api-version=1999-01-01", "?api-version=2019-03-31x"} {
				r.Path = path + query
				t.Expect(d.Do(ctx, t, r).Status).To(Equal(http.StatusBadRequest), "%s %s", r.Method, r.Path)
			}
		}
	},
}}
