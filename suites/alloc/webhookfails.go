package alloc

import (
	"context"
	"fmt"
	"net/http"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// webhookFailures are about webhooks that choose no hub.
var webhookFailures = []harness.Check{
	custom("DPS-ALLOC-037", "a webhook that answers 400, 404 or 500 fails the registration with its status", func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := several(ctx, env, t, 1)
		for _, status := range []int{http.StatusBadRequest, http.StatusNotFound, http.StatusInternalServerError} {
			device, _ := turning(ctx, t, s, harness.Answering(status, harness.Members{"iotHubHostName": s.Hubs[0].Host}))
			answer := device.Provision(ctx, t)
			failsBy(t, answer)
			t.Expect(answer.State.ErrorMessage).To(Equal(fmt.Sprintf("Custom allocation failed with status code: %d", status)))
		}
	}),
	custom("DPS-ALLOC-038", "a webhook that names a hub outside the list fails the registration", func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := several(ctx, env, t, 2)
		listed := harness.Members{"iotHubs": []string{s.Hubs[0].Host}}
		for _, foreign := range []harness.WebhookAnswer{
			naming(last(s)), // linked, and not on the enrollment's list
			harness.Answering(http.StatusOK, harness.Members{"iotHubHostName": "foreign.azure-devices.net"}),
		} {
			device, _ := turning(ctx, t, s, foreign, listed)
			failsBy(t, device.Provision(ctx, t))
			t.Expect(last(s).Get(ctx, t, harness.IdentityPath(device.RegistrationID)).Status).To(Equal(http.StatusNotFound))
		}
	}),
	custom("DPS-ALLOC-038", "a webhook that answers garbage fails the registration", func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := several(ctx, env, t, 1)
		for _, garbage := range []any{"not an object", harness.Members{}, harness.Members{"iotHubHostName": 5}} {
			device, _ := turning(ctx, t, s, harness.Answering(http.StatusOK, garbage))
			failsBy(t, device.Provision(ctx, t))
		}
	}),
	custom("DPS-ALLOC-039", "a webhook that hangs fails the registration in time", func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := several(ctx, env, t, 1)
		device, hook := turning(ctx, t, s, harness.Hanging())
		failsWithinPatience(ctx, env, t, device, hook)
	}),
	custom("DPS-ALLOC-039", "a webhook that redirects fails the registration, and nobody follows", func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := several(ctx, env, t, 1)
		elsewhere := t.Webhook(naming(s.Hubs[0]))
		device, _ := turning(ctx, t, s, func(w http.ResponseWriter, r *http.Request, _ harness.WebhookCall) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		})
		failsBy(t, device.Provision(ctx, t))
		t.Expect(elsewhere.Calls()).To(BeEmpty())
	}),
	custom("DPS-ALLOC-039", "a webhook that breaks off fails the registration", func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := several(ctx, env, t, 1)
		device, _ := turning(ctx, t, s, func(http.ResponseWriter, *http.Request, harness.WebhookCall) { panic(http.ErrAbortHandler) })
		failsBy(t, device.Provision(ctx, t))
	}),
	custom("DPS-ALLOC-039", "a webhook that cannot be reached fails the registration", func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := several(ctx, env, t, 1)
		device, _ := turning(ctx, t, s, harness.Hanging())
		nobody := harness.Members{"webhookUrl": "http://127.0.0.1:1/", "apiVersion": "2021-10-01"} // a port that nobody listens on
		change(ctx, t, s, device.Record, harness.Members{"allocationPolicy": "custom", "customAllocationDefinition": nobody})
		failsBy(t, device.Provision(ctx, t))
	}),
	custom("DPS-ALLOC-040", "other devices do not wait for a webhook that hangs", func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := several(ctx, env, t, 1)
		unlucky, hook := turning(ctx, t, s, harness.Hanging())
		others := devicesOf(t, s.SymmetricKeyGroup(ctx, t, t.Webhook(naming(s.Hubs[0])).Allocation()), 3)
		conn := unlucky.Connect(ctx, t)
		waiting, err := conn.Register(ctx, nil)
		t.Answered(err, "register")
		t.Eventually(ctx, func() int { return len(hook.Calls()) }, env.Timeouts.Answer).Should(Equal(1), "calls of the webhook")
		t.Expect(hubsOf(ctx, env, t, others)).To(HaveEach(s.Hubs[0].Host))
		polled, err := conn.Poll(ctx, waiting.OperationID)
		t.Answered(err, "poll")
		t.Expect(polled.Status).To(Equal(dps.StatusAssigning), "the others took as long as the device whose webhook hangs")
		s.Advance(ctx, t, patience) // or the service's end waits for the unlucky one
	}),
}
