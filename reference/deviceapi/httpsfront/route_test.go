package httpsfront_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/vectors"
	"github.com/dpslab/dpslab/reference/deviceapi/httpsfront"
	"github.com/dpslab/dpslab/reference/problem"
)

func TestRoutesOfTheVectors(t *testing.T) {
	for _, v := range vectors.All().HTTPS.Requests {
		scope, id, operation, step, err := httpsfront.ParseRoute(httptest.NewRequest(v.Method, v.Path, nil))
		if err != nil || scope != "0ne00DEMO01" || id != "dev-01" || step != v.Operation || (operation != "") != (step == "poll") {
			t.Errorf("%s %s: %q %q %q %q, %v", v.Method, v.Path, scope, id, operation, step, err)
		}
	}
}

func TestRoutes(t *testing.T) {
	type says struct{ scope, id, operation, step string }
	for _, c := range []struct {
		rule, method, path string
		want               says
		code               int // 0: taken
	}{
		{"register", "PUT", "/s/registrations/d/register", says{"s", "d", "", "register"}, 0},
		{"poll", "GET", "/s/registrations/d/operations/o", says{"s", "d", "o", "poll"}, 0},
		{"lookup", "POST", "/s/registrations/d", says{"s", "d", "", "lookup"}, 0},
		{"a certificate for a server", "POST", "/s/devices/d/certificates/issue", says{"s", "d", "", "issue"}, 0},
		{"its operation", "GET", "/s/devices/d/operations/o", says{"s", "d", "o", "issuing"}, 0},
		{"the certificate", "GET", "/s/devices/d/certificates/c", says{"s", "d", "c", "certificate"}, 0},
		{"a slash at the end", "PUT", "/s/registrations/d/register/", says{"s", "d", "", "register"}, 0},
		{"fixed words in another case", "PUT", "/s/Registrations/d/REGISTER", says{"s", "d", "", "register"}, 0},
		{"encoded segments", "GET", "/0ne%2D1/registrations/a%3Ab/operations/5%2E1", says{"0ne-1", "a:b", "5.1", "poll"}, 0},
		{"encoded with lower-case hex", "PUT", "/s/registrations/a%3ab/register", says{"s", "a:b", "", "register"}, 0},
		{"an id with an encoded slash is one segment", "PUT", "/s/registrations/a%2Fb/register", says{"s", "a/b", "", "register"}, 0},
		{"an id that is missing is left to who judges ids", "PUT", "/s/registrations//register", says{"s", "", "", "register"}, 0},

		{"GET of register", "GET", "/s/registrations/d/register", says{}, 405000},
		{"POST of register", "POST", "/s/registrations/d/register", says{}, 405000},
		{"PUT of an operation", "PUT", "/s/registrations/d/operations/o", says{}, 405000},
		{"DELETE of a registration", "DELETE", "/s/registrations/d", says{}, 405000},
		{"a method in lower case is another", "put", "/s/registrations/d/register", says{}, 405000},
		{"GET of issue", "GET", "/s/devices/d/certificates/issue", says{"s", "d", "", "issue"}, 405000},
		{"POST of a certificate", "POST", "/s/devices/d/certificates/c", says{}, 405000},
		{"another word of devices", "GET", "/s/devices/d/keys/k", says{}, 404000},
		{"nothing", "GET", "/", says{}, 404000},
		{"a scope alone", "GET", "/s", says{}, 404000},
		{"a scope and a word", "GET", "/s/registrations", says{}, 404000},
		{"another word", "PUT", "/s/devices/d/register", says{}, 404000},
		{"another verb", "PUT", "/s/registrations/d/unregister", says{}, 404000},
		{"operations without an id", "GET", "/s/registrations/d/operations", says{}, 404000},
		{"something behind it", "GET", "/s/registrations/d/operations/o/more", says{}, 404000},
		{"something behind register", "PUT", "/s/registrations/d/register/now", says{}, 404000},
	} {
		t.Run(c.rule, func(t *testing.T) {
			var got says
			var err error
			got.scope, got.id, got.operation, got.step, err = httpsfront.ParseRoute(request(t, c.method, c.path))
			var p *problem.Error
			switch {
			case c.code == 0 && (err != nil || got != c.want):
				t.Errorf("%+v, %v; want %+v", got, err, c.want)
			case c.code != 0 && (!errors.As(err, &p) || p.Code != c.code):
				t.Errorf("%+v, %v; want %d", got, err, c.code)
			}
		})
	}
}

