package serviceapi_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// ids are the device ids of an array of twins.
func (a answer) ids() string {
	a.Helper()
	var twins []struct{ DeviceID string }
	if err := json.Unmarshal([]byte(a.body), &twins); err != nil {
		a.Fatalf("%v: %s", err, a.body)
	}
	var list []string
	for _, t := range twins {
		list = append(list, t.DeviceID)
	}
	return strings.Join(list, " ")
}

func (r *rig) query(text string, header ...string) answer {
	r.Helper()
	body, err := json.Marshal(map[string]string{"query": text})
	if err != nil {
		r.Fatal(err)
	}
	return r.do("POST", "/devices/query", string(body), header...)
}

func TestQueriesSelectTwins(t *testing.T) {
	r := newRig(t)
	if a := r.query("SELECT * FROM devices").want(200); a.body != "[]" || a.header.Get("x-ms-item-type") != "Twin" {
		t.Errorf("an empty hub answers %s as %q", a.body, a.header.Get("x-ms-item-type"))
	}
	for i, id := range []string{"a", "b", "c"} {
		r.do("POST", "/devices", fmt.Sprintf(`[{"id":%q,"importMode":"create","tags":{"site":"s%d"},"properties":{"desired":{"n":%d},"reported":{"fw":{"v":"%d"}}}}]`, id, i%2, i, i)).want(200)
	}
	r.do("PUT", "/devices/c", `{"status":"disabled"}`, "If-Match", "*").want(200)
	for text, want := range map[string]string{
		"SELECT * FROM devices":                                       "a b c",
		"select * from devices where deviceId = 'b'":                  "b",
		"SELECT * FROM devices WHERE tags.site = 's0'":                "a c",
		"SELECT * FROM devices WHERE properties.desired.n > 0":        "b c",
		"SELECT * FROM devices WHERE properties.reported.fw.v = '1'":  "b",
		"SELECT * FROM devices WHERE status = 'disabled'":             "c",
		"SELECT * FROM devices WHERE capabilities.iotEdge = true":     "",
		"SELECT * FROM devices WHERE properties.desired.$version = 1": "a b c",
		"SELECT * FROM devices.modules":                               "",
	} {
		if got := r.query(text).want(200).ids(); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
	r.query("DELETE FROM devices").refused(400, "ArgumentInvalid")
	r.do("POST", "/devices/query", `{}`).refused(400, "ArgumentInvalid")
}

func TestQueriesComeInPages(t *testing.T) {
	r := newRig(t)
	for _, id := range []string{"a", "b", "c"} {
		r.do("PUT", "/devices/"+id, `{}`).want(200)
	}
	const all = "SELECT * FROM devices"
	first := r.query(all, "x-ms-max-item-count", "2").want(200)
	token := first.header.Get("x-ms-continuation")
	if first.ids() != "a b" || token == "" {
		t.Fatalf("the first page is %q, continued by %q", first.ids(), token)
	}
	second := r.query(all, "x-ms-max-item-count", "2", "x-ms-continuation", token).want(200)
	if _, more := second.header["X-Ms-Continuation"]; second.ids() != "c" || more {
		t.Errorf("the second page is %q, continued: %v", second.ids(), more)
	}
	r.query("SELECT *", "x-ms-continuation", token).refused(400, "ArgumentInvalid")
	r.query(all, "x-ms-max-item-count", "0").refused(400, "ArgumentInvalid")
	if got := first.header.Get("x-ms-max-item-count"); got != "2" {
		t.Errorf("x-ms-max-item-count is %q", got)
	}
}

func TestADeviceMayBeNamedQuery(t *testing.T) {
	r := newRig(t)
	r.do("PUT", "/devices/query", `{}`).want(200)
	r.do("GET", "/devices/query", "").want(200).holds(map[string]string{"deviceId": `"query"`})
}
