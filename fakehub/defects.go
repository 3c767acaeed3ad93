package fakehub

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"

	"github.com/dpslab/dpslab/fakehub/devicefront"
	"github.com/dpslab/dpslab/fakehub/method"
	"github.com/dpslab/dpslab/fakehub/registry"
	"github.com/dpslab/dpslab/fakehub/serviceapi"
	"github.com/dpslab/dpslab/internal/mqttserver"
	"github.com/dpslab/dpslab/internal/point"
)

// Defects is the catalogue of what a hub can be made to do wrong. Each entry names the
// requirements whose checks must see it.
var Defects = point.Catalogue{
	{
		ID: "hub-accepts-any-key", Summary: "a token signed with any key lets a device in",
		Catches: []string{"DPS-HUB-009"}, Build: overlook(registry.WrongSignature),
	},
	{
		ID: "hub-accepts-token-of-another", Summary: "a token for another device's resource lets a device in",
		Catches: []string{"DPS-HUB-009"}, Build: overlook(registry.TokenForAnother),
	},
	{
		ID: "hub-accepts-expired-token", Summary: "an expired token lets a device in",
		Catches: []string{"DPS-HUB-010"}, Build: overlook(registry.TokenExpired),
	},
	{
		ID: "hub-ignores-thumbprint", Summary: "any client certificate lets a selfSigned device in",
		Catches: []string{"DPS-HUB-011"}, Build: overlook(registry.WrongThumbprint),
	},
	{
		ID: "hub-refuses-with-connack-4", Summary: "a refused CONNECT is answered with code 4 instead of 5",
		Catches: []string{"DPS-HUB-009", "DPS-HUB-010", "DPS-HUB-011"},
		Build: point.Always(mqttserver.Connack.Plan(func(_ point.Call, c *mqttserver.ConnackReply) {
			if c.Code == mqttserver.NotAuthorized {
				c.Code = mqttserver.BadUsernameOrPassword
			}
		})),
	},
	{
		ID: "hub-forgets-expiry", Summary: "a connection outlives its token",
		Catches: []string{"DPS-HUB-012"}, Build: leaveOpen(devicefront.TokenExpired),
	},
	{
		ID: "hub-keeps-revoked-device", Summary: "a connection outlives its identity",
		Catches: []string{"DPS-HUB-026"}, Build: leaveOpen(devicefront.IdentityGone),
	},
	{
		ID: "hub-drops-properties", Summary: "telemetry loses its application properties",
		Catches: []string{"DPS-HUB-014"},
		Build: point.Always(devicefront.Enqueued.Plan(func(_ point.Call, m *devicefront.Message) {
			if m.Event.Properties["iothub-MessageType"] == nil {
				clear(m.Event.Properties)
			}
		})),
	},
	{
		ID: "hub-loses-will", Summary: "the will of a device that vanishes is not published",
		Catches: []string{"DPS-HUB-024"},
		Build: point.Always(devicefront.Enqueued.Plan(func(_ point.Call, m *devicefront.Message) {
			m.Drop = m.Drop || m.Event.Properties["iothub-MessageType"] != nil
		})),
	},
	{
		ID: "hub-tolerates-unknown-topic", Summary: "a PUBLISH to an unknown topic is acknowledged",
		Catches: []string{"DPS-HUB-017"}, Build: tolerate(mqttserver.StepPublish),
	},
	{
		ID: "hub-grants-unknown-filter", Summary: "a subscription to an unknown filter is granted",
		Catches: []string{"DPS-HUB-019"}, Build: tolerate(mqttserver.StepSubscribe),
	},
	{
		ID: "hub-grants-qos-2", Summary: "a subscription is granted with QoS 2",
		Catches: []string{"DPS-HUB-020"},
		Build: point.Always(mqttserver.Suback.Plan(func(_ point.Call, s *mqttserver.SubackReply) {
			for i, code := range s.Codes {
				if code == 1 {
					s.Codes[i] = 2
				}
			}
		})),
	},
	{
		ID: "hub-loses-subscriptions", Summary: "a device that comes back without clean session has no subscriptions",
		Catches: []string{"DPS-HUB-021"},
		Build:   point.Always(devicefront.Resumed.Plan(func(_ point.Call, r *devicefront.Resume) { r.Filters = nil })),
	},
	{
		ID: "hub-twin-lacks-reported", Summary: "the answer to a twin GET has no reported properties",
		Catches: []string{"DPS-HUB-027"},
		Build: outgoing("$iothub/twin/res/200/", func(p *mqttserver.OutgoingPublish) {
			var doc map[string]json.RawMessage
			if json.Unmarshal(p.Payload, &doc) == nil {
				delete(doc, "reported")
				p.Payload, _ = json.Marshal(doc)
			}
		}),
	},
	{
		ID: "hub-reported-answers-200", Summary: "a reported patch is answered with status 200 instead of 204",
		Catches: []string{"DPS-HUB-029"},
		Build: outgoing("$iothub/twin/res/204/", func(p *mqttserver.OutgoingPublish) {
			p.Topic = strings.Replace(p.Topic, "/204/", "/200/", 1)
		}),
	},
	{
		ID: "hub-desired-without-version", Summary: "the topic of a desired notification has no $version",
		Catches: []string{"DPS-HUB-030"},
		Build: outgoing("$iothub/twin/PATCH/properties/desired/", func(p *mqttserver.OutgoingPublish) {
			p.Topic = "$iothub/twin/PATCH/properties/desired/"
		}),
	},
	{
		ID: "hub-twin-error-without-body", Summary: "a refused reported patch is answered without a body",
		Catches: []string{"DPS-HUB-031"},
		Build:   outgoing("$iothub/twin/res/400/", func(p *mqttserver.OutgoingPublish) { p.Payload = nil }),
	},
	{
		ID: "hub-twin-at-qos-1", Summary: "twin answers, desired notifications and methods come at QoS 1",
		Catches: []string{"DPS-HUB-032"},
		Build:   outgoing("$iothub/", func(p *mqttserver.OutgoingPublish) { p.QoS = 1 }),
	},
	{
		ID: "hub-loses-method-answer", Summary: "a device's answer to a method does not reach the caller",
		Catches: []string{"DPS-HUB-034"},
		Build:   point.Always(method.Answered.Plan(func(_ point.Call, r *method.Reply) { r.Drop = true })),
	},
	{
		ID: "hub-method-rid-not-alone", Summary: "a method's topic has another argument behind $rid",
		Catches: []string{"DPS-HUB-035"},
		Build:   outgoing("$iothub/methods/POST/", func(p *mqttserver.OutgoingPublish) { p.Topic += "&$version=1" }),
	},
	{
		ID: "hub-ignores-device-etag", Summary: "a write of an identity goes through whatever If-Match says",
		Catches: []string{"DPS-HUB-042"}, Build: ignoreIfMatch("device"),
	},
	{
		ID: "hub-ignores-twin-etag", Summary: "a write of a twin goes through whatever If-Match says",
		Catches: []string{"DPS-HUB-053"}, Build: ignoreIfMatch("twin"),
	},
	{
		ID: "hub-errors-without-code", Summary: "the Message of an error does not begin with ErrorCode",
		Catches: []string{"DPS-HUB-046"},
		Build: point.Always(serviceapi.BeforeWrite.Plan(func(_ point.Call, r *serviceapi.Reply) {
			if r.Status >= http.StatusBadRequest {
				r.Body = errorCode.ReplaceAll(r.Body, nil)
			}
		})),
	},
	{
		ID: "hub-unknown-device-answers-200", Summary: "the GET of an unknown identity answers 200",
		Catches: []string{"DPS-HUB-043"},
		Build: point.Always(serviceapi.BeforeWrite.Plan(func(c point.Call, r *serviceapi.Reply) {
			if c.Step == "get device" && r.Status == http.StatusNotFound {
				r.Status = http.StatusOK
			}
		})),
	},
}

