package hubclient_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestTwin(t *testing.T) {
	for _, c := range []struct {
		rule, answer, tags, desired, reported string
	}{
		{"without the hub's own bookkeeping", `{"deviceId":"dev-01","etag":"AAA=","version":7,"tags":{"site":"north","$version":1},
			"properties":{"desired":{"rate":5,"$metadata":{"$lastUpdated":"x"},"$version":4},"reported":{"rate":4,"$version":9}}}`,
			`{"$version":1,"site":"north"}`, `{"rate":5}`, `{"rate":4}`},
		{"numbers as they are written", `{"tags":{"n":1e400},"properties":{"desired":{"big":12345678901234567890.50}}}`,
			`{"n":1e400}`, `{"big":12345678901234567890.50}`, ""},
		{"empty ones", `{"tags":{},"properties":{"desired":{"$metadata":{},"$version":1}}}`, `{}`, `{}`, ""},
		{"members that the hub leaves out", `{"deviceId":"dev-01"}`, "", "", ""},
		{"members that are null", `{"tags":null,"properties":{"desired":null}}`, "", "", ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			h := open(t, always(200, c.answer))
			twin, err := h.Twin(t.Context(), "dev 01")
			if err != nil || string(twin.Tags) != c.tags || string(twin.Desired) != c.desired || string(twin.Reported) != c.reported {
				t.Errorf("tags %s, desired %s, reported %s, %v", twin.Tags, twin.Desired, twin.Reported, err)
			}
			if r := h.requests()[0]; r.Method != http.MethodGet || r.Path != "/twins/dev%2001" || r.Body != "" {
				t.Errorf("%s %s, body %q", r.Method, r.Path, r.Body)
			}
		})
	}
}

func TestATwinThatIsNone(t *testing.T) {
	for what, body := range map[string]string{
		"text": "twin", "a list": "[]", "desired is a list": `{"properties":{"desired":[1]}}`, "tags are text": `{"tags":"x"}`, "cut off": `{"tags":{`,
		"too much": `{"tags":{"x":"` + strings.Repeat("x", 2<<20) + `"}}`,
	} {
		h := open(t, always(200, body))
		if twin, err := h.Twin(t.Context(), "dev-01"); err == nil {
			t.Errorf("%s: taken as %s, %s", what, twin.Tags, twin.Desired)
		}
	}
}
