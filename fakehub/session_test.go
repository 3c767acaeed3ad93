package fakehub_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/dpslab/dpslab/fakehub"
	"github.com/dpslab/dpslab/internal/sas"
	"github.com/dpslab/dpslab/internal/telemetry"
)

var allEvents = telemetry.Filter{}

func TestEveryRefusalIsConnack5(t *testing.T) {
	l := newLab(t)
	h := l.hub(fakehub.HubSpec{})
	for _, id := range []string{"d1", "d2", "off"} {
		h.enroll(id)
	}
	h.must("PUT", "/devices/off", `{"status":"disabled"}`, "If-Match", "*")
	later := h.Clock().Now().Add(time.Hour)
	certificate := selfSigned(t, "d1")
	for rule, tc := range map[string]struct {
		d    device
		code byte
	}{
		"the primary key":               {device{id: "d1"}, 0},
		"the secondary key":             {device{id: "d1", key: secondary}, 0},
		"without the question mark":     {device{id: "d1", username: h.Host() + "/d1/api-version=2016-11-14"}, 0},
		"reordered fields":              {device{id: "d1", password: reordered(h, "d1", later)}, 0},
		"a key and a certificate":       {device{id: "d1", certificate: &certificate, password: sas.Sign(h.Host()+"/devices/d1", primary, later, "")}, 0},
		"another key":                   {device{id: "d1", key: []byte("another key")}, 5},
		"another device's token":        {device{id: "d1", password: sas.Sign(h.Host()+"/devices/d2", primary, later, "")}, 5},
		"an expired token":              {device{id: "d1", life: -time.Hour}, 5},
		"no token":                      {device{id: "d1", password: "-"}, 5},
		"a password that is no token":   {device{id: "d1", password: "secret"}, 5},
		"a certificate instead":         {device{id: "d1", certificate: &certificate}, 5},
		"an unknown device":             {device{id: "d3"}, 5},
		"a disabled device":             {device{id: "off"}, 5},
		"a module":                      {device{id: "d1/m1"}, 5},
		"an empty client id":            {device{id: "", username: h.Host() + "//?api-version=2021-04-12"}, 5},
		"another client id":             {device{id: "d1", username: h.Host() + "/d2/?api-version=2021-04-12"}, 5},
		"another host":                  {device{id: "d1", username: "other.azure-devices.net/d1/?api-version=2021-04-12"}, 5},
		"a will that is no telemetry":   {device{id: "d1", will: publishPacket("$iothub/twin/GET/?$rid=1", "")}, 5},
		"a will of another device":      {device{id: "d1", will: publishPacket("devices/d2/messages/events/", "")}, 5},
		"a will with telemetry's topic": {device{id: "d1", will: publishPacket("devices/d1/messages/events/", "")}, 0},
	} {
		t.Run(rule, func(t *testing.T) {
			h := *h
			h.t = t
			c, ack := h.dial(tc.d)
			if ack.ReturnCode != tc.code || ack.SessionPresent {
				t.Fatalf("CONNACK %d, session present %v; want %d", ack.ReturnCode, ack.SessionPresent, tc.code)
			}
			if tc.code != 0 {
				c.closed()
			} else {
				c.disconnect()
			}
		})
	}
}

// reordered is a token with its fields in another order and an empty skn.
func reordered(h *hub, id string, expiry time.Time) string {
	token := sas.Sign(h.Host()+"/devices/"+id, primary, expiry, "")
	fields := strings.Split(strings.TrimPrefix(token, "SharedAccessSignature "), "&")
	slices.Reverse(fields)
	return "SharedAccessSignature " + strings.Join(fields, "&") + "&skn="
}

