package fakehub

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"sync"

	"github.com/dpslab/dpslab/fakehub/devicefront"
	"github.com/dpslab/dpslab/fakehub/method"
	"github.com/dpslab/dpslab/internal/mqttserver"
	"github.com/dpslab/dpslab/internal/point"
)

// tolerate goes on after an unknown topic or filter.
func tolerate(step string) func(point.Args) ([]point.Plan, error) {
	return point.Always(devicefront.Unknown.Plan(func(c point.Call, s *devicefront.Stray) {
		s.Tolerate = s.Tolerate || c.Step == step
	}))
}

// incoming changes what devices publish below a topic, before the hub looks at it.
func incoming(below string, change func(*devicefront.Receipt)) func(point.Args) ([]point.Plan, error) {
	return point.Always(devicefront.Received.Plan(func(_ point.Call, r *devicefront.Receipt) {
		if strings.HasPrefix(r.Publish.Topic, below) {
			change(r)
		}
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

// withoutNulls is a JSON object without the members that are null, at any depth.
func withoutNulls(payload []byte) []byte {
	var doc map[string]any
	if json.Unmarshal(payload, &doc) != nil {
		return payload
	}
	var strip func(map[string]any)
	strip = func(o map[string]any) {
		for name, value := range o {
			switch value := value.(type) {
			case nil:
				delete(o, name)
			case map[string]any:
				strip(value)
			}
		}
	}
	strip(doc)
	stripped, err := json.Marshal(doc)
	if err != nil {
		return payload
	}
	return stripped
}

// refuseUnasked ends the connection on an answer to a method that was not called.
func refuseUnasked(point.Args) ([]point.Plan, error) {
	var called sync.Map
	rid := func(topic string) string {
		_, rid, _ := strings.Cut(topic, "?$rid=")
		return rid
	}
	return []point.Plan{
		mqttserver.Outgoing.Plan(func(_ point.Call, p *mqttserver.OutgoingPublish) {
			if strings.HasPrefix(p.Topic, "$iothub/methods/POST/") {
				called.Store(rid(p.Topic), true)
			}
		}),
		devicefront.Received.Plan(func(_ point.Call, r *devicefront.Receipt) {
			if _, known := called.Load(rid(r.Publish.Topic)); !known && strings.HasPrefix(r.Publish.Topic, "$iothub/methods/res/") {
				r.Err = errors.New("no such method call")
			}
		}),
	}, nil
}

// messageDefects are wrong telemetry, twins and methods of devices.
var messageDefects = point.Catalogue{
	{
		ID: "hub-no-puback", Summary: "a PUBLISH at QoS 1 is not acknowledged",
		Catches: []string{"DPS-HUB-013"}, Build: point.Always(mqttserver.Puback.Plan(func(_ point.Call, r *mqttserver.PubackReply) { r.Drop = true })),
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
		ID: "hub-keeps-last-slash", Summary: "the slash after the properties counts to the last of them",
		Catches: []string{"DPS-HUB-015"}, Build: incoming("devices/", func(r *devicefront.Receipt) {
			if bag, slash := strings.CutSuffix(r.Publish.Topic, "/"); slash && strings.Contains(bag, "=") {
				r.Publish.Topic = bag + "%2F"
			}
		}),
	},
	{
		ID: "hub-takes-qos-2", Summary: "a PUBLISH at QoS 2 is taken",
		Catches: []string{"DPS-HUB-016"}, Build: lookAway(mqttserver.QoS2),
	},
	{
		ID: "hub-tolerates-unknown-topic", Summary: "a PUBLISH to an unknown topic is acknowledged",
		Catches: []string{"DPS-HUB-017"}, Build: tolerate(mqttserver.StepPublish),
	},
	{
		ID: "hub-cuts-long-telemetry", Summary: "telemetry over 256 KB is cut off",
		Catches: []string{"DPS-HUB-018"}, Build: incoming("devices/", func(r *devicefront.Receipt) {
			r.Publish.Payload = r.Publish.Payload[:min(len(r.Publish.Payload), 256<<10)]
		}),
	},
	{
		ID: "hub-loses-will", Summary: "the will of a device that vanishes is not published",
		Catches: []string{"DPS-HUB-024"},
		Build: point.Always(devicefront.Enqueued.Plan(func(_ point.Call, m *devicefront.Message) {
			m.Drop = m.Drop || m.Event.Properties["iothub-MessageType"] != nil
		})),
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
		ID: "hub-reads-twin-get", Summary: "a twin GET with a payload ends the connection",
		Catches: []string{"DPS-HUB-028"}, Build: incoming("$iothub/twin/GET/", func(r *devicefront.Receipt) {
			if len(bytes.TrimSpace(r.Publish.Payload)) > 0 {
				r.Err = errors.New("a twin GET has no payload")
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
		ID: "hub-ignores-reported-nulls", Summary: "null in a reported patch removes nothing",
		Catches: []string{"DPS-HUB-033"}, Build: incoming("$iothub/twin/PATCH/properties/reported/", func(r *devicefront.Receipt) {
			r.Publish.Payload = withoutNulls(r.Publish.Payload)
		}),
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
		ID: "hub-refuses-unasked-answer", Summary: "the answer to an unknown method call ends the connection",
		Catches: []string{"DPS-HUB-036"}, Build: refuseUnasked,
	},
}
