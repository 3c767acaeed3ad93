package sas

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// operator is who holds a shared access policy of the service.
type operator struct {
	service *harness.Service
	host    string
	policy  string
	key     []byte
	now     time.Time
	path    string // of an enrollment, for requests to ask for
}

func newOperator(ctx context.Context, env *harness.Env, t *harness.T, options ...harness.ServiceOption) operator {
	o := operator{service: env.Service(ctx, t, options...), now: env.Wire.Clock.Now()}
	o.service.Operator(t)
	for field := range strings.SplitSeq(o.service.ConnectionString, ";") {
		name, value, _ := strings.Cut(field, "=")
		switch name {
		case "HostName":
			o.host = value
		case "SharedAccessKeyName":
			o.policy = value
		case "SharedAccessKey":
			var err error
			o.key, err = base64.StdEncoding.DecodeString(value)
			t.Must(err, "read the key of the service's connection string")
		}
	}
	record := o.service.Enroll(ctx, t, harness.SymmetricKeys(harness.Key(), harness.Key()))
	o.path = devwire.EnrollmentPath(record["registrationId"].(string))
	return o
}

// token is a good one for a resource, which is signed and sent as it stands.
func (o operator) token(resource string) devwire.SAS {
	return devwire.SAS{Resource: resource, Key: o.key, Expiry: o.now.Add(time.Hour), Policy: &o.policy}
}

// get asks for the enrollment with this text in the place of a token; "" sends none.
func (o operator) get(ctx context.Context, t *harness.T, token string) devwire.HTTPResponse {
	return o.service.Do(ctx, t, devwire.ServiceRequest{Method: http.MethodGet, Path: o.path, Token: &token})
}

// accepted is the positive twin of a refusal: a token as any client makes it.
func (o operator) accepted(ctx context.Context, t *harness.T) {
	t.Given("an ordinary token is accepted", func() {
		t.Expect(o.get(ctx, t, o.token(o.host).Token()).Status).To(BeNumerically("<", 300))
	})
}

// refused is what an error document has to be.
func refused(t *harness.T, answer devwire.HTTPResponse, what string) {
	t.Expect(answer.Status).To(Equal(http.StatusUnauthorized), what)
	document, err := answer.JSON()
	t.Answered(err, "read the error document")
	t.Expect(document).To(HaveKeyWithValue("errorCode", And(BeNumerically(">=", 401000), BeNumerically("<", 402000))), what)
}

