package fakehub_test

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

var messageProbes = map[string]func(h *hub) string{
	"hub-no-puback": func(h *hub) string {
		c := h.online(device{id: "d1"})
		c.send(publishAt(1, "devices/d1/messages/events/", ""))
		c.send(packets.NewControlPacket(packets.Pingreq))
		return fmt.Sprintf("%T", c.packet())
	},
	"hub-keeps-last-slash": func(h *hub) string {
		h.online(device{id: "d1"}).publish("devices/d1/messages/events/a=1/", "")
		return *h.arrived(1).Properties["a"]
	},
	"hub-takes-qos-2": func(h *hub) string {
		c := h.online(device{id: "d1"})
		c.send(publishAt(2, "devices/d1/messages/events/", ""))
		_, err := c.read()
		return fmt.Sprint(err == nil)
	},
	"hub-cuts-long-telemetry": func(h *hub) string {
		return fmt.Sprint(h.online(device{id: "d1"}).publish("devices/d1/messages/events/", strings.Repeat("x", 256<<10+1)))
	},
	"hub-reads-twin-get": func(h *hub) string {
		return fmt.Sprint(h.online(device{id: "d1"}).publish("$iothub/twin/GET/?$rid=1", "{"))
	},
	"hub-ignores-reported-nulls": func(h *hub) string {
		c := h.online(device{id: "d1"})
		c.publish("$iothub/twin/PATCH/properties/reported/?$rid=1", `{"a":1}`)
		c.publish("$iothub/twin/PATCH/properties/reported/?$rid=2", `{"a":null}`)
		return exchange(h, "$iothub/twin/GET/?$rid=3", "")
	},
	"hub-refuses-unasked-answer": func(h *hub) string {
		return fmt.Sprint(h.online(device{id: "d1"}).publish("$iothub/methods/res/200/?$rid=ffff", ""))
	},
	"hub-drops-properties": func(h *hub) string {
		h.online(device{id: "d1"}).publish("devices/d1/messages/events/a=1", "")
		return fmt.Sprint(len(h.arrived(1).Properties))
	},
	"hub-loses-will": func(h *hub) string {
		c := h.online(device{id: "d1", will: publishPacket("devices/d1/messages/events/", "will")})
		h.online(device{id: "d1"}).publish("devices/d1/messages/events/", "after") // takes over
		c.closed()
		return string(h.arrived(1).Body)
	},
	"hub-tolerates-unknown-topic": func(h *hub) string {
		return fmt.Sprint(h.online(device{id: "d1"}).publish("elsewhere", ""))
	},
	"hub-grants-unknown-filter": func(h *hub) string { return fmt.Sprint(h.online(device{id: "d1"}).subscribe(1, "#")) },
	"hub-grants-qos-2":          func(h *hub) string { return fmt.Sprint(h.online(device{id: "d1"}).subscribe(2, twinAnswers)) },
	"hub-twin-lacks-reported":   func(h *hub) string { return exchange(h, "$iothub/twin/GET/?$rid=1", "") },
	"hub-reported-answers-200": func(h *hub) string {
		return exchange(h, "$iothub/twin/PATCH/properties/reported/?$rid=1", "{}")
	},
	"hub-desired-without-version": func(h *hub) string {
		c := h.online(device{id: "d1"})
		c.subscribe(1, desired)
		h.must("PATCH", "/twins/d1", `{"properties":{"desired":{"a":1}}}`)
		topic, body := c.message()
		return topic + " " + body
	},
	"hub-twin-error-without-body": func(h *hub) string {
		return tracking.ReplaceAllString(exchange(h, "$iothub/twin/PATCH/properties/reported/?$rid=1", "{"), "")
	},
	"hub-twin-at-qos-1": func(h *hub) string {
		c := h.online(device{id: "d1"})
		c.subscribe(1, twinAnswers)
		c.publish("$iothub/twin/GET/?$rid=1", "")
		return fmt.Sprint(c.packet().(*packets.PublishPacket).Qos)
	},
	"hub-loses-method-answer": func(h *hub) string {
		_, status := call(h)
		return status
	},
	"hub-method-rid-not-alone": func(h *hub) string {
		topic, _ := call(h)
		return topic
	},
}

var tracking = regexp.MustCompile(`"t[a-zA-Z]+":"[^"]*"`)

// publishAt is a PUBLISH with a packet id of its own.
func publishAt(qos byte, topic, payload string) *packets.PublishPacket {
	p := publishPacket(topic, payload)
	p.Qos, p.MessageID = qos, 77
	return p
}

func exchange(h *hub, topic, payload string) string {
	h.t.Helper()
	c := h.online(device{id: "d1"})
	c.subscribe(1, twinAnswers)
	c.publish(topic, payload)
	topic, body := c.message()
	return topic + " " + body
}

// call calls a method that the device answers, and returns the topic of the request, rid
// aside, and the status that the caller saw.
func call(h *hub) (topic, status string) {
	h.t.Helper()
	c := h.online(device{id: "d1"})
	c.subscribe(1, methods)
	called := make(chan int, 1)
	go func() {
		status, _ := h.rest("POST", "/twins/d1/methods", `{"methodName":"m","responseTimeoutInSeconds":5}`)
		called <- status
	}()
	topic, _ = c.message()
	_, arguments, _ := strings.Cut(topic, "?$rid=")
	rid, more, _ := strings.Cut(arguments, "&")
	c.publish("$iothub/methods/res/200/?$rid="+rid, "")
	c.ping()
	h.Clock().Advance(5 * time.Second)
	return more, fmt.Sprint(<-called)
}
