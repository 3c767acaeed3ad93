package httpsfront_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/vectors"
)

const (
	version  = "?api-version=2019-03-31"
	device   = "/0ne00DEMO01/registrations/dev-01"
	register = device + "/register" + version
)

var names = vectors.All().HTTPS.Headers

type document struct {
	OperationID, Status         string
	RegistrationState           *struct{ RegistrationID, Status, AssignedHub, DeviceID string }
	RegistrationID, AssignedHub string // of a lookup
	ErrorCode                   int
	TrackingID, Message         string
	TimestampUTC                string
}

func (a answer) document(t *testing.T) document {
	t.Helper()
	var d document
	if err := json.Unmarshal(a.body, &d); err != nil {
		t.Fatalf("%q: %v", a.body, err)
	}
	return d
}

// plain asserts what every answer has (device-api.md 0.1 item 20, 1.5).
func (a answer) plain(t *testing.T) {
	t.Helper()
	h := a.Header
	if h.Get("Content-Type") != names.ContentType || h.Get(names.RequestID) == "" || len(a.TransferEncoding) != 0 ||
		h.Get("Content-Length") != strconv.Itoa(len(a.body)) {
		t.Errorf("header %v, transfer encoding %v, of a body of %d bytes", h, a.TransferEncoding, len(a.body))
	}
}

func TestADeviceFromRegisterToAssigned(t *testing.T) {
	l := open(t)
	first := l.do("PUT", register, `{"registrationId":"dev-01"}`)
	first.plain(t)
	d := first.document(t)
	if first.StatusCode != 202 || d.Status != "assigning" || d.OperationID == "" || first.Header.Get(names.RetryAfter) != "3" {
		t.Fatalf("register: %d %s, %v", first.StatusCode, first.body, first.Header)
	}
	location, ok := strings.CutPrefix(first.Header.Get("Location"), "https://"+host)
	if !ok || location != device+"/operations/"+d.OperationID {
		t.Fatalf("Location %q", first.Header.Get("Location"))
	}

	early := l.do("GET", location+version, "")
	early.plain(t)
	if e := early.document(t); early.StatusCode != 202 || e.Status != "assigning" || e.OperationID != d.OperationID || early.Header.Get(names.RetryAfter) != "3" {
		t.Errorf("an early poll: %d %s", early.StatusCode, early.body)
	}
	if meanwhile := l.do("PUT", register, ""); meanwhile.StatusCode != 409 || meanwhile.document(t).ErrorCode != 409203 {
		t.Errorf("register meanwhile: %d %s", meanwhile.StatusCode, meanwhile.body)
	}

	close(l.hub.open)
	var last answer
	for last = early; last.StatusCode == 202; {
		last = l.do("GET", location+version, "{}") // one SDK sends a body
	}
	last.plain(t)
	if e := last.document(t); last.StatusCode != 200 || e.Status != "assigned" || e.OperationID != d.OperationID || e.RegistrationState == nil ||
		e.RegistrationState.AssignedHub != "hub-a.azure-devices.net" || e.RegistrationState.DeviceID != "dev-01" {
		t.Errorf("the last poll: %d %s", last.StatusCode, last.body)
	}
	if last.Header.Get(names.RetryAfter) != "" || last.Header.Get("Location") != "" {
		t.Errorf("the last poll: %v", last.Header)
	}

	lookup := l.do("POST", device+version, `{"registrationId":"dev-01"}`)
	lookup.plain(t)
	if e := lookup.document(t); lookup.StatusCode != 200 || e.RegistrationID != "dev-01" || e.AssignedHub == "" || e.OperationID != "" {
		t.Errorf("lookup: %d %s", lookup.StatusCode, lookup.body)
	}
}

// One SDK sends a body with its GET, so nobody looks at it.
func TestThePollsBodyIsNotLookedAt(t *testing.T) {
	l := open(t)
	defer close(l.hub.open)
	operation := l.do("PUT", register, "").document(t).OperationID
	for _, body := range []string{"{}", " ", "[", strings.Repeat("x", 100<<10)} {
		a := l.do("GET", device+"/operations/"+operation+version, body, "Content-Type", "text/plain")
		if a.StatusCode != 202 || a.document(t).OperationID != operation {
			t.Errorf("with a body of %d bytes: %d %s", len(body), a.StatusCode, a.body)
		}
	}
}

func TestADisabledDeviceHearsItFromThePoll(t *testing.T) {
	l := open(t)
	as := []string{"Authorization", l.token("off")}
	first := l.do("PUT", "/0ne00DEMO01/registrations/off/register"+version, "", as...)
	if first.StatusCode != 202 {
		t.Fatalf("register: %d %s", first.StatusCode, first.body)
	}
	last := first
	for last.StatusCode == 202 {
		last = l.do("GET", "/0ne00DEMO01/registrations/off/operations/"+first.document(t).OperationID+version, "", as...)
	}
	if d := last.document(t); last.StatusCode != 200 || d.Status != "disabled" || d.RegistrationState == nil || d.RegistrationState.Status != "disabled" {
		t.Errorf("poll: %d %s", last.StatusCode, last.body)
	}
}

