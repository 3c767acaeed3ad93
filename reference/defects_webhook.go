package reference

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/provisioning"
	"github.com/dpslab/dpslab/reference/registration"
)

func onWebhookCall(change func(*provisioning.WebhookCall)) func(point.Args) ([]point.Plan, error) {
	return point.Always(provisioning.WebhookAsking.Plan(func(_ point.Call, c *provisioning.WebhookCall) { change(c) }))
}

func onWebhookAnswer(change func(*provisioning.WebhookAnswer)) func(point.Args) ([]point.Plan, error) {
	return point.Always(provisioning.WebhookAnswered.Plan(func(_ point.Call, a *provisioning.WebhookAnswer) { change(a) }))
}

// webhookDefects are webhooks of the custom allocation that are asked or heard wrongly.
var webhookDefects = point.Catalogue{{
	ID: "webhook-not-asked", Summary: "assigns devices of the policy custom to the first hub",
	Catches: []string{"DPS-ALLOC-034", "DPS-ALLOC-035", "DPS-ALLOC-037", "DPS-ALLOC-042"},
	Build:   onWebhookCall(func(c *provisioning.WebhookCall) { c.Skip = true }),
}, {
	ID: "webhook-not-asked-again", Summary: "asks no webhook for a device that has a hub",
	Catches: []string{"DPS-ALLOC-042"},
	Build:   onWebhookCall(func(c *provisioning.WebhookCall) { c.Skip = c.Question.Current.Hub != "" }),
}, {
	ID: "webhook-without-payload", Summary: "keeps the payload of the device from the webhook",
	Catches: []string{"DPS-ALLOC-035"},
	Build:   onWebhookCall(func(c *provisioning.WebhookCall) { c.Question.Attested.Payload = nil }),
}, {
	ID: "webhook-without-current-hub", Summary: "does not tell the webhook where a device is",
	Catches: []string{"DPS-ALLOC-042"},
	Build:   onWebhookCall(func(c *provisioning.WebhookCall) { c.Question.Current = registration.Record{} }),
}, {
	ID: "webhook-waited-for", Summary: "waits for a webhook as long as it takes",
	Catches: []string{"DPS-ALLOC-039", "DPS-ALLOC-062"},
	Build:   onWebhookCall(func(c *provisioning.WebhookCall) { c.Patience = time.Hour }),
}, {
	ID: "webhook-redirected", Summary: "follows the redirects of a webhook",
	Catches: []string{"DPS-ALLOC-039"},
	Build:   onWebhookCall(func(c *provisioning.WebhookCall) { c.Question.Redirects = true }),
}, {
	ID: "webhook-payload-dropped", Summary: "keeps the payload of the webhook from the device",
	Catches: []string{"DPS-ALLOC-036"},
	Build:   onWebhookAnswer(func(a *provisioning.WebhookAnswer) { a.Advice.Payload = nil }),
}, {
	ID: "webhook-twin-dropped", Summary: "does not write the initial twin of the webhook",
	Catches: []string{"DPS-ALLOC-041"},
	Build:   onWebhookAnswer(func(a *provisioning.WebhookAnswer) { a.Advice.Twin = nil }),
}, {
	ID: "webhook-status-unnamed", Summary: "does not name the status of a webhook that failed",
	Catches: []string{"DPS-ALLOC-037"},
	Build: onWebhookAnswer(func(a *provisioning.WebhookAnswer) {
		if status := provisioning.WebhookStatus(0); errors.As(a.Err, &status) {
			a.Err = provisioning.ErrWebhookAnswer
		}
	}),
}, {
	ID: "webhook-failure-ignored", Summary: "assigns devices to the first hub whose webhook failed",
	Catches: []string{"DPS-ALLOC-037", "DPS-ALLOC-038", "DPS-ALLOC-039"},
	Build: onWebhookAnswer(func(a *provisioning.WebhookAnswer) {
		if a.Err != nil {
			a.Err, a.Foreign, a.Advice.Host = nil, false, a.Question.Hubs[0]
		}
	}),
}, {
	ID: "webhook-any-linked-hub", Summary: "takes from the webhook hubs that the enrollment does not list",
	Catches: []string{"DPS-ALLOC-038"},
	Build:   onWebhookAnswer(func(a *provisioning.WebhookAnswer) { a.Foreign = false }),
}, {
	ID: "webhooks-given-up", Summary: "asks no webhook any more after one has failed",
	Catches: []string{"DPS-ALLOC-061"},
	Build: func(point.Args) ([]point.Plan, error) {
		var failed atomic.Bool
		return []point.Plan{
			provisioning.WebhookAsking.Plan(func(_ point.Call, c *provisioning.WebhookCall) { c.Skip = failed.Load() }),
			provisioning.WebhookAnswered.Plan(func(_ point.Call, a *provisioning.WebhookAnswer) {
				if a.Err != nil || a.Foreign {
					failed.Store(true)
				}
			}),
		}, nil
	},
}, {
	ID: "webhooks-one-by-one", Summary: "asks one webhook after the other",
	Catches: []string{"DPS-ALLOC-040", "DPS-ALLOC-060"},
	Build: func(point.Args) ([]point.Plan, error) {
		var one sync.Mutex
		return []point.Plan{
			provisioning.WebhookAsking.Plan(func(point.Call, *provisioning.WebhookCall) { one.Lock() }),
			provisioning.WebhookAnswered.Plan(func(point.Call, *provisioning.WebhookAnswer) { one.Unlock() }),
		}, nil
	},
}}