func TestOnlyTheFiveFiltersAreGranted(t *testing.T) {
	l := newLab(t)
	h := l.hub(fakehub.HubSpec{})
	h.enroll("d1")
	known := []string{twinAnswers, desired, methods, "devices/d1/messages/devicebound/#", "devices/+/messages/devicebound/#"}
	c := h.online(device{id: "d1"})
	if got := c.subscribe(2, known...); string(got) != "\x01\x01\x01\x01\x01" {
		t.Errorf("QoS 2 is granted as %v", got)
	}
	if got := c.subscribe(0, twinAnswers); string(got) != "\x00" {
		t.Errorf("QoS 0 is granted as %v", got)
	}
	c.disconnect()
	for _, filter := range []string{"#", "$iothub/#", "$iothub/twin/res", "devices/d2/messages/devicebound/#", "devices/d1/#", "devices/d1/messages/events/#", "$dps/registrations/res/#"} {
		c := h.online(device{id: "d1"})
		if got := c.subscribe(1, twinAnswers, filter); got != nil {
			t.Errorf("%s is granted as %v", filter, got)
		}
	}
}

func TestWhatTheHubDoesNotKnowClosesWithoutPuback(t *testing.T) {
	l := newLab(t)
	h := l.hub(fakehub.HubSpec{})
	h.enroll("d1")
	h.enroll("d2")
	for rule, topic := range map[string]string{
		"another device":             "devices/d2/messages/events/",
		"an unknown topic":           "devices/d1/messages/other/",
		"a provisioning topic":       "$dps/registrations/PUT/iotdps-register/?$rid=1",
		"a twin GET without rid":     "$iothub/twin/GET/",
		"a method status of letters": "$iothub/methods/res/ok/?$rid=1",
		"a module's topic":           "devices/d1/modules/m1/messages/events/",
	} {
		if c := h.online(device{id: "d1"}); c.publish(topic, "{}") {
			t.Errorf("%s: PUBACK", rule)
		}
	}
	c := h.online(device{id: "d1"})
	p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	p.TopicName, p.Qos, p.MessageID = "devices/d1/messages/events/", 2, 1
	c.send(p)
	c.closed()

	c = h.online(device{id: "d1"})
	longest := "devices/d1/messages/events/a=" + strings.Repeat("x", 60000)
	if !c.publish(longest, strings.Repeat("x", 256<<10)) {
		t.Error("256 KB with a long topic are refused")
	}
	if c.publish("devices/d1/messages/events/", strings.Repeat("x", 256<<10+1)) {
		t.Error("one byte more is taken")
	}
	if n := len(h.arrived(1).Body); n != 256<<10 || len(h.Telemetry().Events(allEvents)) != 1 {
		t.Errorf("the store has %d bytes and %d events", n, len(h.Telemetry().Events(allEvents)))
	}
}

func TestTelemetryAtQoS0AndRetained(t *testing.T) {
	l := newLab(t)
	h := l.hub(fakehub.HubSpec{})
	h.enroll("d1")
	c := h.online(device{id: "d1"})
	p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	p.TopicName, p.Retain = "devices/d1/messages/events/", true
	c.send(p)
	c.ping()
	if e := h.arrived(1); len(e.Body) != 0 || *e.Properties["mqtt-retain"] != "true" {
		t.Errorf("%q %v", e.Body, e.Properties)
	}
}

