package hub

import (
	"context"
	"fmt"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// listening connects a new device that hears answers about its twin and desired patches.
func listening(ctx context.Context, env *harness.Env, t *harness.T) session {
	return open(ctx, env, t).subscribed(ctx, devwire.TwinResponseFilter, devwire.DesiredFilter)
}

// twinChecks are about the twin as its device sees it.
var twinChecks = []harness.Check{{
	Requirement: "DPS-HUB-027",
	Title:       "a twin GET is answered with desired and reported, each with its $version",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		m := listening(ctx, env, t).getTwin(ctx, "")
		t.Expect(m.TopicName).To(Equal("$iothub/twin/res/200/?$rid=4711"))
		for _, half := range []string{"desired", "reported"} {
			t.Expect(member(object(t, m), half, "$version")).To(BeNumerically(">=", 1), "$version of %s in %s", half, m.Payload)
		}
	},
}, {
	Requirement: "DPS-HUB-028",
	Title:       "the payload of a twin GET is ignored",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := listening(ctx, env, t)
		for _, payload := range []string{"", " ", "{", `{"properties":{"desired":{}}}`} {
			t.Expect(s.getTwin(ctx, payload).TopicName).To(Equal("$iothub/twin/res/200/?$rid=4711"), "answer to the payload %q", payload)
		}
	},
}, {
	Requirement: "DPS-HUB-029",
	Title:       "a reported patch is answered with 204, the new $version and an empty body",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := listening(ctx, env, t)
		m := s.report(ctx, `{"firmware":"1.2"}`)
		version := member(object(t, s.getTwin(ctx, "")), "reported", "$version")
		t.Expect(m.TopicName).To(Equal(fmt.Sprintf("$iothub/twin/res/204/?$rid=4712&$version=%v", version)))
		t.Expect(m.Payload).To(BeEmpty())
	},
}, {
	Requirement: "DPS-HUB-030",
	Title:       "a desired patch reaches its device with its nulls and with $version in topic and body",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := listening(ctx, env, t)
		version := s.desire(ctx, harness.Members{"interval": 30, "retired": nil, "limits": harness.Members{"low": 1, "high": nil}})
		m := s.Answer(ctx)
		t.Expect(m.TopicName).To(Equal(fmt.Sprintf("$iothub/twin/PATCH/properties/desired/?$version=%v", version)))
		t.Expect(m.Payload).To(MatchJSON(fmt.Sprintf(`{"interval":30,"retired":null,"limits":{"low":1,"high":null},"$version":%v}`, version)))
	},
}, {
	Requirement: "DPS-HUB-031",
	Title:       "a reported patch that is not JSON is answered with 400, errorCode and message",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := listening(ctx, env, t)
		t.Given("a patch that is JSON is taken", func() {
			t.Expect(s.report(ctx, `{"firmware":"1.2"}`).TopicName).To(HavePrefix("$iothub/twin/res/204/"))
		})
		for _, patch := range []string{"firmware=1.2", `{"firmware":`} {
			m := s.report(ctx, patch)
			t.Expect(m.TopicName).To(Equal("$iothub/twin/res/400/?$rid=4712"), "answer to the patch %q", patch)
			t.Expect(object(t, m)).To(And(
				HaveKeyWithValue("errorCode", BeNumerically(">=", 400000)),
				HaveKeyWithValue("message", Not(BeEmpty())),
			), "%s", m.Payload)
		}
	},
}, {
	Requirement: "DPS-HUB-032",
	Title:       "twin answers, desired patches and methods come at QoS 0 to subscriptions at QoS 1",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := listening(ctx, env, t).subscribed(ctx, devwire.MethodFilter)
		t.Expect(s.getTwin(ctx, "").Qos).To(BeZero(), "QoS of the answer to a twin GET")
		t.Expect(s.report(ctx, `{"firmware":"1.2"}`).Qos).To(BeZero(), "QoS of the answer to a reported patch")
		s.desire(ctx, harness.Members{"interval": 30})
		t.Expect(s.Answer(ctx).Qos).To(BeZero(), "QoS of a desired patch")
		call(ctx, t, s.device, "reboot", nil)
		t.Expect(s.Answer(ctx).Qos).To(BeZero(), "QoS of a method call")
	},
}, {
	Requirement: "DPS-HUB-033",
	Title:       "a reported property that is set to null is gone, and the others stay",
	Transports:  harness.OverMQTT,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := listening(ctx, env, t)
		t.Given("two properties are reported", func() {
			s.report(ctx, `{"firmware":"1.2","battery":{"level":80,"charging":true}}`)
			t.Expect(member(object(t, s.getTwin(ctx, "")), "reported")).To(HaveKey("firmware"))
		})
		s.report(ctx, `{"firmware":null,"battery":{"charging":null}}`)
		reported, _ := member(object(t, s.getTwin(ctx, "")), "reported").(map[string]any)
		delete(reported, "$version")
		t.Expect(reported).To(Equal(map[string]any{"battery": map[string]any{"level": 80.0}}))
	},
}}