var errorCode = regexp.MustCompile(`ErrorCode:[A-Za-z]+;`)

// overlook lets a device in that was refused for the reason.
func overlook(reason registry.Reason) func(point.Args) ([]point.Plan, error) {
	return point.Always(devicefront.Checked.Plan(func(_ point.Call, c *devicefront.Check) {
		if c.Reason == reason {
			c.Refusal = nil
		}
	}))
}

// leaveOpen keeps a connection that the hub would end for the reason.
func leaveOpen(reason string) func(point.Args) ([]point.Plan, error) {
	return point.Always(devicefront.Ended.Plan(func(_ point.Call, e *devicefront.End) {
		e.Ignore = e.Ignore || e.Reason == reason
	}))
}

// tolerate goes on after an unknown topic or filter.
func tolerate(step string) func(point.Args) ([]point.Plan, error) {
	return point.Always(devicefront.Unknown.Plan(func(c point.Call, s *devicefront.Stray) {
		s.Tolerate = s.Tolerate || c.Step == step
	}))
}

// outgoing changes what is published to devices below a topic.
func outgoing(below string, change func(*mqttserver.OutgoingPublish)) func(point.Args) ([]point.Plan, error) {
	return point.Always(mqttserver.Outgoing.Plan(func(_ point.Call, p *mqttserver.OutgoingPublish) {
		if strings.HasPrefix(p.Topic, below) {
			change(p)
		}
	}))
}

// ignoreIfMatch writes a resource of the kind unconditionally.
func ignoreIfMatch(kind string) func(point.Args) ([]point.Plan, error) {
	return point.Always(serviceapi.Precondition.Plan(func(c point.Call, m *serviceapi.Match) {
		m.Ignore = m.Ignore || strings.HasSuffix(c.Step, " "+kind)
	}))
}