// Every refusal is a document, however malformed the request.
func TestRefusals(t *testing.T) {
	l := open(t)
	for _, c := range []struct {
		rule, method, path, body string
		header                   []string
		code                     int
	}{
		{"no credentials", "PUT", register, "", []string{"Authorization", ""}, 401002},
		{"credentials of another kind", "PUT", register, "", []string{"Authorization", "Bearer x"}, 401002},
		{"another device's token", "PUT", register, "", []string{"Authorization", l.token("dev-02")}, 401002},
		{"a poll without credentials", "GET", device + "/operations/5.1" + version, "", []string{"Authorization", ""}, 401002},
		{"an unknown scope", "PUT", "/0ne00OTHER1/registrations/dev-01/register" + version, "", nil, 404001},
		{"no path", "GET", "/", "", nil, 404000},
		{"another path", "GET", "/0ne00DEMO01/devices/dev-01" + version, "", nil, 404000},
		{"another method", "DELETE", device + "/register" + version, "", nil, 405000},
		{"an id that is none", "PUT", "/0ne00DEMO01/registrations/a%20b/register" + version, "", nil, 400004},
		{"an empty id", "PUT", "/0ne00DEMO01/registrations//register" + version, "", nil, 400004},
		{"an id with a slash", "PUT", "/0ne00DEMO01/registrations/a%2Fb/register" + version, "", nil, 400004},
		{"no api-version", "PUT", device + "/register", "", nil, 400003},
		{"no api-version in a poll", "GET", device + "/operations/5.1", "", nil, 400003},
		{"an unknown api-version", "PUT", device + "/register?api-version=1", "", nil, 400003},
		{"a query that is none", "PUT", device + "/register?%zz", "", nil, 400003},
		{"another media type", "PUT", register, "{}", []string{"Content-Type", "text/plain"}, 415000},
		{"a media type that is none", "PUT", register, "{}", []string{"Content-Type", "application/json; charset"}, 415000},
		{"no JSON", "PUT", register, "{", nil, 400004},
		{"another device's body", "PUT", register, `{"registrationId":"dev-02"}`, nil, 400004},
		{"another device's body, at length", "PUT", register, `{"registrationId":"` + strings.Repeat("x", 8<<10) + `"}`, nil, 400004},
		{"too much", "PUT", register, `{"payload":"` + strings.Repeat("x", 97<<10) + `"}`, nil, 413000},
		{"an operation that never was", "GET", device + "/operations/5.0" + version, "", nil, 404203},
		{"the lookup of who never registered", "POST", device + version, "", nil, 404202},
		{"a lookup without JSON", "POST", device + version, "[", nil, 400004},
	} {
		t.Run(c.rule, func(t *testing.T) {
			a := l.do(c.method, c.path, c.body, c.header...)
			a.plain(t)
			d := a.document(t)
			if a.StatusCode != c.code/1000 || d.ErrorCode != c.code || a.Header.Get(names.ErrorCode) != strconv.Itoa(c.code) {
				t.Errorf("%d, %s: %s", a.StatusCode, a.Header.Get(names.ErrorCode), a.body)
			}
			if d.TrackingID != a.Header.Get(names.RequestID) || d.Message == "" || !strings.HasSuffix(d.TimestampUTC, "Z") {
				t.Errorf("%s, with request id %q", a.body, a.Header.Get(names.RequestID))
			}
			if d.Status != "" || d.OperationID != "" || d.RegistrationState != nil {
				t.Errorf("a refusal with an operation: %s", a.body)
			}
			if strings.Contains(string(a.body), "SharedAccessSignature") {
				t.Errorf("the token is repeated: %s", a.body)
			}
		})
	}
}

func TestWhatClientsSendBeside(t *testing.T) {
	l := open(t)
	close(l.hub.open)
	for _, c := range []struct {
		rule, path, body string
		header           []string
	}{
		{"no media type", register, "{}", []string{"Content-Type", ""}},
		{"a media type in another case", register, "{}", []string{"Content-Type", "Application/JSON"}},
		{"no body", register, "", nil},
		{"Content-Encoding: utf-8", register, "{}", []string{"Content-Encoding", "utf-8"}},
		{"forceRegistration", register + "&forceRegistration=true", "{}", nil},
		{"the scope in another case", strings.ToLower(register), "{}", nil},
		{"an encoded id", "/0ne00DEMO01/registrations/a%3ab/register" + version, "{}", []string{"Authorization", l.token("a:b")}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			a := l.do("PUT", c.path, c.body, c.header...)
			if a.StatusCode != 202 && a.StatusCode != 409 { // an earlier case may still be under way
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
		})
	}
}
