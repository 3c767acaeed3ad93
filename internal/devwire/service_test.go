package devwire_test

import (
	"crypto/tls"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/vectors"
)

var policyKey = base64.StdEncoding.EncodeToString([]byte("a policy's key"))

func connectionString(host string) string {
	return strings.NewReplacer("{host}", host, "{policy}", "provisioningserviceowner", "{key}", policyKey).
		Replace(vectors.All().ServiceAPI.ConnectionString)
}

// exchange is one request as the server saw it.
type exchange struct {
	line, body string
	header     http.Header
}

func serviceServer(t *testing.T, l *lab) (port int, seen chan exchange) {
	seen = make(chan exchange, 1)
	port = l.serve(t, l.tls(), func(c *tls.Conn) {
		serveHTTP(c, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			seen <- exchange{line: r.Method + " " + r.RequestURI, body: string(body), header: r.Header}
			w.Header().Set("Connection", "close")
			io.WriteString(w, `{}`)
		})
	})
	return port, seen
}

func TestServiceRequests(t *testing.T) {
	lab := newLab(t)
	port, seen := serviceServer(t, lab)
	client, err := lab.wire().Service(endpoint(serviceHost, port), connectionString(serviceHost))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, none, raw := soon(t), "", "SharedAccessSignature sr=x"
	for name, tc := range map[string]struct {
		call         func() (devwire.HTTPResponse, error)
		line, body   string
		authorized   string
		itemCount    string
		continuation string
	}{
		"put an enrollment": {
			call: func() (devwire.HTTPResponse, error) {
				return client.PutEnrollment(ctx, map[string]any{"registrationId": "a b"})
			},
			line: "PUT /enrollments/a%20b?api-version=2021-10-01", body: `{"registrationId":"a b"}`,
		},
		"put a group": {
			call: func() (devwire.HTTPResponse, error) {
				return client.PutGroup(ctx, map[string]any{"enrollmentGroupId": "line-a"})
			},
			line: "PUT /enrollmentGroups/line-a?api-version=2021-10-01", body: `{"enrollmentGroupId":"line-a"}`,
		},
		"get an enrollment":     {call: func() (devwire.HTTPResponse, error) { return client.GetEnrollment(ctx, "x") }, line: "GET /enrollments/x?api-version=2021-10-01"},
		"delete an enrollment":  {call: func() (devwire.HTTPResponse, error) { return client.DeleteEnrollment(ctx, "x") }, line: "DELETE /enrollments/x?api-version=2021-10-01"},
		"get a group":           {call: func() (devwire.HTTPResponse, error) { return client.GetGroup(ctx, "x") }, line: "GET /enrollmentGroups/x?api-version=2021-10-01"},
		"delete a group":        {call: func() (devwire.HTTPResponse, error) { return client.DeleteGroup(ctx, "x") }, line: "DELETE /enrollmentGroups/x?api-version=2021-10-01"},
		"get a registration":    {call: func() (devwire.HTTPResponse, error) { return client.GetRegistration(ctx, "x") }, line: "GET /registrations/x?api-version=2021-10-01"},
		"delete a registration": {call: func() (devwire.HTTPResponse, error) { return client.DeleteRegistration(ctx, "x") }, line: "DELETE /registrations/x?api-version=2021-10-01"},
		"ask for an attestation": {
			call: func() (devwire.HTTPResponse, error) {
				return client.AttestationMechanism(ctx, devwire.EnrollmentPath("dev-01"))
			},
			line: "POST " + vectors.All().ServiceAPI.AttestationPath + "?api-version=2021-10-01",
		},
		"query a page": {
			call: func() (devwire.HTTPResponse, error) {
				return client.Query(ctx, "/enrollments", "SELECT *", 2, "token")
			},
			line: "POST " + vectors.All().ServiceAPI.QueryPaths[0] + "?api-version=2021-10-01", body: `{"query":"SELECT *"}`,
			itemCount: "2", continuation: "token",
		},
		"no version, no token, bytes verbatim": {
			call: func() (devwire.HTTPResponse, error) {
				return client.Do(ctx, devwire.ServiceRequest{Method: "PUT", Path: "/x", Body: []byte(`{`), APIVersion: &none, Token: &none})
			},
			line: "PUT /x", body: `{`, authorized: "none",
		},
		"the caller's version, token and query": {
			call: func() (devwire.HTTPResponse, error) {
				v := "2018-04-01"
				return client.Do(ctx, devwire.ServiceRequest{Method: "GET", Path: "/x", Query: url.Values{"a": {"b c"}}, APIVersion: &v, Token: &raw})
			},
			line: "GET /x?a=b+c&api-version=2018-04-01", authorized: raw,
		},
		"the caller's own header": {
			call: func() (devwire.HTTPResponse, error) {
				return client.Do(ctx, devwire.ServiceRequest{Method: "GET", Path: "/x", Header: http.Header{"authorization": {raw}}, APIVersion: &none})
			},
			line: "GET /x", authorized: raw,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if response, err := tc.call(); err != nil || response.Status != 200 {
				t.Fatalf("%d, %v", response.Status, err)
			}
			got := <-seen
			if got.line != tc.line || got.body != tc.body {
				t.Errorf("sent %s %s", got.line, got.body)
			}
			want := tc.authorized
			switch want {
			case "":
				want = devwire.SAS{Resource: serviceHost, Key: []byte("a policy's key"), Expiry: noon.Add(time.Hour), Policy: text("provisioningserviceowner")}.Token()
			case "none":
				want = ""
			}
			if got := got.header.Get("Authorization"); got != want {
				t.Errorf("authorized by %q, want %q", got, want)
			}
			v := vectors.All().ServiceAPI
			if got.header.Get(v.MaxItemCountHeader) != tc.itemCount || got.header.Get(v.ContinuationHeader) != tc.continuation {
				t.Errorf("headers %v", got.header)
			}
		})
	}
	if _, err := client.PutEnrollment(ctx, map[string]any{}); err == nil {
		t.Error("a record without an id was put")
	}
}

