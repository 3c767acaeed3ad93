package alloc

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// customFailed is the error code of a custom allocation that failed (service-api.md 6).
const customFailed = 400207

// custom is a check with a webhook on this machine.
func custom(requirement, title string, run func(ctx context.Context, env *harness.Env, t *harness.T)) harness.Check {
	return harness.Check{Requirement: requirement, Title: title, Needs: []harness.Need{harness.NeedLoopback}, Run: run}
}

// naming is a webhook's answer with a hub and other members.
func naming(h *harness.Hub, members ...harness.Members) harness.WebhookAnswer {
	body := harness.Members{"iotHubHostName": h.Host}
	for _, m := range members {
		for name, v := range m {
			body[name] = v
		}
	}
	return harness.Answering(http.StatusOK, body)
}

// webhookChecks are about the policy custom.
var webhookChecks = []harness.Check{
	custom("DPS-ALLOC-034", "a device of the policy custom is assigned to the hub that the webhook names", func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := several(ctx, env, t, manyHubs)
		group := s.SymmetricKeyGroup(ctx, t, t.Webhook(naming(last(s))).Allocation())
		t.Expect(hubsOf(ctx, env, t, devicesOf(t, group, severalDevices))).To(HaveEach(last(s).Host))
	}),
	custom("DPS-ALLOC-035", "the webhook is asked with the enrollment, the device and the hubs", func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := several(ctx, env, t, 2)
		hook := t.Webhook(naming(last(s)))
		device := s.SymmetricKeyDevice(ctx, t, hook.Allocation())
		device.Provision(ctx, t, json.RawMessage(`{"model":"X1"}`))
		t.Expect(hook.Calls()).To(HaveLen(1))
		call := hook.Calls()[0]
		t.Expect(call.Method).To(Equal(http.MethodPost))
		t.Expect(call.Target).To(Equal("/api/allocate?code=function-key"))
		t.Expect(call.ContentType).To(HavePrefix("application/json"))
		t.Expect(call.Body["linkedHubs"]).To(ConsistOf(s.Hubs[0].Host, s.Hubs[1].Host))
		t.Expect(call.Body).NotTo(HaveKey("enrollmentGroup"))
		t.Expect(inside(call.Body, "individualEnrollment", "registrationId")).To(Equal(device.RegistrationID))
		t.Expect(inside(call.Body, "individualEnrollment", "attestation")).To(Equal(harness.Members{"type": "symmetricKey"}), "no key")
		t.Expect(inside(call.Body, "individualEnrollment", "capabilities", "iotEdge")).To(BeEquivalentTo(false))
		t.Expect(inside(call.Body, "individualEnrollment", "etag")).To(HavePrefix(`"`))
		t.Expect(inside(call.Body, "deviceRuntimeContext")).To(Equal(harness.Members{
			"registrationId": device.RegistrationID, "symmetricKey": harness.Members{}, "payload": harness.Members{"model": "X1"},
		}))
	}),
	custom("DPS-ALLOC-035", "the webhook of a group is asked with the group and the device's certificate", func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := several(ctx, env, t, 1)
		hook := t.Webhook(naming(last(s)))
		group := s.X509Group(ctx, t, hook.Allocation())
		group.Device(t).Provision(ctx, t)
		t.Expect(hook.Calls()).To(HaveLen(1))
		call := hook.Calls()[0]
		t.Expect(call.Body).NotTo(HaveKey("individualEnrollment"))
		t.Expect(inside(call.Body, "enrollmentGroup", "enrollmentGroupId")).To(Equal(group.ID))
		t.Expect(inside(call.Body, "deviceRuntimeContext", "x509")).NotTo(BeNil())
	}),
	custom("DPS-ALLOC-036", "the device gets the payload of the webhook", func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := several(ctx, env, t, 1)
		hook := t.Webhook(naming(last(s), harness.Members{"payload": harness.Members{"level": 7}}))
		answer := s.SymmetricKeyDevice(ctx, t, hook.Allocation()).Assigned(ctx, t)
		t.Expect(answer.State.Payload).To(MatchJSON(`{"level":7}`))
	}),
	custom("DPS-ALLOC-041", "the identity begins with the initial twin of the webhook", func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := several(ctx, env, t, 1)
		own := harness.Members{"initialTwin": harness.Members{"tags": harness.Members{"from": "enrollment"}}}
		theirs := harness.Members{"initialTwin": harness.Members{"tags": harness.Members{"from": "webhook"}}}
		for from, hook := range map[string]*harness.Webhook{"webhook": t.Webhook(naming(last(s), theirs)), "enrollment": t.Webhook(naming(last(s)))} {
			device := s.SymmetricKeyDevice(ctx, t, hook.Allocation(), own)
			device.Assigned(ctx, t)
			twin := object(t, last(s).Get(ctx, t, harness.TwinPath(device.RegistrationID)))
			t.Expect(inside(twin, "tags", "from")).To(Equal(from))
		}
	}),
	custom("DPS-ALLOC-042", "the webhook is asked also for a device that never changes its hub", func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := several(ctx, env, t, 2)
		first, second := t.Webhook(naming(s.Hubs[0])), t.Webhook(naming(last(s), harness.Members{"payload": harness.Members{"level": 8}}))
		never := harness.Members{"reprovisionPolicy": harness.Members{"updateHubAssignment": false, "migrateDeviceData": false}}
		device := s.SymmetricKeyDevice(ctx, t, first.Allocation(), never)
		device.Assigned(ctx, t)
		change(ctx, t, s, device.Record, second.Allocation())
		again := device.Provision(ctx, t)
		t.Expect(again.State).NotTo(BeNil(), "%s", again.Raw)
		t.Expect(again.State.AssignedHub).To(Equal(s.Hubs[0].Host))
		t.Expect(again.State.Payload).To(MatchJSON(`{"level":8}`))
		t.Expect(second.Calls()).To(HaveLen(1))
		body := second.Calls()[0].Body
		t.Expect(body["linkedHubs"]).To(ConsistOf(s.Hubs[0].Host))
		t.Expect(inside(body, "deviceRuntimeContext", "currentIotHubHostName")).To(Equal(s.Hubs[0].Host))
		t.Expect(inside(body, "deviceRuntimeContext", "currentDeviceId")).To(Equal(device.RegistrationID))
	}),
}

