package serviceapi_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/internal/sas"
	"github.com/dpslab/dpslab/internal/vectors"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/httpapi/httpapitest"
	"github.com/dpslab/dpslab/reference/registration"
	"github.com/dpslab/dpslab/reference/serviceapi"
)

const (
	host    = "demo.azure-devices-provisioning.net"
	version = "?api-version=2021-10-01"
)

var (
	names     = vectors.All().ServiceAPI
	policyKey = bytes.Repeat([]byte{5}, 64)
	otherKey  = bytes.Repeat([]byte{6}, 64)
	// text is a symmetric key as clients write it.
	text = base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))
)

// lab is a service API with one linked hub, hub-a, and the naive routes.
type lab struct {
	t             *testing.T
	client        *http.Client
	clock         *clock.Movable
	points        *point.Set
	enrollments   *enrollment.Memory
	registrations *registration.Memory
}

func open(t *testing.T, change ...func(*serviceapi.Options)) *lab {
	t.Helper()
	l := &lab{t: t, clock: clock.NewMovable(clock.System()), enrollments: enrollment.NewMemory(), registrations: registration.NewMemory()}
	l.points = point.NewSet(l.clock)
	o := serviceapi.Options{
		Name: "demo", Hosts: []string{host}, Policies: policies(),
		Enrollments: l.enrollments, Registrations: l.registrations, Linked: func(h string) bool { return h == "hub-a" },
		Now: l.clock.Now, Points: l.points, NaiveREST: true, Logger: slog.New(slog.DiscardHandler),
	}
	for _, c := range change {
		c(&o)
	}
	l.client = httpapitest.Serve(t, host, serviceapi.New(o))
	return l
}

// answer is what a client heard.
type answer struct {
	status int
	header http.Header
	body   string
}

// do sends a request as the owner, whose header pairs may say otherwise; an empty value
// leaves a header out.
func (l *lab) do(method, path, body string, header ...string) answer {
	l.t.Helper()
	r, err := http.NewRequest(method, "https://"+host+path, strings.NewReader(body))
	if err != nil {
		l.t.Fatal(err)
	}
	r.Header.Set("Authorization", sas.Sign(host, policyKey, l.clock.Now().Add(time.Hour), "provisioningserviceowner"))
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	httpapitest.SetHeader(r.Header, header...)
	if named := r.Header.Get("Host"); named != "" {
		r.Host = named
	}
	response, err := l.client.Do(r)
	if err != nil {
		l.t.Fatal(err)
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		l.t.Fatal(err)
	}
	a := answer{response.StatusCode, response.Header, string(b)}
	if a.header.Get(names.RequestIDHeader) == "" || !strings.Contains(a.header.Get("Content-Type"), "application/json") {
		l.t.Errorf("%s %s: header %v", method, path, a.header)
	}
	return a
}

// must is do for a request that the test takes for granted.
func (l *lab) must(status int, method, path, body string, header ...string) map[string]any {
	l.t.Helper()
	a := l.do(method, path, body, header...)
	if a.status != status {
		l.t.Fatalf("%s %s: %d %s, want %d", method, path, a.status, a.body, status)
	}
	if a.body == "" {
		return nil
	}
	return members(l.t, a.body)
}

func members(t *testing.T, body string) map[string]any {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatalf("%q: %v", body, err)
	}
	return doc
}

// refused asserts a refusal in the documented shape.
func (a answer) refused(t *testing.T, what string, code int) {
	t.Helper()
	d := members(t, a.body)
	if a.status != code/1000 || d["errorCode"] != float64(code) || a.header.Get(names.ErrorCodeHeader) != strconv.Itoa(code) {
		t.Errorf("%s: %d, %s %q: %s; want %d", what, a.status, names.ErrorCodeHeader, a.header.Get(names.ErrorCodeHeader), a.body, code)
		return
	}
	for name := range d {
		if !slices.Contains(vectors.All().ErrorDocument.Members, name) {
			t.Errorf("%s: an error has no member %q: %s", what, name, a.body)
		}
	}
	if d["trackingId"] != a.header.Get(names.RequestIDHeader) || d["message"] == "" || d["timestampUtc"] == nil {
		t.Errorf("%s: %s, with request id %q", what, a.body, a.header.Get(names.RequestIDHeader))
	}
	if strings.Contains(a.body, text) || strings.Contains(a.body, "SharedAccessSignature") {
		t.Errorf("%s: the answer repeats a secret: %s", what, a.body)
	}
}

// stored is how many records of a kind there are.
func (l *lab) stored(k enrollment.Kind) int {
	l.t.Helper()
	list, err := l.enrollments.List(l.t.Context(), k, "", 1000)
	if err != nil {
		l.t.Fatal(err)
	}
	return len(list)
}
