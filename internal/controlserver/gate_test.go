package controlserver_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/controlserver"
)

func TestGates(t *testing.T) {
	l := newLab(t)
	host := strings.TrimPrefix(l.URL(), "https://")
	_, port, _ := strings.Cut(host, ":")
	for name, c := range map[string]struct {
		path string
		bend func(*http.Request)
		want int
	}{
		"everything right":              {"/v1/info", func(*http.Request) {}, 200},
		"no token":                      {"/v1/info", func(r *http.Request) { r.Header.Del("Authorization") }, 401},
		"wrong token":                   {"/v1/info", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token+"0") }, 401},
		"token with another scheme":     {"/v1/info", func(r *http.Request) { r.Header.Set("Authorization", "Basic "+token) }, 401},
		"token alone":                   {"/v1/info", func(r *http.Request) { r.Header.Set("Authorization", token) }, 401},
		"no token on an unknown path":   {"/v1/nothing", func(r *http.Request) { r.Header.Del("Authorization") }, 401},
		"health without a token":        {"/healthz", func(r *http.Request) { r.Header.Del("Authorization") }, 200},
		"health of a foreign host":      {"/healthz", func(r *http.Request) { r.Host = "evil.example" }, 403},
		"Host of a rebound name":        {"/v1/info", func(r *http.Request) { r.Host = "evil.example:" + port }, 403},
		"Host that begins like ours":    {"/v1/info", func(r *http.Request) { r.Host = "localhost.evil.example" }, 403},
		"Host with another address":     {"/v1/info", func(r *http.Request) { r.Host = "192.0.2.1:" + port }, 403},
		"Host localhost":                {"/v1/info", func(r *http.Request) { r.Host = "LOCALHOST:" + port }, 200},
		"Host another loopback address": {"/v1/info", func(r *http.Request) { r.Host = "127.3.4.5:" + port }, 200},
		"Host ::1":                      {"/v1/info", func(r *http.Request) { r.Host = "[::1]:" + port }, 200},
		"Host of the options":           {"/v1/info", func(r *http.Request) { r.Host = "lab" }, 200},
		"own Origin":                    {"/v1/info", func(r *http.Request) { r.Header.Set("Origin", "https://"+host) }, 200},
		"foreign Origin":                {"/v1/info", func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, 403},
		"null Origin":                   {"/v1/info", func(r *http.Request) { r.Header.Set("Origin", "null") }, 403},
		"own Origin without TLS":        {"/v1/info", func(r *http.Request) { r.Header.Set("Origin", "http://"+host) }, 403},
		"unknown path":                  {"/v1/nothing", func(*http.Request) {}, 404},
		"method that is not there":      {"/v1/info", func(r *http.Request) { r.Method = http.MethodPut }, 405},
		"unknown parameter":             {"/v1/transcript?registraton=x", func(*http.Request) {}, 400},
		"parameter twice":               {"/v1/transcript?after=1&after=2", func(*http.Request) {}, 400},
		"parameter that is no number":   {"/v1/transcript?after=-1", func(*http.Request) {}, 400},
	} {
		t.Run(name, func(t *testing.T) {
			r := l.request(t, http.MethodGet, c.path, "")
			c.bend(r)
			res := raw(t, r)
			if res.StatusCode != c.want {
				t.Fatalf("status %d", res.StatusCode)
			}
			if c.want == 200 {
				return
			}
			var answer map[string]string
			if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || len(answer) != 1 || answer["error"] == "" {
				t.Fatalf("the error is not told as JSON: %v, %v", answer, err)
			}
			if strings.Contains(answer["error"], "\n") || strings.Contains(answer["error"], token) {
				t.Errorf("the error is %q", answer["error"])
			}
		})
	}
}

func TestAPortOnEveryAddressTakesAnyAddressAndNoForeignName(t *testing.T) {
	cert, _ := identity()
	s, err := controlserver.Listen(controlserver.Options{Address: "0.0.0.0:0", Certificate: cert, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	if !strings.HasPrefix(s.URL(), "https://127.0.0.1:") {
		t.Errorf("URL %s", s.URL())
	}
	l := &lab{Server: s}
	for host, want := range map[string]int{"192.0.2.1:9443": 200, "evil.example": 403, "": 200} {
		r := l.request(t, http.MethodGet, "/v1/catalogue", "")
		r.Host = host
		if res := raw(t, r); res.StatusCode != want {
			t.Errorf("Host %q: %d", host, res.StatusCode)
		}
	}
}

func TestBodies(t *testing.T) {
	l := newLab(t)
	for name, c := range map[string]struct {
		body string
		want int
	}{
		"right":               {`{"entry":"answers-500"}`, 201},
		"unknown member":      {`{"entry":"answers-500","adress":{}}`, 400},
		"unknown inner":       {`{"entry":"answers-500","address":{"stp":"accept"}}`, 400},
		"another kind":        {`{"entry":5}`, 400},
		"no JSON":             {`entry`, 400},
		"empty":               {``, 400},
		"two values":          {`{"entry":"answers-500"}{}`, 400},
		"unknown entry":       {`{"entry":"answers-501"}`, 400},
		"unknown argument":    {`{"entry":"answers-500","args":{"for":"1s"}}`, 400},
		"negative nth":        {`{"entry":"answers-500","address":{"nth":-1}}`, 400},
		"larger than allowed": {`{"entry":"` + strings.Repeat("a", 1<<20) + `"}`, 413},
	} {
		t.Run(name, func(t *testing.T) {
			if res := raw(t, l.request(t, http.MethodPost, "/v1/services/one/points", c.body)); res.StatusCode != c.want {
				t.Fatalf("status %d", res.StatusCode)
			}
		})
	}
}

func TestListenRefusesWhatCannotServe(t *testing.T) {
	cert, _ := identity()
	taken := newLab(t)
	for name, o := range map[string]controlserver.Options{
		"no token":       {Certificate: cert},
		"no port":        {Certificate: cert, Token: token, Address: "127.0.0.1"},
		"a taken port":   {Certificate: cert, Token: token, Address: strings.TrimPrefix(taken.URL(), "https://")},
		"no certificate": {Token: token},
	} {
		if s, err := controlserver.Listen(o); err == nil {
			s.Close(t.Context())
			t.Errorf("%s: listens", name)
		}
	}
}