// turning is a webhook that names the hub once, and then answers otherwise: the positive
// twin of a check of failures is its first answer.
func turning(ctx context.Context, t *harness.T, s *harness.Service, then harness.WebhookAnswer, members ...harness.Members) (*harness.Device, *harness.Webhook) {
	sound, turned := t.Webhook(naming(s.Hubs[0])), t.Webhook(then)
	device := s.SymmetricKeyDevice(ctx, t, append(members, sound.Allocation())...)
	device.Assigned(ctx, t)
	change(ctx, t, s, device.Record, turned.Allocation())
	return device, turned
}

// failsBy asserts that the device's registration failed by its webhook.
func failsBy(t *harness.T, answer devwire.Answer) {
	t.Expect(answer.Status).To(Equal(dps.StatusFailed), "%s", answer.Raw)
	t.Expect(answer.State).To(HaveField("ErrorCode", customFailed))
	t.Expect(answer.State.ErrorMessage).NotTo(BeEmpty())
}

// failsWithinPatience asserts that the device's registration fails once the service's patience
// with a webhook that was called and does not end is over.
func failsWithinPatience(ctx context.Context, env *harness.Env, t *harness.T, device *harness.Device, hook *harness.Webhook) {
	conn := device.Connect(ctx, t)
	under, err := conn.Register(ctx, nil)
	t.Answered(err, "register")
	t.Eventually(ctx, func() int { return len(hook.Calls()) }, env.Timeouts.Answer).Should(Equal(1), "calls of the webhook")
	device.Service.Advance(ctx, t, patience)
	answer := under
	t.Eventually(ctx, func() (dps.Status, error) {
		var err error
		answer, err = conn.Poll(ctx, under.OperationID)
		return answer.Status, err
	}, env.Timeouts.Assign, pollEvery).ShouldNot(Equal(dps.StatusAssigning))
	failsBy(t, answer)
}
