package fakehub_test

import (
	"strings"
	"testing"

	"github.com/dpslab/dpslab/fakehub"
)

func TestReportedPatchesThatAreRefused(t *testing.T) {
	l := newLab(t)
	h := l.hub(fakehub.HubSpec{})
	h.enroll("d1")
	c := h.online(device{id: "d1"})
	c.subscribe(0, twinAnswers)
	for rule, tc := range map[string]struct{ arguments, payload, status, code string }{
		"no JSON":           {"", "{", "400", "400004"},
		"no object":         {"", "[1]", "400", "400004"},
		"null":              {"", "null", "400", "400004"},
		"two objects":       {"", "{} {}", "400", "400004"},
		"empty":             {"", "", "400", "400004"},
		"a dollar in a key": {"", `{"$a":1}`, "400", "400004"},
		"an old base":       {"&$version=7", `{"a":1}`, "412", "412001"},
		"a base of letters": {"&$version=x", `{"a":1}`, "400", "400004"},
	} {
		c.publish("$iothub/twin/PATCH/properties/reported/?$rid=r1"+tc.arguments, tc.payload)
		topic, body := c.message()
		if topic != "$iothub/twin/res/"+tc.status+"/?$rid=r1" || member(t, body, "errorCode") != tc.code ||
			member(t, body, "message") == "" || member(t, body, "trackingId") == "" || member(t, body, "timestampUtc") == "" {
			t.Errorf("%s: %s %s", rule, topic, body)
		}
	}
	c.publish("$iothub/twin/PATCH/properties/reported/?$rid=r2&$version=1", `{"a":1}`)
	c.hears("$iothub/twin/res/204/?$rid=r2&$version=2", "")
	c.publish("$iothub/twin/PATCH/properties/reported/?$rid=r3", `{"a":null}`)
	c.hears("$iothub/twin/res/204/?$rid=r3&$version=3", "")
	c.publish("$iothub/twin/GET/?$rid=r4", "")
	c.hears("$iothub/twin/res/200/?$rid=r4", `{"desired":{"$version":1},"reported":{"$version":3}}`)
}

func TestAMethodOfADeviceThatVanishesFails(t *testing.T) {
	l := newLab(t)
	h := l.hub(fakehub.HubSpec{})
	h.enroll("d1")
	c := h.online(device{id: "d1"})
	c.subscribe(0, methods)
	answered := make(chan string, 1)
	go func() {
		_, body := h.rest("POST", "/twins/d1/methods", `{"methodName":"m"}`)
		answered <- body
	}()
	if _, payload := c.message(); payload != "" {
		t.Errorf("a call without payload carries %q", payload)
	}
	c.conn.Close()
	if got := <-answered; !strings.Contains(got, "ErrorCode:DeviceNotOnline;") {
		t.Errorf("the caller got %s", got)
	}
}

func TestAMethodAnswerThatIsNoJSONReachesTheCallerAsText(t *testing.T) {
	l := newLab(t)
	h := l.hub(fakehub.HubSpec{})
	h.enroll("d1")
	c := h.online(device{id: "d1"})
	c.subscribe(0, methods)
	answered := make(chan string, 1)
	go func() { answered <- h.must("POST", "/twins/d1/methods", `{"methodName":"m"}`) }()
	topic, _ := c.message()
	c.publish(strings.Replace(topic, "POST/m/", "res/-1/", 1), "not JSON")
	if got := <-answered; got != `{"status":-1,"payload":"not JSON"}` {
		t.Errorf("the caller got %s", got)
	}
}
