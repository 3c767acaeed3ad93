package serviceapi_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/vectors"
	"github.com/dpslab/dpslab/reference/problem"
	"github.com/dpslab/dpslab/reference/serviceapi"
)

func request(t *testing.T, method, path string) *http.Request {
	t.Helper()
	u, err := url.ParseRequestURI("https://" + host + path)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Request{Method: method, URL: u, Host: u.Host}
}

func TestRoutes(t *testing.T) {
	v := vectors.All().ServiceAPI
	for _, c := range []struct {
		rule, method, path string
		step, id           string // of a path that names nothing: empty
	}{
		{"an enrollment", "PUT", v.EnrollmentPath, "put enrollment", "dev-01"},
		{"a group", "GET", v.EnrollmentGroupPath, "get enrollment group", "line-a"},
		{"an attestation mechanism", "POST", v.AttestationPath, "attestation enrollment", "dev-01"},
		{"a registration", "DELETE", v.RegistrationPath, "delete registration", "dev-01"},
		{"a query of enrollments", "POST", v.QueryPaths[0], "query enrollment", ""},
		{"a query of groups", "POST", v.QueryPaths[1], "query enrollment group", ""},
		{"a query of a group's registrations", "POST", v.QueryPaths[2], "query registration", "line-a"},
		{"words in another case", "POST", "/ENROLLMENTgroups/line-a/AttestationMechanism", "attestation enrollment group", "line-a"},
		{"a slash at the end", "GET", "/enrollments/dev-01/", "get enrollment", "dev-01"},
		{"an encoded id", "GET", "/enrollments/a%3ab", "get enrollment", "a:b"},
		{"an id with an encoded slash is one segment", "GET", "/enrollments/a%2fb", "get enrollment", "a/b"},
		{"a plus in an id", "GET", "/enrollments/a+b", "get enrollment", "a+b"},
		{"an enrollment called query", "GET", "/enrollments/query", "get enrollment", "query"},
		{"a registration called query", "GET", "/registrations/query", "get registration", "query"},
		{"the collection itself", "GET", "/enrollments", "get enrollment", ""},
		{"the collection itself, with a slash", "POST", "/enrollments/", "post enrollment", ""},

		{"a registration has no attestation mechanism", "POST", "/registrations/dev-01/attestationmechanism", "", ""},
		{"an enrollment has no query", "POST", "/enrollments/dev-01/query", "", ""},
		{"an enrollment has nothing else", "GET", "/enrollments/dev-01/keys", "", ""},
		{"something behind it", "POST", "/enrollments/dev-01/attestationmechanism/more", "", ""},
		{"another collection", "GET", "/trustBundles", "", ""},
		{"an encoded slash makes no collection", "GET", "/enrollments%2fdev-01", "", ""},
		{"nor does it of another's name", "GET", "/registrations%2fdev-01", "", ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			step, id, err := serviceapi.ParseRoute(request(t, c.method, c.path))
			var p *problem.Error
			switch {
			case c.step == "" && (!errors.As(err, &p) || p.Code != 404000):
				t.Errorf("%q %q, %v", step, id, err)
			case c.step != "" && (err != nil || step != c.step || id != c.id):
				t.Errorf("%q %q, %v", step, id, err)
			}
		})
	}
}

// What is not served here is the device API's, which begins with an id scope.
func TestServes(t *testing.T) {
	for path, want := range map[string]bool{
		"/enrollments": true, "/Enrollments/x": true, "/enrollmentGroups/query": true, "/registrations/x": true,
		"/": false, "": false, "/enrollmentsx": false, "/0ne00DEMO01/registrations/x/register": false, "//enrollments": false,
	} {
		if got := serviceapi.Serves(path); got != want {
			t.Errorf("%q: %v", path, got)
		}
	}
}

// A path that is taken names its id, undamaged; any other is refused as the service refuses.
func FuzzParseRoute(f *testing.F) {
	v := vectors.All().ServiceAPI
	for _, path := range append(v.QueryPaths, v.EnrollmentPath, v.AttestationPath, v.RegistrationPath, "/enrollments", "/", "*", "/enrollments%2F%00") {
		f.Add("POST", path)
		f.Add("GET", path)
	}
	f.Fuzz(func(t *testing.T, method, path string) {
		u, err := url.ParseRequestURI(path)
		if err != nil {
			return // net/http answers it
		}
		step, id, err := serviceapi.ParseRoute(&http.Request{Method: method, URL: u})
		if err != nil {
			if p := problem.As(err); p.Class() != http.StatusNotFound {
				t.Errorf("%s %q: %v", method, path, err)
			}
			return
		}
		if id != "" && !strings.Contains(u.Path, id) {
			t.Errorf("%s %q is taken for %q of id %q", method, path, step, id)
		}
	})
}
