// Package webhook asks the functions that operators name in custom allocation definitions
// where devices go (service-api.md 4.6).
//
//  1. The request is a POST of an AllocationRequest to the URL as it was given: the
//     enrollment as a GET shows it, the device as it registers, and the hubs to choose among.
//  2. Status 200 to 299 carries an AllocationResponse. Any other status, a redirect
//     included, is an error that tells it.
//  3. One call is one request on a connection of its own, so that a function that hangs
//     holds up nobody else's. [DPS-ALLOC-040] [DPS-ALLOC-060] [DPS-ALLOC-061]
package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/dpslab/dpslab/reference/provisioning"
)

// maxAnswer bounds an answer in bytes: a twin and a payload, both smaller.
const maxAnswer = 256 << 10

// Caller calls webhooks. Its field is needed.
type Caller struct{ Record Renderer }

// Ask calls the webhook of the question's enrollment. Its errors name no part of the URL,
// which may carry a function key.
func (c Caller) Ask(ctx context.Context, q provisioning.Question) (provisioning.Advice, error) {
	body, err := c.request(q)
	if err != nil {
		return provisioning.Advice{}, fmt.Errorf("allocation request: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, q.Attested.Enrollment.Webhook.URL, bytes.NewReader(body))
	if err != nil {
		return provisioning.Advice{}, fmt.Errorf("%w: its webhookUrl is no URL", errUnreachable)
	}
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Close = true
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10}}
	if !q.Redirects { // [DPS-ALLOC-039]
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	answer, err := client.Do(r)
	if err != nil {
		return provisioning.Advice{}, cause(ctx)
	}
	defer answer.Body.Close()
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return provisioning.Advice{}, provisioning.WebhookStatus(answer.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1)) // [DPS-ALLOC-062] ends with ctx
	switch {
	case err != nil:
		return provisioning.Advice{}, cause(ctx)
	case len(text) > maxAnswer:
		return provisioning.Advice{}, fmt.Errorf("%w: it has more than %d bytes", provisioning.ErrWebhookAnswer, maxAnswer)
	}
	return read(text)
}

// cause tells a call that was ended from one that broke off by itself.
func cause(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errUnreachable
}

// read takes an AllocationResponse.
func read(text []byte) (provisioning.Advice, error) {
	var doc struct {
		Host string `json:"iotHubHostName"`
		Twin *struct {
			Tags       json.RawMessage `json:"tags"`
			Properties struct {
				Desired json.RawMessage `json:"desired"`
			} `json:"properties"`
		} `json:"initialTwin"`
		Payload json.RawMessage `json:"payload"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return provisioning.Advice{}, fmt.Errorf("%w: it is no JSON object with valid members", provisioning.ErrWebhookAnswer)
	}
	if doc.Host == "" {
		return provisioning.Advice{}, fmt.Errorf("%w: it has no iotHubHostName", provisioning.ErrWebhookAnswer)
	}
	advice := provisioning.Advice{Host: doc.Host}
	var err error
	if doc.Twin != nil {
		advice.Twin = &provisioning.Twin{}
		if advice.Twin.Tags, err = object("initialTwin.tags", doc.Twin.Tags); err != nil {
			return provisioning.Advice{}, err
		}
		if advice.Twin.Desired, err = object("initialTwin.properties.desired", doc.Twin.Properties.Desired); err != nil {
			return provisioning.Advice{}, err
		}
	}
	advice.Payload, err = object("payload", doc.Payload)
	return advice, err
}

func object(name string, member json.RawMessage) ([]byte, error) {
	switch {
	case len(member) == 0 || string(member) == "null":
		return nil, nil
	case member[0] != '{':
		return nil, fmt.Errorf("%w: its %s is no JSON object", provisioning.ErrWebhookAnswer, name)
	}
	return member, nil
}
