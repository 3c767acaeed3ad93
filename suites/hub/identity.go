package hub

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// put writes a new identity without saying more of it than its id and these members.
func put(ctx context.Context, t *harness.T, h *harness.Hub, id string, members harness.Members) devwire.HTTPResponse {
	record := harness.Members{"deviceId": id}
	for name, value := range members {
		record[name] = value
	}
	return h.Put(ctx, t, harness.IdentityPath(id), record)
}

// identityChecks are about the requests of an identity registry.
var identityChecks = []harness.Check{{
	Requirement: "DPS-HUB-041",
	Title:       "a new identity is answered with 200 and itself, an existing one without If-Match with 409",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		h, id := env.Hub(ctx, t), t.Name()
		made := put(ctx, t, h, id, nil)
		t.Expect(made.Status).To(Equal(200))
		t.Expect(document(t, made)).To(HaveKeyWithValue("deviceId", id))
		t.Expect(put(ctx, t, h, id, nil).Status).To(Equal(409))
	},
}, {
	Requirement: "DPS-HUB-042",
	Title:       "an update is taken with If-Match *, quoted or not, and with the etag, quoted or not; with an outdated one it is 412",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		h := env.Hub(ctx, t)
		d := h.Device(ctx, t)
		record, path := d.Record, harness.IdentityPath(d.DeviceID)
		first, _ := record["etag"].(string)
		etag := first
		for _, spell := range []func(etag string) string{
			func(string) string { return `*` },
			func(string) string { return `"*"` },
			func(etag string) string { return etag },
			func(etag string) string { return `"` + etag + `"` },
		} {
			record["statusReason"] = "If-Match: " + spell(etag)
			answer := h.Put(ctx, t, path, record, spell(etag))
			t.Expect(answer.Status).To(Equal(200), "update with If-Match: %s", spell(etag))
			etag, _ = document(t, answer)["etag"].(string)
		}
		t.Expect(h.Put(ctx, t, path, record, `"`+first+`"`).Status).To(Equal(412), "update with the etag of the first version")
	},
}, {
	Requirement: "DPS-HUB-043",
	Title:       "an identity is answered with 200, an unknown one with 404",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		h := env.Hub(ctx, t)
		d := h.Device(ctx, t)
		known := h.Get(ctx, t, harness.IdentityPath(d.DeviceID))
		t.Expect(known.Status).To(Equal(200))
		t.Expect(document(t, known)).To(HaveKeyWithValue("deviceId", d.DeviceID))
		t.Expect(h.Get(ctx, t, harness.IdentityPath(t.Name())).Status).To(Equal(404))
	},
}, {
	Requirement: "DPS-HUB-044",
	Title:       "all identities are answered with 200 and an array",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		h := env.Hub(ctx, t)
		d, another := h.Device(ctx, t), h.Device(ctx, t)
		answer := h.Do(ctx, t, devwire.ServiceRequest{Method: http.MethodGet, Path: "/devices/", Query: url.Values{"top": {"1000"}}})
		t.Expect(answer.Status).To(Equal(200))
		list, err := answer.List()
		t.Answered(err, "read the array of identities")
		t.Expect(list).To(ContainElements(HaveKeyWithValue("deviceId", d.DeviceID), HaveKeyWithValue("deviceId", another.DeviceID)))
	},
}, {
	Requirement: "DPS-HUB-045",
	Title:       "the deletion of an identity is answered with 204",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		h := env.Hub(ctx, t)
		path := harness.IdentityPath(h.Device(ctx, t).DeviceID)
		gone := h.Delete(ctx, t, path, "*")
		t.Expect(gone.Status).To(Equal(204))
		t.Expect(gone.Body).To(BeEmpty())
		t.Expect(h.Get(ctx, t, path).Status).To(Equal(404))
	},
}}

// recordChecks are about what an identity holds.
var recordChecks = []harness.Check{{
	Requirement: "DPS-HUB-047",
	Title:       "an identity holds deviceId, generationId, etag, status, authentication and capabilities",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		h := env.Hub(ctx, t)
		d := h.Device(ctx, t)
		for _, record := range []harness.Members{d.Record, document(t, h.Get(ctx, t, harness.IdentityPath(d.DeviceID)))} {
			t.Expect(record).To(And(
				HaveKeyWithValue("deviceId", d.DeviceID),
				HaveKeyWithValue("generationId", Not(BeEmpty())),
				HaveKeyWithValue("etag", Not(BeEmpty())),
				HaveKeyWithValue("status", "enabled"),
				HaveKeyWithValue("authentication", And(HaveKeyWithValue("type", "sas"), HaveKey("symmetricKey"))),
				HaveKeyWithValue("capabilities", HaveKeyWithValue("iotEdge", false)),
			))
		}
	},
}, {
	Requirement: "DPS-HUB-048",
	Title:       "an identity without keys, or with empty ones, gets two",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		h := env.Hub(ctx, t)
		for _, authentication := range []harness.Members{
			{"type": "sas"},
			{"type": "sas", "symmetricKey": harness.Members{"primaryKey": "", "secondaryKey": ""}},
		} {
			made := document(t, put(ctx, t, h, t.Name(), harness.Members{"authentication": authentication}))
			keys, _ := member(made, "authentication", "symmetricKey").(map[string]any)
			const base64 = `^[A-Za-z0-9+/]{22,}={0,2}$`
			t.Expect(keys).To(And(
				HaveKeyWithValue("primaryKey", MatchRegexp(base64)), HaveKeyWithValue("secondaryKey", MatchRegexp(base64)),
			), "keys of %v", made["deviceId"])
			t.Expect(keys["primaryKey"]).NotTo(Equal(keys["secondaryKey"]))
		}
	},
}, {
	Requirement: "DPS-HUB-049",
	Title:       "device ids that differ in letter case are two devices",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		h, lower := env.Hub(ctx, t), t.Name()
		upper := strings.ToUpper(lower)
		for id, reason := range map[string]string{lower: "in lower case", upper: "in upper case"} {
			t.Expect(put(ctx, t, h, id, harness.Members{"statusReason": reason}).Status).To(Equal(200), "PUT of %s", id)
		}
		t.Expect(document(t, h.Get(ctx, t, harness.IdentityPath(lower)))).To(HaveKeyWithValue("statusReason", "in lower case"))
		t.Expect(document(t, h.Get(ctx, t, harness.IdentityPath(upper)))).To(HaveKeyWithValue("statusReason", "in upper case"))
	},
}}
