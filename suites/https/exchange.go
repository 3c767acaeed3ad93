package https

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// device is a symmetric-key device of a service of its own: what most checks start from.
func device(ctx context.Context, env *harness.Env, t *harness.T, members ...harness.Members) *harness.Device {
	return env.Service(ctx, t).SymmetricKeyDevice(ctx, t, members...)
}

// body is what an ordinary device sends with register and lookup.
func body(t *harness.T, d *harness.Device) []byte {
	b, err := d.Registration(nil)
	t.Must(err, "write the register request")
	return b
}

func register(ctx context.Context, t *harness.T, d *harness.Device) devwire.HTTPResponse {
	return d.Put(ctx, t, string(body(t, d)))
}

func poll(ctx context.Context, t *harness.T, d *harness.Device, operationID string) devwire.HTTPResponse {
	return d.Do(ctx, t, devwire.HTTPRequest{Method: http.MethodGet, Path: devwire.PollPath(d.Identity, operationID)})
}

func lookup(ctx context.Context, t *harness.T, d *harness.Device) devwire.HTTPResponse {
	return d.Do(ctx, t, devwire.HTTPRequest{Method: http.MethodPost, Path: devwire.LookupPath(d.Identity), Body: body(t, d)})
}

// document is the JSON object of an answer.
func document(t *harness.T, r devwire.HTTPResponse) map[string]any {
	doc, err := r.JSON()
	t.Answered(err, "read the answer")
	return doc
}

// state is the registration state in the answer to a poll.
func state(t *harness.T, r devwire.HTTPResponse) map[string]any {
	doc := document(t, r)
	t.Expect(doc).To(HaveKeyWithValue("registrationState", BeAssignableToTypeOf(map[string]any{})))
	return doc["registrationState"].(map[string]any)
}

// registered registers the device on the way to something else and returns its operation.
func registered(ctx context.Context, t *harness.T, d *harness.Device) (operationID string) {
	t.Given(d.RegistrationID+" registers", func() {
		doc := document(t, register(ctx, t, d))
		t.Expect(doc).To(HaveKeyWithValue("operationId", Not(BeEmpty())))
		operationID, _ = doc["operationId"].(string)
	})
	return operationID
}

// pollEvery keeps a device that waits within its throttle of 5 polls in 10 s
// (device-api.md 8).
const pollEvery = 2 * time.Second

// settled polls until the operation is no longer assigning and returns that answer.
func settled(ctx context.Context, env *harness.Env, t *harness.T, d *harness.Device, operationID string) (last devwire.HTTPResponse) {
	t.Given("the operation of "+d.RegistrationID+" ends", func() {
		t.Eventually(ctx, func() any {
			last = poll(ctx, t, d, operationID)
			return document(t, last)["status"]
		}).WithTimeout(env.Timeouts.Assign).WithPolling(pollEvery).ShouldNot(Equal("assigning"))
		taken(t, last)
	})
	return last
}

// ended registers the device and returns the answer that ends its registration.
func ended(ctx context.Context, env *harness.Env, t *harness.T, d *harness.Device) devwire.HTTPResponse {
	return settled(ctx, env, t, d, registered(ctx, t, d))
}

// taken asserts that a request was not refused.
func taken(t *harness.T, r devwire.HTTPResponse, words ...any) {
	t.Expect(r.Status).To(And(BeNumerically(">=", 200), BeNumerically("<", 300)), words...)
}

// heard is an answer with the words for what it answers.
type heard struct {
	what string
	devwire.HTTPResponse
}

// answers are one answer of each kind that a device can hear.
func answers(ctx context.Context, env *harness.Env, t *harness.T) []heard {
	d := device(ctx, env, t)
	first := register(ctx, t, d)
	var id string
	t.Given(d.RegistrationID+" registers", func() { id, _ = document(t, first)["operationId"].(string) })
	last := settled(ctx, env, t, d, id)
	return append(refusals(ctx, t, d), heard{"a register request", first}, heard{"the last poll", last}, heard{"a lookup", lookup(ctx, t, d)})
}

// refusals are what the device hears when it asks wrongly in several ways. That some of
// them are taken all the same is the business of other checks.
func refusals(ctx context.Context, t *harness.T, d *harness.Device) (refused []heard) {
	registerPath := devwire.RegisterPath(d.Identity)
	bare, _, _ := strings.Cut(registerPath, "?")
	all := []heard{
		{"a wrong key", register(ctx, t, d.With(func(id *devwire.Identity) { id.Key = harness.Key() }))},
		{"a body that is not JSON", d.Put(ctx, t, `{"registrationId":`)},
		{"no api-version", d.Do(ctx, t, devwire.HTTPRequest{Method: http.MethodPut, Path: bare, Body: body(t, d)})},
		{"an unknown operation", poll(ctx, t, d, unknownOperation)},
		{"an unknown method", d.Do(ctx, t, devwire.HTTPRequest{Method: http.MethodDelete, Path: registerPath})},
		{"another media type", d.Do(ctx, t, devwire.HTTPRequest{
			Method: http.MethodPut, Path: registerPath, Header: http.Header{"Content-Type": {"text/plain"}}, Body: body(t, d),
		})},
	}
	t.Given("a wrong key is refused", func() { t.Expect(all[0].Status).To(BeNumerically(">=", 400)) })
	for _, a := range all {
		if a.Status >= 400 {
			refused = append(refused, a)
		}
	}
	return refused
}

// unknownOperation is shaped like an operationId of the service (device-api.md 1.5).
const unknownOperation = "5.ffffffffffffffff.ffffffff-ffff-4fff-bfff-ffffffffffff"
