package https

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// operationChecks follow an operation from the register request to its end.
var operationChecks = []harness.Check{{
	Requirement: "DPS-HTTPS-001",
	Title:       "a register request is answered with 202",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		t.Expect(register(ctx, t, device(ctx, env, t)).Status).To(Equal(http.StatusAccepted))
	},
}, {
	Requirement: "DPS-HTTPS-002",
	Title:       "a register request is answered with status assigning and an operationId",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		t.Expect(document(t, register(ctx, t, device(ctx, env, t)))).To(And(
			HaveKeyWithValue("status", "assigning"),
			HaveKeyWithValue("operationId", And(BeAssignableToTypeOf(""), Not(BeEmpty()))),
		))
	},
}, {
	Requirement: "DPS-HTTPS-003",
	Title:       "neither register nor poll is answered with unassigned",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := device(ctx, env, t)
		first := register(ctx, t, d)
		t.Expect(string(first.Body)).NotTo(ContainSubstring(`"unassigned"`))
		id, _ := document(t, first)["operationId"].(string)
		t.Expect(string(poll(ctx, t, d, id).Body)).NotTo(ContainSubstring(`"unassigned"`))
		t.Expect(string(settled(ctx, env, t, d, id).Body)).NotTo(ContainSubstring(`"unassigned"`))
	},
}, {
	Requirement: "DPS-HTTPS-004",
	Title:       "a poll of a registration that has ended is answered with 200",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		t.Expect(ended(ctx, env, t, device(ctx, env, t)).Status).To(Equal(http.StatusOK))
	},
}, {
	Requirement: "DPS-HTTPS-004",
	Title:       "polls are answered with 202 while the hub cannot be reached, and with 200 once the service gives up",
	Transports:  harness.Over(dps.HTTPS),
	Needs:       []harness.Need{harness.NeedControl},
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t, withLostHub(ctx, env, t)).SymmetricKeyDevice(ctx, t)
		id := registered(ctx, t, d)
		assigning := poll(ctx, t, d, id)
		t.Given("the service still tries to reach the hub", func() {
			t.Expect(document(t, assigning)).To(HaveKeyWithValue("status", "assigning"))
		})
		t.Expect(assigning.Status).To(Equal(http.StatusAccepted))
		t.Eventually(ctx, func() int {
			d.Service.Advance(ctx, t, 5*time.Second)
			return poll(ctx, t, d, id).Status
		}).Should(Equal(http.StatusOK))
	},
}, {
	Requirement: "DPS-HTTPS-008",
	Title:       "an answer that is assigning tells in whole seconds when to poll",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		answer := register(ctx, t, device(ctx, env, t))
		t.Given("the device is assigning", func() {
			t.Expect(document(t, answer)).To(HaveKeyWithValue("status", "assigning"))
		})
		t.Expect(answer.Header.Get("Retry-After")).To(MatchRegexp(`^[0-9]+$`))
	},
}, {
	Requirement: "DPS-HTTPS-008",
	Title:       "Retry-After is what the service was told to ask for",
	Transports:  harness.Over(dps.HTTPS),
	Needs:       []harness.Need{harness.NeedControl},
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		answer := register(ctx, t, env.Service(ctx, t, harness.WithRetryAfter(7)).SymmetricKeyDevice(ctx, t))
		t.Expect(answer.Header.Get("Retry-After")).To(Equal("7"))
	},
}, {
	Requirement: "DPS-HTTPS-009",
	Title:       "the answer that ends a registration has no Retry-After",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		t.Expect(ended(ctx, env, t, device(ctx, env, t)).Header).NotTo(HaveKey("Retry-After"))
	},
}, {
	Requirement: "DPS-HTTPS-034",
	Title:       "an operationId fits unescaped into a URL path and an MQTT topic",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		// What RFC 3986 lets stand in a path segment, without what parts a topic or a query.
		t.Expect(document(t, register(ctx, t, device(ctx, env, t)))).
			To(HaveKeyWithValue("operationId", MatchRegexp(`^[A-Za-z0-9._~:@!'()*,;-]{1,128}$`)))
	},
}, {
	Requirement: "DPS-HTTPS-035",
	Title:       "no operationId is given twice",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		group := env.Service(ctx, t).SymmetricKeyGroup(ctx, t)
		given := map[any]string{}
		give := func(d *harness.Device) string {
			id, _ := document(t, register(ctx, t, d))["operationId"].(string)
			t.Expect(id).NotTo(BeEmpty())
			t.Expect(given).NotTo(HaveKey(id), "%s gets the operation of %s", d.RegistrationID, given[id])
			given[id] = d.RegistrationID
			return id
		}
		for range 4 {
			give(group.Device(t))
		}
		twice := group.Device(t)
		settled(ctx, env, t, twice, give(twice))
		give(twice)
	},
}, {
	Requirement: "DPS-HTTPS-044",
	Title:       "a device that is assigned already begins anew with 202 and assigning",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := device(ctx, env, t)
		d.Assigned(ctx, t)
		again := register(ctx, t, d)
		t.Expect(again.Status).To(Equal(http.StatusAccepted))
		t.Expect(document(t, again)).To(HaveKeyWithValue("status", "assigning"))
	},
}}

// withLostHub links a hub by a connection string that names a host which is not there.
func withLostHub(ctx context.Context, env *harness.Env, t *harness.T) harness.ServiceOption {
	hub := env.Hub(ctx, t)
	return harness.WithLink(hub, strings.Replace(hub.ConnectionString, hub.Host, "lost-"+hub.Host, 1))
}
