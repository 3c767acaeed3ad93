package serviceapi_test

import (
	"encoding/base64"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/reference/registration"
)

const (
	dev01 = "/enrollments/dev-01" + version
	body  = `{"registrationId":"dev-01","attestation":{"type":"symmetricKey"}}`
)

func TestIfMatchOfAPut(t *testing.T) {
	for _, c := range []struct {
		rule  string
		match func(etag string) string // etag has no quotes
		code  int                      // 0: taken
	}{
		{"its etag, quoted", func(e string) string { return `"` + e + `"` }, 0},
		{"its etag, bare", func(e string) string { return e }, 0},
		{"its etag, weak", func(e string) string { return `W/"` + e + `"` }, 0},
		{"any", func(string) string { return "*" }, 0},
		{"any, quoted", func(string) string { return `"*"` }, 0},
		{"no If-Match", func(string) string { return "" }, 409201},
		{"another etag", func(e string) string { return `"0` + e[1:] + `x"` }, 412201},
		{"an etag that is none", func(string) string { return `""` }, 400004},
	} {
		t.Run(c.rule, func(t *testing.T) {
			l := open(t)
			first := l.must(200, "PUT", dev01, body)
			etag := first["etag"].(string)
			if !strings.HasPrefix(etag, `"`) || !strings.HasSuffix(etag, `"`) {
				t.Fatalf("etag %s is not quoted", etag)
			}
			l.clock.Advance(time.Hour)
			a := l.do("PUT", dev01, body, "If-Match", c.match(strings.Trim(etag, `"`)))
			if c.code != 0 {
				a.refused(t, "PUT", c.code)
				return
			}
			if second := members(t, a.body); a.status != 200 || second["etag"] == etag || second["createdDateTimeUtc"] != first["createdDateTimeUtc"] ||
				second["lastUpdatedDateTimeUtc"] == first["lastUpdatedDateTimeUtc"] {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
}

func TestIfMatchOfADelete(t *testing.T) {
	for _, c := range []struct {
		rule, match string
		code        int
	}{
		{"none", "", 0},
		{"any", "*", 0},
		{"another etag", `"x"`, 412201},
		{"an etag that is none", `a b`, 400004},
	} {
		t.Run(c.rule, func(t *testing.T) {
			l := open(t)
			l.must(200, "PUT", dev01, body)
			a := l.do("DELETE", dev01, "", "If-Match", c.match)
			if c.code != 0 {
				a.refused(t, "DELETE", c.code)
				l.must(200, "GET", dev01, "")
				return
			}
			if a.status != 204 || a.body != "" || a.header.Get("Content-Length") != "" {
				t.Errorf("%d %q, %v", a.status, a.body, a.header)
			}
			l.do("GET", dev01, "").refused(t, "GET after it", 404201)
			l.do("DELETE", dev01, "").refused(t, "DELETE after it", 404201)
		})
	}
}

func TestOfWritersWithTheSameETagOneSucceeds(t *testing.T) {
	l := open(t)
	etag := l.must(200, "PUT", dev01, body)["etag"].(string)
	answers := make([]answer, 8)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = l.do("PUT", dev01, body, "If-Match", etag) })
	}
	all.Wait()
	won := 0
	for _, a := range answers {
		if a.status == 200 {
			won++
		} else {
			a.refused(t, "a later one", 412201)
		}
	}
	if won != 1 {
		t.Errorf("%d succeeded", won)
	}
}

func TestARegistration(t *testing.T) {
	l := open(t)
	const path = "/registrations/dev-01" + version
	l.do("GET", path, "").refused(t, "before the first registration", 404202)
	l.do("DELETE", path, "").refused(t, "DELETE before it", 404202)
	r := registration.Record{RegistrationID: "dev-01", Status: dps.StatusAssigned, Substatus: dps.SubstatusInitialAssignment,
		Hub: "hub-a", DeviceID: "dev-01", ETag: "0000e8c2-0000-0600-0000-618ed8610000"}
	for _, c := range []struct {
		rule, match string
		code        int
	}{
		{"in any case, unconditionally", "", 0},
		{"its etag as the state has it", base64.StdEncoding.EncodeToString([]byte(`"` + r.ETag + `"`)), 0},
		{"its etag decoded", `"` + r.ETag + `"`, 0},
		{"another etag", `"x"`, 412201},
	} {
		if err := l.registrations.Put(t.Context(), r, ""); err != nil {
			t.Fatal(err)
		}
		state := l.must(200, "GET", strings.ToUpper("/registrations/dev-01")+version, "")
		if state["registrationId"] != "dev-01" || state["status"] != "assigned" || state["assignedHub"] != "hub-a" || state["operationId"] != nil {
			t.Errorf("state %v", state)
		}
		a := l.do("DELETE", path, "", "If-Match", c.match)
		if c.code != 0 {
			a.refused(t, c.rule, c.code)
			continue
		}
		if a.status != 204 {
			t.Errorf("%s: %d %s", c.rule, a.status, a.body)
		}
		l.do("GET", path, "").refused(t, c.rule+": GET after it", 404202)
	}
}

func TestAnEnrollmentShowsItsRegistration(t *testing.T) {
	l := open(t)
	l.must(200, "PUT", dev01, body)
	if state := l.must(200, "GET", dev01, "")["registrationState"]; state != nil {
		t.Errorf("before the first registration: %v", state)
	}
	err := l.registrations.Put(t.Context(), registration.Record{RegistrationID: "DEV-01", Status: dps.StatusFailed, ErrorCode: 400208, ErrorMessage: "no", ETag: "e"}, "")
	if err != nil {
		t.Fatal(err)
	}
	state, _ := l.must(200, "GET", dev01, "")["registrationState"].(map[string]any)
	if state["status"] != "failed" || state["errorCode"] != float64(400208) {
		t.Errorf("after it: %v", state)
	}
}
