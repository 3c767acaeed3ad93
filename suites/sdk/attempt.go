package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"sync"

	"github.com/dpslab/dpslab/suites/harness"
	"github.com/dpslab/dpslab/suites/strict"
	. "github.com/onsi/gomega"
)

// attempt is one registration of a device by an SDK.
type attempt struct {
	what    string
	sdk     strict.SDK
	device  *harness.Device
	payload json.RawMessage
	heard   func(strict.Answer)
}

// ended is what came of an attempt.
type ended struct {
	attempt
	strict.Outcome
	err error
}

// run makes all attempts at once, each over the check's transport, and returns what came of
// them in their order.
func run(ctx context.Context, env *harness.Env, t *harness.T, attempts ...attempt) []ended {
	ctx, cancel := context.WithTimeout(ctx, env.Timeouts.Assign)
	defer cancel()
	all := make([]ended, len(attempts))
	var running sync.WaitGroup
	for i, a := range attempts {
		t.Step("%s registers %s: %s", a.sdk.Name, a.device.RegistrationID, a.what)
		running.Go(func() {
			outcome, err := a.sdk.Register(ctx, t.Transport(), strict.Device{
				Wire: env.Wire, Endpoint: a.device.Service.Device, Identity: a.device.Identity, Payload: a.payload, Heard: a.heard,
			})
			all[i] = ended{a, outcome, err}
		})
	}
	running.Wait()
	return all
}

// served asserts that the SDK took all that it heard, and that its device ended so.
func (e ended) served(t *harness.T, status string) {
	t.Answered(e.err, e.sdk.Name+", "+e.what)
	t.Expect(e.Connack).To(BeZero(), "%s, %s: CONNACK", e.sdk.Name, e.what)
	t.Expect(e.Refused).To(BeZero(), "%s, %s: the code of a refusal", e.sdk.Name, e.what)
	t.Expect(e.Status).To(Equal(status), "%s, %s", e.sdk.Name, e.what)
}

// assigned asserts that the device was assigned, to a hub and under its own name.
func (e ended) assigned(t *harness.T) {
	e.served(t, "assigned")
	t.Expect(e.Hub).NotTo(BeEmpty(), "%s, %s: assignedHub", e.sdk.Name, e.what)
	t.Expect(e.DeviceID).To(Equal(e.device.RegistrationID), "%s, %s: deviceId", e.sdk.Name, e.what)
}

// refused asserts that the SDK heard a refusal that it can read, with 401 or MQTT's words
// for it.
func (e ended) refused(t *harness.T) {
	t.Answered(e.err, e.sdk.Name+", "+e.what)
	if e.Connack != 0 {
		t.Expect(e.Connack).To(BeElementOf(byte(4), byte(5)), "%s, %s: CONNACK", e.sdk.Name, e.what)
		return
	}
	t.Expect(e.Refused).To(Equal(401), "%s, %s: the code of the refusal, status %q", e.sdk.Name, e.what, e.Status)
}

// complaint is what the SDK could not take, nil when it took everything.
func (e ended) complaint() *strict.Complaint {
	var c *strict.Complaint
	errors.As(e.err, &c)
	return c
}
