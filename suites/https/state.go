package https

import (
	"context"
	"encoding/base64"
	"fmt"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// stateChecks look into the state of a registration that is assigned.
var stateChecks = []harness.Check{{
	Requirement: "DPS-HTTPS-005",
	Title:       "an assigned registration names its operation, registration, hub and device",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := device(ctx, env, t)
		id := registered(ctx, t, d)
		last := settled(ctx, env, t, d, id)
		t.Expect(document(t, last)).To(And(HaveKeyWithValue("status", "assigned"), HaveKeyWithValue("operationId", id)))
		t.Expect(state(t, last)).To(And(
			HaveKeyWithValue("registrationId", d.RegistrationID), HaveKeyWithValue("status", "assigned"),
			HaveKeyWithValue("assignedHub", Not(BeEmpty())), HaveKeyWithValue("deviceId", Not(BeEmpty())),
		))
	},
}, {
	Requirement: "DPS-HTTPS-006",
	Title:       "an assigned registration has assignedHub and deviceId, a disabled one neither or both",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		service := env.Service(ctx, t)
		together(t, state(t, ended(ctx, env, t, service.SymmetricKeyDevice(ctx, t))))
		together(t, document(t, ended(ctx, env, t, service.SymmetricKeyDevice(ctx, t, disabled)))["registrationState"])
	},
}, {
	Requirement: "DPS-HTTPS-006",
	Title:       "a failed registration has assignedHub and deviceId together or not at all",
	Transports:  harness.Over(dps.HTTPS),
	Needs:       []harness.Need{harness.NeedControl},
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t, harness.WithHubs()).SymmetricKeyDevice(ctx, t)
		together(t, document(t, ended(ctx, env, t, d))["registrationState"])
	},
}, {
	Requirement: "DPS-HTTPS-038",
	Title:       "the dates of a registration state are ISO 8601 and end in Z",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		date := MatchRegexp(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z$`)
		t.Expect(state(t, ended(ctx, env, t, device(ctx, env, t)))).To(And(
			HaveKeyWithValue("createdDateTimeUtc", date), HaveKeyWithValue("lastUpdatedDateTimeUtc", date),
		))
	},
}, {
	Requirement: "DPS-HTTPS-039",
	Title:       "the etag of a registration state is the base64 of a quoted string",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		text, _ := state(t, ended(ctx, env, t, device(ctx, env, t)))["etag"].(string)
		decoded, err := base64.StdEncoding.DecodeString(text)
		t.Expect(err).NotTo(HaveOccurred(), "etag %q", text)
		t.Expect(string(decoded)).To(MatchRegexp(`^"[^"]+"$`))
	},
}, {
	Requirement: "DPS-HTTPS-040",
	Title:       "the payload of a registration state is an object or is not there, whatever the device sent",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		group := env.Service(ctx, t).SymmetricKeyGroup(ctx, t)
		for _, sent := range []string{"", `,"payload":"text"`, `,"payload":[1]`, `,"payload":{"a":1}`} {
			d := group.Device(t)
			answer := d.Put(ctx, t, fmt.Sprintf(`{"registrationId":%q%s}`, d.RegistrationID, sent))
			id, _ := document(t, answer)["operationId"].(string)
			payload, given := state(t, settled(ctx, env, t, d, id))["payload"]
			t.Expect(!given || is[map[string]any](payload)).To(BeTrue(), "payload %v after register with %q", payload, sent)
		}
	},
}, {
	Requirement: "DPS-HTTPS-041",
	Title:       "a device that is assigned for the first time has the substatus initialAssignment",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		t.Expect(state(t, ended(ctx, env, t, device(ctx, env, t)))).To(HaveKeyWithValue("substatus", "initialAssignment"))
	},
}}

func is[T any](v any) bool { _, ok := v.(T); return ok }

var disabled = harness.Members{"provisioningStatus": "disabled"}

// together asserts that assignedHub and deviceId are both there or both absent. No state
// has neither.
func together(t *harness.T, state any) {
	members, _ := state.(map[string]any)
	_, hub := members["assignedHub"]
	_, id := members["deviceId"]
	t.Expect(hub).To(Equal(id), "assignedHub and deviceId in %v", members)
}
