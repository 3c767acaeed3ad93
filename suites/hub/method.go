package hub

import (
	"context"
	"regexp"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/eclipse/paho.mqtt.golang/packets"
	. "github.com/onsi/gomega"
)

// methodTimeout is what callers allow a device, in seconds: the least that the service's
// documentation knows.
const methodTimeout = 5

// called is what the caller of a method got.
type called struct {
	answer devwire.HTTPResponse
	err    error
}

// call calls a method beside the check, which plays the device meanwhile. The call ends
// with the check.
func call(ctx context.Context, t *harness.T, d *harness.HubDevice, name string, payload any) <-chan called {
	api := d.Hub.Operator(t)
	ctx, cancel := context.WithCancel(ctx)
	outcome, ended := make(chan called, 1), make(chan struct{})
	go func() {
		defer close(ended)
		answer, err := api.Method(ctx, d.DeviceID, name, payload, methodTimeout)
		outcome <- called{answer, err}
	}()
	t.Cleanup(func(context.Context) {
		cancel()
		<-ended
	})
	return outcome
}

// returned waits for what the caller of a method gets.
func returned(ctx context.Context, t *harness.T, outcome <-chan called) devwire.HTTPResponse {
	select {
	case c := <-outcome:
		t.Answered(c.err, "call a method")
		return c.answer
	case <-ctx.Done():
		t.Answered(ctx.Err(), "wait for the answer to a method call")
		return devwire.HTTPResponse{}
	}
}

// methodTopic takes the name and what follows $rid= from the topic of a call.
var methodTopic = regexp.MustCompile(`^\$iothub/methods/POST/([^/]+)/\?\$rid=(.+)$`)

// heard reads the next method call as a device does.
func (s session) heard(ctx context.Context) (name, rid string, m *packets.PublishPacket) {
	m = s.Answer(ctx)
	parts := methodTopic.FindStringSubmatch(m.TopicName)
	s.t.Expect(parts).To(HaveLen(3), "the topic of a method call: %q", m.TopicName)
	return parts[1], parts[2], m
}

// methodChecks are about methods as their device sees them.
var methodChecks = []harness.Check{{
	Requirement: "DPS-HUB-034",
	Title:       "a method call reaches the device, and its status and payload the caller",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t).subscribed(ctx, devwire.MethodFilter)
		outcome := call(ctx, t, s.device, "reboot", harness.Members{"delay": 3})
		name, rid, m := s.heard(ctx)
		t.Expect(name).To(Equal("reboot"))
		t.Expect(m.Payload).To(MatchJSON(`{"delay":3}`))
		s.Publish(devwire.MethodResponseTopic(207, rid), 0, []byte(`{"done":true}`))
		answer := returned(ctx, t, outcome)
		t.Expect(answer.Status).To(Equal(200))
		t.Expect(answer.Body).To(MatchJSON(`{"status":207,"payload":{"done":true}}`))
	},
}, {
	Requirement: "DPS-HUB-035",
	Title:       "the $rid of a method call stands alone and holds no &, no / and no %",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t).subscribed(ctx, devwire.MethodFilter)
		for range 3 {
			outcome := call(ctx, t, s.device, "reboot", nil)
			_, rid, _ := s.heard(ctx)
			t.Expect(rid).To(MatchRegexp(`^[^&/%]+$`))
			s.Publish(devwire.MethodResponseTopic(200, rid), 0, nil)
			returned(ctx, t, outcome)
		}
	},
}, {
	Requirement: "DPS-HUB-036",
	Title:       "the response to an unknown method call goes nowhere and ends nothing",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t).subscribed(ctx, devwire.MethodFilter)
		s.acknowledged(ctx, s.Publish(devwire.MethodResponseTopic(200, "ffff"), 1, []byte(`{}`)))
		s.ExpectSilence(ctx)
		s.expectAlive(ctx)
	},
}}

// callChecks are about methods as their callers see them.
var callChecks = []harness.Check{{
	Requirement: "DPS-HUB-038",
	Title:       "a method call to a device that is not connected is answered with 404 and DeviceNotOnline",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Hub(ctx, t).Device(ctx, t)
		answer := returned(ctx, t, call(ctx, t, d, "reboot", nil))
		t.Expect(answer.Status).To(Equal(404))
		t.Expect(document(t, answer)).To(HaveKeyWithValue("Message", HavePrefix("ErrorCode:DeviceNotOnline;")))
	},
}, {
	Requirement: "DPS-HUB-039",
	Title:       "a method call that the device leaves unanswered is answered with 504 or 404",
	Transports:  harness.Over(dps.MQTT),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t).subscribed(ctx, devwire.MethodFilter)
		outcome := call(ctx, t, s.device, "reboot", nil)
		t.Given("the device hears the call", func() { s.heard(ctx) })
		if env.Control != nil {
			s.device.Hub.Advance(ctx, t, methodTimeout*time.Second)
		}
		t.Expect(returned(ctx, t, outcome).Status).To(BeElementOf(504, 404))
	},
}, {
	Requirement: "DPS-HUB-040",
	Title:       "a method call to an unregistered device is answered with 404",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		h := env.Hub(ctx, t)
		unregistered := &harness.HubDevice{Hub: h, HubIdentity: devwire.HubIdentity{DeviceID: t.Name()}}
		t.Expect(returned(ctx, t, call(ctx, t, unregistered, "reboot", nil)).Status).To(Equal(404))
	},
}}
