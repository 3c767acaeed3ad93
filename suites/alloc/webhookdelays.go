package alloc

import (
	"context"
	"net/http"
	"sync"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// held is a webhook that says nothing until it is released, and then answers.
func held(then harness.WebhookAnswer) (answer harness.WebhookAnswer, release func()) {
	released := make(chan struct{})
	return func(w http.ResponseWriter, r *http.Request, call harness.WebhookCall) {
		select {
		case <-released:
			then(w, r, call)
		case <-r.Context().Done(): // its caller gave up
		}
	}, sync.OnceFunc(func() { close(released) })
}

// failing are webhooks that choose no hub, each in its own way.
func failing(s *harness.Service) map[string]harness.WebhookAnswer {
	return map[string]harness.WebhookAnswer{
		"answers 500":         harness.Answering(http.StatusInternalServerError, harness.Members{"iotHubHostName": s.Hubs[0].Host}),
		"answers garbage":     answeringText("<html>"),
		"names a foreign hub": harness.Answering(http.StatusOK, harness.Members{"iotHubHostName": "foreign.azure-devices.net"}),
		"redirects": func(w http.ResponseWriter, r *http.Request, _ harness.WebhookCall) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		},
		"breaks off": func(http.ResponseWriter, *http.Request, harness.WebhookCall) { panic(http.ErrAbortHandler) },
	}
}

// answeringText is a webhook's answer that is no JSON, whatever it says it is.
func answeringText(text string) harness.WebhookAnswer {
	return func(w http.ResponseWriter, _ *http.Request, _ harness.WebhookCall) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(text)) // a service that has gone reads nothing
	}
}

// webhookDelays are about devices beside one whose webhook chooses no hub.
var webhookDelays = []harness.Check{
	custom("DPS-ALLOC-060", "other devices do not wait for a webhook that takes its time to fail", func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := several(ctx, env, t, 1)
		sound := s.SymmetricKeyGroup(ctx, t, t.Webhook(naming(s.Hubs[0])).Allocation())
		for how, then := range failing(s) {
			answer, release := held(then)
			t.Cleanup(func(context.Context) { release() })
			unlucky, hook := turning(ctx, t, s, answer)
			conn := unlucky.Connect(ctx, t)
			under, err := conn.Register(ctx, nil)
			t.Answered(err, "register")
			t.Eventually(ctx, func() int { return len(hook.Calls()) }, env.Timeouts.Answer).Should(Equal(1), "calls of the webhook that "+how)
			t.Expect(hubsOf(ctx, env, t, devicesOf(t, sound, 3))).To(HaveEach(s.Hubs[0].Host))
			polled, err := conn.Poll(ctx, under.OperationID)
			t.Answered(err, "poll")
			t.Expect(polled.Status).To(Equal(dps.StatusAssigning), "the others took as long as the device whose webhook "+how)
			release()
			t.Eventually(ctx, func() (dps.Status, error) {
				polled, err = conn.Poll(ctx, under.OperationID)
				return polled.Status, err
			}, env.Timeouts.Answer, pollEvery).ShouldNot(Equal(dps.StatusAssigning), "when the webhook "+how)
			failsBy(t, polled)
		}
	}),
	custom("DPS-ALLOC-061", "the webhooks of other devices are asked as before after one has failed", func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := several(ctx, env, t, 1)
		hook := t.Webhook(naming(s.Hubs[0]))
		sound := s.SymmetricKeyGroup(ctx, t, hook.Allocation())
		asked := 0
		for how, then := range failing(s) {
			unlucky, _ := turning(ctx, t, s, then)
			failsBy(t, unlucky.Provision(ctx, t))
			t.Expect(hubsOf(ctx, env, t, devicesOf(t, sound, 3))).To(HaveEach(s.Hubs[0].Host), "after a webhook that "+how)
			asked += 3
			t.Expect(hook.Calls()).To(HaveLen(asked), "after a webhook that "+how)
		}
	}),
	custom("DPS-ALLOC-062", "a webhook that begins an answer and does not end it fails the registration in time", func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := several(ctx, env, t, 1)
		unlucky, hook := turning(ctx, t, s, func(w http.ResponseWriter, r *http.Request, _ harness.WebhookCall) {
			answeringText(`{"iotHubHostName":`)(w, r, harness.WebhookCall{})
			_ = http.NewResponseController(w).Flush() // a service that has gone reads nothing
			<-r.Context().Done()
		})
		failsWithinPatience(ctx, env, t, unlucky, hook)
	}),
}
