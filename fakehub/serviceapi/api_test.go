package serviceapi_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/fakehub/method"
	"github.com/dpslab/dpslab/fakehub/registry"
	"github.com/dpslab/dpslab/fakehub/serviceapi"
	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/internal/sas"
)

const host = "hub-1.azure-devices.net"

var noon = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)

var keys = [2][]byte{bytes.Repeat([]byte("p"), 32), bytes.Repeat([]byte("s"), 32)}

// rig is an API with what is behind it, and a token for it.
type rig struct {
	*testing.T
	clock    *clock.Movable
	points   *point.Set
	registry *registry.Registry
	methods  *method.Exchange
	api      *serviceapi.API
	token    string
}

func newRig(t *testing.T) *rig {
	r := &rig{T: t, clock: clock.NewMovable(clock.Frozen(noon))}
	r.points = point.NewSet(r.clock)
	r.registry = registry.New(registry.Options{Host: host, Clock: r.clock})
	r.methods = method.New(r.clock, r.points)
	r.api = serviceapi.New(serviceapi.Options{
		Host: host, Registry: r.registry, Methods: r.methods, Keys: keys, Clock: r.clock, Points: r.points,
	})
	r.token = sas.Sign(host, keys[0], noon.Add(time.Hour), "iothubowner")
	return r
}

type answer struct {
	*testing.T
	status int
	header http.Header
	body   string
}

// do sends one request; header is name, value, ….
func (r *rig) do(verb, path, body string, header ...string) answer {
	r.Helper()
	if !strings.Contains(path, "?") {
		path += "?api-version=2021-04-12"
	}
	q := httptest.NewRequest(verb, "https://"+host+path, strings.NewReader(body))
	q.Header.Set("Authorization", r.token)
	for i := 0; i < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	r.api.ServeHTTP(w, q)
	return answer{r.T, w.Code, w.Header(), w.Body.String()}
}

func (a answer) want(status int) answer {
	a.Helper()
	if a.status != status {
		a.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	if got := a.header.Get("Content-Type"); got != "application/json; charset=utf-8" {
		a.Errorf("Content-Type is %q", got)
	}
	return a
}

// refused checks the whole shape of a refusal.
func (a answer) refused(status int, name string) {
	a.Helper()
	a.want(status)
	var e struct{ Message, ExceptionMessage string }
	if err := json.Unmarshal([]byte(a.body), &e); err != nil {
		a.Fatalf("%v: %s", err, a.body)
	}
	if a.header.Get("iothub-errorcode") != name || !strings.HasPrefix(e.Message, "ErrorCode:"+name+";") ||
		!strings.HasPrefix(e.ExceptionMessage, "Tracking ID:") {
		a.Errorf("header %q, body %s; want %s", a.header.Get("iothub-errorcode"), a.body, name)
	}
	if a.header.Get("x-ms-request-id") == "" {
		a.Error("no x-ms-request-id")
	}
}

// at returns the member of the JSON body at a path such as "authentication.type", as JSON.
func (a answer) at(path string) string {
	a.Helper()
	d := json.NewDecoder(strings.NewReader(a.body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		a.Fatalf("%v: %s", err, a.body)
	}
	for name := range strings.SplitSeq(path, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			a.Fatalf("no %s in %s", path, a.body)
		}
		v = m[name]
	}
	b, err := json.Marshal(v)
	if err != nil {
		a.Fatal(err)
	}
	return string(b)
}

func (a answer) holds(members map[string]string) answer {
	a.Helper()
	for path, want := range members {
		if got := a.at(path); got != want {
			a.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	return a
}

func key(fill string) string {
	return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(fill, 32)))
}

func TestOnlyThePolicysTokenLetsIn(t *testing.T) {
	later := noon.Add(time.Hour)
	for rule, tc := range map[string]struct {
		token string
		ok    bool
	}{
		"the primary key":          {sas.Sign(host, keys[0], later, "iothubowner"), true},
		"the secondary key":        {sas.Sign(host, keys[1], later, "iothubowner"), true},
		"the host in capitals":     {sas.Sign(strings.ToUpper(host), keys[0], later, "iothubowner"), true},
		"a path above":             {sas.Sign(host+"/devices", keys[0], later, "iothubowner"), true},
		"another path":             {sas.Sign(host+"/twins", keys[0], later, "iothubowner"), false},
		"another host":             {sas.Sign("hub-2.azure-devices.net", keys[0], later, "iothubowner"), false},
		"another key":              {sas.Sign(host, bytes.Repeat([]byte("x"), 32), later, "iothubowner"), false},
		"another policy":           {sas.Sign(host, keys[0], later, "device"), false},
		"no policy":                {sas.Sign(host, keys[0], later, ""), false},
		"expired":                  {sas.Sign(host, keys[0], noon.Add(-sas.Skew), "iothubowner"), false},
		"expired within tolerance": {sas.Sign(host, keys[0], noon.Add(time.Second-sas.Skew), "iothubowner"), true},
		"no token":                 {"", false},
		"a bearer token":           {"Bearer abc", false},
	} {
		t.Run(rule, func(t *testing.T) {
			r := newRig(t)
			r.token = tc.token
			if tc.ok {
				r.do("GET", "/devices", "").want(200)
				return
			}
			r.do("GET", "/devices", "").refused(401, "IotHubUnauthorizedAccess")
			r.do("PUT", "/devices/d1", "{}").refused(401, "IotHubUnauthorizedAccess")
			if n := r.registry.Count().Total; n != 0 {
				t.Errorf("%d identities were written", n)
			}
		})
	}
}

func TestAPIVersions(t *testing.T) {
	r := newRig(t)
	for _, version := range []string{"2016-11-14", "2018-06-30", "2021-04-12", "2030-01-01-preview"} {
		r.do("GET", "/devices?api-version="+version, "").want(200)
	}
	for _, query := range []string{"?", "?api-version=", "?api-version=latest", "?API-VERSION=2021-04-12"} {
		r.do("GET", "/devices"+query, "").refused(400, "InvalidProtocolVersion")
	}
}

func TestPathsAndMethods(t *testing.T) {
	r := newRig(t)
	r.do("GET", "/", "").refused(404, "GenericNotFound")
	r.do("GET", "/configurations", "").refused(404, "GenericNotFound")
	r.do("GET", "/devices/d1/modules", "").refused(404, "GenericNotFound")
	r.do("PATCH", "/devices/d1", "{}").refused(405, "GenericMethodNotAllowed")
	r.do("GET", "/devices/", "").want(200) // Node
}

func TestBodies(t *testing.T) {
	r := newRig(t)
	for body, want := range map[string]string{
		"":                          "ArgumentNull",
		"{":                         "IotHubFormatError",
		"[]":                        "IotHubFormatError",
		`{"deviceId":"d1"} {}`:      "IotHubFormatError",
		`{"authentication":"none"}`: "IotHubFormatError",
		`{"deviceId":"d2"}`:         "ArgumentInvalid",
	} {
		r.do("PUT", "/devices/d1", body).refused(400, want)
	}
	r.do("PUT", "/devices/d1", `{"a":"`+strings.Repeat("x", 257<<10)+`"}`).refused(413, "MessageTooLarge")
	a := r.do("PUT", "/devices/d1", `{"authentication":{"symmetricKey":{"primaryKey":{"secret":1}}}}`)
	a.refused(400, "IotHubFormatError")
	if strings.Contains(a.body, "secret") {
		t.Errorf("the refusal repeats the value: %s", a.body)
	}
	if n := r.registry.Count().Total; n != 0 {
		t.Errorf("%d identities were written", n)
	}
}