// serviceChecks are about the tokens of operators.
var serviceChecks = []harness.Check{{
	Requirement: "DPS-SAS-022",
	Title:       "a service token may name the host in any letter case",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		o := newOperator(ctx, env, t)
		for _, host := range []string{strings.ToLower(o.host), strings.ToUpper(o.host), strings.ToUpper(o.host[:1]) + o.host[1:]} {
			t.Expect(o.get(ctx, t, o.token(host).Token()).Status).To(Equal(http.StatusOK), host)
		}
	},
}, {
	Requirement: "DPS-SAS-023",
	Title:       "a service token is verified over its resource as received, encoded or not",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		o := newOperator(ctx, env, t)
		raw := o.host + o.path
		for _, resource := range []string{
			o.host, url.QueryEscape(o.host), raw, url.QueryEscape(raw), strings.ReplaceAll(raw, "/", "%2f"), strings.ReplaceAll(o.host, ".", "%2E"),
		} {
			t.Expect(o.get(ctx, t, o.token(resource).Token()).Status).To(Equal(http.StatusOK), "%s", resource)
		}
	},
}, {
	Requirement: "DPS-SAS-024",
	Title:       "the fields of a service token may come in any order",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		o := newOperator(ctx, env, t)
		for _, order := range []string{"sr,sig,skn,se", "sr,sig,se,skn", "sig,se,skn,sr", "skn,se,sig,sr"} {
			token := o.token(o.host)
			token.Order = strings.Split(order, ",")
			t.Expect(o.get(ctx, t, token.Token()).Status).To(Equal(http.StatusOK), order)
		}
	},
}, {
	Requirement: "DPS-SAS-025",
	Title:       "a service request without a token, or with a malformed one, is answered with 401 and an error document",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		o := newOperator(ctx, env, t)
		o.accepted(ctx, t)
		good := o.token(o.host).Token()
		_, fields, _ := strings.Cut(good, " ")
		for what, token := range map[string]string{
			"no token":              "",
			"another scheme":        "Basic " + base64.StdEncoding.EncodeToString([]byte("operator:secret")),
			"no scheme":             fields,
			"the scheme alone":      "SharedAccessSignature",
			"no fields":             "SharedAccessSignature nonsense",
			"no sr":                 strings.Replace(good, "sr=", "x=", 1),
			"no sig":                strings.Replace(good, "sig=", "x=", 1),
			"no se":                 strings.Replace(good, "se=", "x=", 1),
			"an se that is no time": strings.Replace(good, "se=", "se=x", 1),
		} {
			refused(t, o.get(ctx, t, token), what)
		}
	},
}, {
	Requirement: "DPS-SAS-026",
	Title:       "a service request with an expired token is answered with 401",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		o := newOperator(ctx, env, t)
		o.accepted(ctx, t)
		expired := o.token(o.host)
		expired.Expiry = o.now.Add(-time.Hour)
		refused(t, o.get(ctx, t, expired.Token()), "expired an hour ago")
	},
}, {
	Requirement: "DPS-SAS-031",
	Title:       "a service request whose policy lacks the right of the operation is answered with 401",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		key := harness.Key()
		o := newOperator(ctx, env, t, harness.WithPolicy("reader", key, "EnrollmentRead"), harness.WithPolicy("writer", key, "EnrollmentWrite"))
		o.key, o.policy = key, "reader"
		o.accepted(ctx, t)
		o.policy = "writer"
		refused(t, o.get(ctx, t, o.token(o.host).Token()), "a policy that only writes")
	},
}, {
	Requirement: "DPS-SAS-027",
	Title:       "a service request whose token is signed with a wrong key is answered with 401",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		o := newOperator(ctx, env, t)
		o.accepted(ctx, t)
		forged := o.token(o.host)
		forged.Key = harness.Key()
		refused(t, o.get(ctx, t, forged.Token()), "another key")
	},
}, {
	Requirement: "DPS-SAS-028",
	Title:       "a service request whose token names another host is answered with 401",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		o := newOperator(ctx, env, t)
		o.accepted(ctx, t)
		for _, host := range []string{"other-" + o.host, o.host + ".invalid", strings.SplitN(o.host, ".", 2)[0]} {
			refused(t, o.get(ctx, t, o.token(host).Token()), host)
		}
	},
}, {
	Requirement: "DPS-SAS-029",
	Title:       "the path in the resource of a service token is a prefix by whole segments",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		o := newOperator(ctx, env, t)
		for _, path := range []string{"/enrollments", o.path} {
			t.Expect(o.get(ctx, t, o.token(url.QueryEscape(o.host+path)).Token()).Status).To(Equal(http.StatusOK), path)
		}
		for _, path := range []string{"/enrollmentGroups", "/enroll", o.path[:len(o.path)-1], o.path + "/attestationmechanism"} {
			refused(t, o.get(ctx, t, o.token(url.QueryEscape(o.host+path)).Token()), path)
		}
	},
}, {
	Requirement: "DPS-SAS-030",
	Title:       "a service token of an unknown policy is answered with 401",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		o := newOperator(ctx, env, t)
		o.accepted(ctx, t)
		for _, policy := range []string{"nobody", ""} {
			stranger := o.token(o.host)
			stranger.Policy = &policy
			refused(t, o.get(ctx, t, stranger.Token()), "policy "+policy)
		}
	},
}}