func request(t *testing.T, method, path string) *http.Request {
	t.Helper()
	u, err := url.ParseRequestURI("https://global.azure-devices-provisioning.net" + path)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Request{Method: method, URL: u, Host: u.Host}
}

func TestTheOperationURLLeadsBack(t *testing.T) {
	r := request(t, "PUT", "/0ne00DEMO01/registrations/a%3ab/register")
	r.Host = "global.azure-devices-provisioning.net:8443"
	got, err := httpsfront.OperationURL(r, "5.1/2")
	if err != nil || got != "https://global.azure-devices-provisioning.net:8443/0ne00DEMO01/registrations/a:b/operations/5.1%2F2" {
		t.Fatalf("%s, %v", got, err)
	}
	u, err := url.Parse(got)
	if err != nil {
		t.Fatal(err)
	}
	if _, id, operation, step, err := httpsfront.ParseRoute(&http.Request{Method: "GET", URL: u}); id != "a:b" || operation != "5.1/2" || step != "poll" || err != nil {
		t.Errorf("%q %q %q, %v", id, operation, step, err)
	}
}

// A path either says what its segments say, or is refused as the service refuses.
func FuzzParseRoute(f *testing.F) {
	for _, path := range []string{"/s/registrations/d/register", "/s/registrations/d/operations/o", "/s/registrations/d", "/", "//", "/a%2Fb/registrations/%00/register", "*",
		"/s/devices/d/certificates/issue", "/s/devices/d/certificates/c", "/s/devices/d/operations/o"} {
		for _, method := range []string{"PUT", "GET", "POST"} {
			f.Add(method, path)
		}
	}
	f.Fuzz(func(t *testing.T, method, path string) {
		u, err := url.ParseRequestURI(path)
		if err != nil {
			return // net/http answers it
		}
		scope, id, operation, step, err := httpsfront.ParseRoute(&http.Request{Method: method, URL: u})
		if err != nil {
			if p := problem.As(err); p.Class() != http.StatusNotFound && p.Class() != http.StatusMethodNotAllowed {
				t.Errorf("%s %q: %v", method, path, err)
			}
			return
		}
		want := map[string]string{"register": "PUT", "poll": "GET", "lookup": "POST", "issue": "POST", "issuing": "GET", "certificate": "GET"}[step]
		named := step == "poll" || step == "issuing" || step == "certificate"
		if method != want || (!named && operation != "") {
			t.Errorf("%s %q is taken for %s, operation %q", method, path, step, operation)
		}
		collection := "registrations"
		if step == "issue" || step == "issuing" || step == "certificate" {
			collection = "devices"
		}
		again := "/" + strings.Join([]string{url.PathEscape(scope), collection, url.PathEscape(id)}, "/")
		switch step {
		case "issue":
			again += "/certificates/issue"
		case "certificate":
			again += "/certificates/" + url.PathEscape(operation)
		case "register":
			again += "/register"
		case "poll", "issuing":
			again += "/operations/" + url.PathEscape(operation)
		}
		back, err := url.ParseRequestURI(again)
		if err != nil {
			t.Fatal(err)
		}
		if s, i, o, _, err := httpsfront.ParseRoute(&http.Request{Method: method, URL: back}); scope != "" && id != "" && (!named || operation != "") &&
			(s != scope || i != id || o != operation || err != nil) {
			t.Errorf("%q, written again as %q, says %q %q %q, %v", path, again, s, i, o, err)
		}
	})
}
