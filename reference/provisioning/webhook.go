package provisioning

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/allocation"
	"github.com/dpslab/dpslab/reference/problem"
	"github.com/dpslab/dpslab/reference/registration"
)

// Webhooks asks an operator's function where a device goes (service-api.md 4.6). It ends
// with ctx, follows no redirect and asks once. A status that is no success is a
// WebhookStatus, an answer that is none an ErrWebhookAnswer.
type Webhooks interface {
	Ask(ctx context.Context, q Question) (Advice, error)
}

// Question is what a webhook is asked.
type Question struct {
	Attested  Attested
	Current   registration.Record // Hub and DeviceID are empty before the first assignment
	Hubs      []string            // host names that it may choose among
	Redirects bool                // a plan may let redirects be followed
}

// Advice is what a webhook answers.
type Advice struct {
	Host    string
	Twin    *Twin  // nil: the enrollment's initial twin
	Payload []byte // one JSON object for the device, or nil
}

// WebhookStatus is the HTTP status of a webhook that answered with no success.
type WebhookStatus int

func (s WebhookStatus) Error() string { return fmt.Sprintf("the webhook answered %d", int(s)) }

// ErrWebhookAnswer is wrapped by the error for an answer that is no allocation response.
var ErrWebhookAnswer = errors.New("the webhook's answer is no allocation response")

// WebhookAsking is passed before a webhook is asked.
var WebhookAsking = point.Define[WebhookCall]("provisioning.webhook-asking")

// WebhookCall is a call on its way to a webhook.
type WebhookCall struct {
	Question Question
	Patience time.Duration
	Skip     bool // a plan may keep it from being asked; the first hub is taken
}

// WebhookAnswered is passed when a webhook has answered, or has not in time.
var WebhookAnswered = point.Define[WebhookAnswer]("provisioning.webhook-answered")

// WebhookAnswer is what came of a call.
type WebhookAnswer struct {
	Question Question
	Advice   Advice
	Err      error // nil: Advice counts
	Foreign  bool  // the hub is none of the question's
}

// webhookPatience is how long a webhook may take; no document says (service-api.md 4.6, inferred).
const webhookPatience = 5 * time.Second

// allocate finds the hub for the device. An error is what the registration fails with.
func (s *Service) allocate(ctx context.Context, a Attested, linked links, before registration.Record) (Link, Advice, *problem.Error) {
	if s.effectivePolicy(a.Enrollment) == dps.PolicyCustom && a.Enrollment.Webhook != nil && s.o.Webhooks != nil {
		return s.consult(ctx, a, linked, before)
	}
	link, ok := s.choose(ctx, a, linked, before)
	if !ok { // [DPS-ALLOC-015] [DPS-ALLOC-059]
		return Link{}, Advice{}, noHub()
	}
	return link, Advice{}, nil
}

// consult asks the enrollment's webhook, also for a device that stays where it is: its
// payload may be another one. [DPS-ALLOC-042]
func (s *Service) consult(ctx context.Context, a Attested, linked links, before registration.Record) (Link, Advice, *problem.Error) {
	c := Choice{Policy: dps.PolicyCustom, Candidates: s.candidates(a.Enrollment, linked)}
	current, stays := linked.find(before.Hub)
	if stays = stays && keepsHub(a); stays {
		c.Candidates = []allocation.Candidate{{Host: current.Hub.Host(), Weight: current.Weight}}
	}
	if len(c.Candidates) == 0 {
		return Link{}, Advice{}, noHub()
	}
	for _, l := range linked {
		c.Linked = append(c.Linked, allocation.Candidate{Host: l.Hub.Host(), Weight: l.Weight})
	}
	call := WebhookCall{Question: Question{Attested: a, Current: before}, Patience: webhookPatience}
	for _, one := range c.Candidates {
		call.Question.Hubs = append(call.Question.Hubs, one.Host)
	}
	WebhookAsking.Hit(ctx, s.o.Points, a.At, &call)
	answer := WebhookAnswer{Question: call.Question, Advice: Advice{Host: call.Question.Hubs[0]}}
	if !call.Skip {
		asking, cancel := s.within(ctx, call.Patience)
		answer.Advice, answer.Err = s.o.Webhooks.Ask(asking, call.Question)
		cancel()
	}
	answer.Foreign = !stays && !slices.ContainsFunc(call.Question.Hubs, func(h string) bool { return strings.EqualFold(h, answer.Advice.Host) })
	WebhookAnswered.Hit(ctx, s.o.Points, a.At, &answer)
	if answer.Err != nil {
		s.o.Logger.WarnContext(ctx, "webhook failed", "service", s.o.Name, "registrationId", a.RegistrationID, "error", answer.Err)
		return Link{}, Advice{}, refusedByWebhook(answer.Err)
	}
	if answer.Foreign { // [DPS-ALLOC-038]
		return Link{}, Advice{}, customFailed("Custom allocation named an IoT hub that is not among the linked hubs.")
	}
	if c.Host = answer.Advice.Host; stays { // [DPS-ALLOC-034] else the webhook decides
		c.Host = current.Hub.Host()
	}
	Chosen.Hit(ctx, s.o.Points, a.At, &c)
	link, ok := linked.find(c.Host)
	if !ok {
		return Link{}, Advice{}, customFailed("Custom allocation named an IoT hub that is not linked.")
	}
	return link, answer.Advice, nil
}

// refusedByWebhook says how a registration fails whose webhook did. The message for a
// status is the service's own; the others are inferred.
func refusedByWebhook(err error) *problem.Error {
	var status WebhookStatus
	switch {
	case errors.As(err, &status): // [DPS-ALLOC-037]
		return customFailed(fmt.Sprintf("Custom allocation failed with status code: %d", int(status)))
	case errors.Is(err, ErrWebhookAnswer): // [DPS-ALLOC-038]
		return customFailed("Custom allocation failed: the answer is not an allocation response.")
	case errors.Is(err, context.Canceled): // [DPS-ALLOC-039]
		return customFailed("Custom allocation failed: no answer in time.")
	}
	return customFailed("Custom allocation failed: the webhook cannot be reached.")
}

func customFailed(message string) *problem.Error {
	return &problem.Error{Code: problem.CodeCustomAllocation, Message: message}
}

func noHub() *problem.Error {
	return &problem.Error{Code: problem.CodeHubNotSpecified, Message: "No IoT hub is available for this registration."}
}
