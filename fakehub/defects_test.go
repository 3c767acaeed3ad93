package fakehub_test

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/dpslab/dpslab/fakehub"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/internal/requirement"
)

// probes do for each defect what a check would do, and return what they saw. Arming the
// defect must change that.
var probes = map[string]func(h *hub) string{
	"hub-accepts-any-key":          func(h *hub) string { return connack(h, device{id: "d1", key: []byte("any")}) },
	"hub-accepts-token-of-another": func(h *hub) string { return connack(h, device{id: "d1", password: tokenOf(h, "d2")}) },
	"hub-accepts-expired-token":    func(h *hub) string { return connack(h, device{id: "d1", life: -time.Hour}) },
	"hub-refuses-with-connack-4":   func(h *hub) string { return connack(h, device{id: "nobody"}) },
	"hub-ignores-thumbprint": func(h *hub) string {
		mine, other := selfSigned(h.t, "x"), selfSigned(h.t, "x")
		print := sha1.Sum(mine.Certificate[0])
		h.must("PUT", "/devices/x", `{"authentication":{"type":"selfSigned","x509Thumbprint":{"primaryThumbprint":"`+hex.EncodeToString(print[:])+`"}}}`)
		return connack(h, device{id: "x", certificate: &other})
	},
	"hub-forgets-expiry": func(h *hub) string {
		return survives(h, func() { h.Clock().Advance(2 * time.Hour) })
	},
	"hub-keeps-revoked-device": func(h *hub) string {
		return survives(h, func() { h.must("DELETE", "/devices/d1", "") })
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
	"hub-loses-subscriptions": func(h *hub) string {
		c := h.online(device{id: "d1", persistent: true})
		c.subscribe(1, methods)
		c.disconnect()
		c = h.online(device{id: "d1", persistent: true})
		go func() { // answers the call, when it comes
			if p, err := c.read(); err == nil {
				topic := strings.Replace(p.(*packets.PublishPacket).TopicName, "POST/m/", "res/200/", 1)
				_ = publishPacket(topic, "").Write(c.conn)
			}
		}()
		status, _ := h.rest("POST", "/twins/d1/methods", `{"methodName":"m"}`)
		return fmt.Sprint(status)
	},
	"hub-twin-lacks-reported": func(h *hub) string { return exchange(h, "$iothub/twin/GET/?$rid=1", "") },
	"hub-reported-answers-200": func(h *hub) string {
		return exchange(h, "$iothub/twin/PATCH/properties/reported/?$rid=1", "{}")
	},
	"hub-twin-error-without-body": func(h *hub) string {
		return tracking.ReplaceAllString(exchange(h, "$iothub/twin/PATCH/properties/reported/?$rid=1", "{"), "")
	},
	"hub-desired-without-version": func(h *hub) string {
		c := h.online(device{id: "d1"})
		c.subscribe(1, desired)
		h.must("PATCH", "/twins/d1", `{"properties":{"desired":{"a":1}}}`)
		topic, body := c.message()
		return topic + " " + body
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
	"hub-ignores-device-etag": func(h *hub) string {
		status, _ := h.rest("PUT", "/devices/d1", `{"status":"enabled"}`, "If-Match", `"bm8="`)
		return fmt.Sprint(status)
	},
	"hub-ignores-twin-etag": func(h *hub) string {
		status, _ := h.rest("PATCH", "/twins/d1", `{"tags":{"a":1}}`, "If-Match", `"bm8="`)
		return fmt.Sprint(status)
	},
	"hub-errors-without-code": func(h *hub) string {
		_, body := h.rest("GET", "/devices/nobody", "")
		return member(h.t, body, "Message")
	},
	"hub-unknown-device-answers-200": func(h *hub) string {
		status, _ := h.rest("GET", "/devices/nobody", "")
		return fmt.Sprint(status)
	},
}

var tracking = regexp.MustCompile(`"t[a-zA-Z]+":"[^"]*"`)

func tokenOf(h *hub, id string) string { return reordered(h, id, h.Clock().Now().Add(time.Hour)) }

func connack(h *hub, d device) string {
	h.t.Helper()
	_, ack := h.dial(d)
	return fmt.Sprint(ack.ReturnCode)
}

// survives tells whether a connection outlives an event: it pings until the hub ends it, or
// has acted on the event and leaves it open.
func survives(h *hub, event func()) string {
	h.t.Helper()
	c := h.online(device{id: "d1", life: time.Hour})
	c.ping()
	event()
	since := 0 // pings since the defect acted
	for range 100_000 {
		if packets.NewControlPacket(packets.Pingreq).Write(c.conn) != nil {
			return "closed"
		}
		if _, err := c.read(); err != nil {
			return "closed"
		}
		if armed := h.Points().List(); len(armed) > 0 && armed[0].Fired > 0 {
			if since++; since == 20 {
				return "open"
			}
		}
	}
	h.t.Fatal("nothing happens")
	return ""
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

func TestEveryDefectShows(t *testing.T) {
	for _, entry := range fakehub.Defects {
		t.Run(entry.ID, func(t *testing.T) {
			probe := probes[entry.ID]
			if probe == nil {
				t.Fatal("no probe knows this defect")
			}
			l := newLab(t)
			saw := func(defective bool) string {
				h := l.hub(fakehub.HubSpec{})
				h.enroll("d1")
				h.enroll("d2")
				if defective {
					if _, err := h.Points().Arm(entry, point.Address{}, nil); err != nil {
						t.Fatal(err)
					}
				}
				return probe(h)
			}
			right, wrong := saw(false), saw(true)
			if right == wrong {
				t.Errorf("with and without it a client sees %s", right)
			}
		})
	}
}

func TestDefectsNameRequirementsOfTheHub(t *testing.T) {
	seen := map[string]bool{}
	for _, entry := range fakehub.Defects {
		if seen[entry.ID] || !strings.HasPrefix(entry.ID, "hub-") || entry.Summary == "" || len(entry.Catches) == 0 {
			t.Errorf("entry %+v", entry)
		}
		seen[entry.ID] = true
		for _, id := range entry.Catches {
			if _, known := requirement.Find(id); !known || !strings.HasPrefix(id, "DPS-HUB-") {
				t.Errorf("%s names %s, which the catalogue does not have", entry.ID, id)
			}
		}
	}
}