func text(s string) *string { return &s }

func TestHubServiceRequests(t *testing.T) {
	lab := newLab(t)
	port, seen := serviceServer(t, lab)
	client, err := lab.wire().HubService(endpoint(hubHost, port), connectionString(hubHost))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx := soon(t)
	for _, tc := range []struct {
		call       func() (devwire.HTTPResponse, error)
		line, body string
	}{
		{call: func() (devwire.HTTPResponse, error) { return client.Identity(ctx, "d1") }, line: "GET /devices/d1?api-version=2021-04-12"},
		{call: func() (devwire.HTTPResponse, error) { return client.Twin(ctx, "d1") }, line: "GET /twins/d1?api-version=2021-04-12"},
		{call: func() (devwire.HTTPResponse, error) { return client.PatchTwin(ctx, "d1", map[string]any{"tags": nil}) },
			line: "PATCH /twins/d1?api-version=2021-04-12", body: `{"tags":null}`},
		{call: func() (devwire.HTTPResponse, error) {
			return client.Method(ctx, "d1", "reboot", map[string]any{"in": 5}, 7)
		},
			line: "POST /twins/d1/methods?api-version=2021-04-12", body: `{"methodName":"reboot","payload":{"in":5},"responseTimeoutInSeconds":7}`},
	} {
		if _, err := tc.call(); err != nil {
			t.Fatal(err)
		}
		if got := <-seen; got.line != tc.line || got.body != tc.body {
			t.Errorf("sent %s %s", got.line, got.body)
		}
	}
}

func TestConnectionStringsThatAreRefused(t *testing.T) {
	for name, s := range map[string]string{
		"empty":          "",
		"no host":        "SharedAccessKeyName=p;SharedAccessKey=c2VjcmV0c2VjcmV0",
		"no policy":      "HostName=h;SharedAccessKey=c2VjcmV0c2VjcmV0",
		"no key":         "HostName=h;SharedAccessKeyName=p",
		"key not base64": "HostName=h;SharedAccessKeyName=p;SharedAccessKey=c2VjcmV0c2VjcmV0!",
	} {
		_, err := new(devwire.Wire).Service(endpoint(serviceHost, 1), s)
		if err == nil || strings.Contains(err.Error(), "c2Vj") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