func TestSubscriptionsOutliveAConnectionWithoutCleanSession(t *testing.T) {
	l := newLab(t)
	h := l.hub(fakehub.HubSpec{})
	h.enroll("d1")
	come := func(persistent bool) (*client, bool) {
		t.Helper()
		c, ack := h.dial(device{id: "d1", persistent: persistent})
		if ack.ReturnCode != 0 {
			t.Fatalf("CONNACK %d", ack.ReturnCode)
		}
		return c, ack.SessionPresent
	}
	works := func(c *client, want bool) {
		t.Helper()
		c.publish("$iothub/twin/GET/?$rid=1", "")
		if want {
			if topic, _ := c.message(); topic != "$iothub/twin/res/200/?$rid=1" {
				t.Fatalf("heard %s", topic)
			}
		}
		h.must("PATCH", "/twins/d1", `{"properties":{"desired":{"a":1}}}`)
		if want {
			if topic, _ := c.message(); !strings.HasPrefix(topic, "$iothub/twin/PATCH/properties/desired/?$version=") {
				t.Fatalf("heard %s", topic)
			}
		}
		c.ping()
		called := make(chan int, 1)
		go func() {
			status, _ := h.rest("POST", "/twins/d1/methods", `{"methodName":"m"}`)
			called <- status
		}()
		if want {
			topic, _ := c.message()
			c.publish(strings.Replace(topic, "POST/m/", "res/200/", 1), "")
		}
		if got := <-called; (got == 200) != want {
			t.Errorf("a method call is answered with %d", got)
		}
	}
	c, present := come(true)
	if present {
		t.Error("session present at the first connection")
	}
	c.subscribe(1, twinAnswers, desired, methods)
	c.disconnect()

	c, present = come(true)
	if !present {
		t.Error("no session present at the second connection")
	}
	works(c, true)
	unsubscribe := packets.NewControlPacket(packets.Unsubscribe).(*packets.UnsubscribePacket)
	unsubscribe.MessageID, unsubscribe.Topics = 77, []string{twinAnswers, desired, methods, "never/subscribed"}
	c.send(unsubscribe)
	if ack, ok := c.packet().(*packets.UnsubackPacket); !ok || ack.MessageID != 77 {
		t.Fatalf("instead of an UNSUBACK: %v", ack)
	}
	works(c, false)
	c.subscribe(1, twinAnswers, desired, methods)
	works(c, true)
	c.disconnect()

	c, present = come(false)
	if present {
		t.Error("session present after a clean session")
	}
	works(c, false)
	c.subscribe(1, twinAnswers, desired, methods)
	c.disconnect()

	if c, present = come(true); present {
		t.Error("a clean session was stored")
	}
	works(c, false)
	c.subscribe(1, twinAnswers)
	c.disconnect()
	h.must("DELETE", "/devices/d1", "")
	h.enroll("d1")
	if c, present = come(true); present {
		t.Error("an identity that was made anew inherits a session")
	}
	works(c, false)
}

func TestATokensExpiryEndsTheConnection(t *testing.T) {
	l := newLab(t)
	h := l.hub(fakehub.HubSpec{})
	h.enroll("d1")
	h.enroll("d2")
	short := h.online(device{id: "d1", life: 10 * time.Minute})
	long := h.online(device{id: "d2"})
	h.Clock().Advance(9 * time.Minute)
	short.ping()
	h.Clock().Advance(time.Minute)
	short.closed()
	long.ping()

	tolerated := h.online(device{id: "d1", life: -4 * time.Minute})
	tolerated.ping()
	h.Clock().Advance(time.Minute)
	tolerated.closed()
}

func TestDisableAndDeleteEndTheConnection(t *testing.T) {
	l := newLab(t)
	h := l.hub(fakehub.HubSpec{})
	for id, end := range map[string]func(){
		"off":  func() { h.must("PUT", "/devices/off", `{"status":"disabled"}`, "If-Match", "*") },
		"gone": func() { h.must("DELETE", "/devices/gone", "") },
	} {
		h.enroll(id)
		c := h.online(device{id: id})
		c.ping()
		end()
		c.closed()
		if _, ack := h.dial(device{id: id}); ack.ReturnCode != 5 {
			t.Errorf("%s: afterwards CONNACK %d", id, ack.ReturnCode)
		}
	}
}

func TestANewerConnectionEndsTheOlder(t *testing.T) {
	l := newLab(t)
	h := l.hub(fakehub.HubSpec{})
	h.enroll("d1")
	older := h.online(device{id: "d1", will: publishPacket("devices/d1/messages/events/", "taken over")})
	newer := h.online(device{id: "d1"})
	older.closed()
	newer.ping()
	if e := h.arrived(1); string(e.Body) != "taken over" {
		t.Errorf("the will is %q", e.Body)
	}
	if got := member(t, h.must("GET", "/devices/d1", ""), "connectionState"); got != `"Connected"` {
		t.Errorf("connectionState is %s", got)
	}
}
