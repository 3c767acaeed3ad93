package sec

import (
	"bufio"
	"context"
	"fmt"
	"net/http"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// requestChecks are about single HTTP requests.
var requestChecks = []harness.Check{{
	Requirement: "DPS-SEC-007",
	Title:       "polls and lookups without a token, and with another device's, are answered with 401",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		service := env.Service(ctx, t)
		d, other := service.SymmetricKeyDevice(ctx, t), service.SymmetricKeyDevice(ctx, t)
		operation := d.Register(ctx, t).OperationID
		poll := devwire.HTTPRequest{Method: http.MethodGet, Path: devwire.PollPath(d.Identity, operation)}
		lookup := devwire.HTTPRequest{Method: http.MethodPost, Path: devwire.LookupPath(d.Identity), Body: []byte("{}"),
			Header: http.Header{"Content-Type": {"application/json"}}}
		t.Given("the device polls", func() {
			t.Expect(asked(ctx, env, t, service, poll, d.Token(env.Wire.Clock.Now()))).To(BeNumerically("<", 300))
		})
		for _, r := range []devwire.HTTPRequest{poll, lookup} {
			t.Expect(asked(ctx, env, t, service, r, "")).To(Equal(401), "%s without a token", r.Method)
			t.Expect(asked(ctx, env, t, service, r, other.Token(env.Wire.Clock.Now()))).To(Equal(401), "%s with another's", r.Method)
		}
	},
}, {
	Requirement: "DPS-SEC-008",
	Title:       "a status lookup in absolute form is answered as one in origin form",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		d.Assigned(ctx, t) // to its end: nothing may be under way when the check cleans up
		at := d.Service.Device
		conn, err := env.Wire.Dial(ctx, at, at.HTTPSPort, devwire.DialOptions{})
		t.Answered(err, "connect")
		defer conn.Close()
		fmt.Fprintf(conn, "POST https://%s%s HTTP/1.1\r\nHost: %s\r\nAuthorization: %s\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
			at.Host, devwire.LookupPath(d.Identity), at.Host, d.Token(env.Wire.Clock.Now()))
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		t.Answered(err, "read the answer")
		answer.Body.Close()
		t.Expect(answer.StatusCode).To(Equal(http.StatusOK))
	},
}}

// asked sends a request with a token, or without one, and returns the status of the answer.
func asked(ctx context.Context, env *harness.Env, t *harness.T, s *harness.Service, r devwire.HTTPRequest, token string) int {
	r.Header = r.Header.Clone()
	if r.Header == nil {
		r.Header = http.Header{}
	}
	if token != "" {
		r.Header.Set("Authorization", token)
	}
	client := env.Wire.HTTP(s.Device, devwire.DialOptions{})
	defer client.Close()
	answer, err := client.Do(ctx, r)
	t.Answered(err, "request")
	return answer.Status
}
