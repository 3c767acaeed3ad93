package strict_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/strict"
)

// asked is a request as a server reads it, with its bytes.
type asked struct {
	*http.Request
	body, raw string
}

// https runs a registration over HTTPS and returns what was asked.
func https(t *testing.T, sdk strict.SDK, d strict.Device) (got strict.Outcome, requests []asked) {
	t.Helper()
	got, err := sdk.By(t.Context(), d, func(_ context.Context, raw []byte) ([]byte, error) {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(r.Body)
		requests = append(requests, asked{r, string(body), string(raw)})
		if len(requests) == 1 {
			return response(202, assigning), err
		}
		return response(200, assigned), err
	})
	if err != nil {
		t.Fatalf("%s: %v", sdk.Name, err)
	}
	return got, requests
}

func response(code int, body []byte) []byte {
	return fmt.Appendf(nil, "HTTP/1.1 %d X\r\nContent-Type: application/json; charset=utf-8\r\nRetry-After: 0\r\nContent-Length: %d\r\n\r\n%s", code, len(body), body)
}

// device-api.md 1.1 and 1.2, byte by byte where it matters.
func TestRequestsAreTheSDKs(t *testing.T) {
	for _, c := range []struct {
		sdk            strict.SDK
		register, poll string   // path and query
		body, polled   string   // bodies
		lines, absent  []string // of the header of every request
	}{
		{strict.CSharp, "/0ne00DEMO01/registrations/a%3Ab/register?api-version=2019-03-31",
			"/0ne00DEMO01/registrations/a%3Ab/operations/" + operation + "?api-version=2019-03-31",
			`{"registrationId":"a:b"}`, ``,
			[]string{"User-Agent: Microsoft.Azure.Devices.Provisioning.Client/", "Authorization: SharedAccessSignature sr="}, nil},
		{strict.Java, "/0ne00DEMO01/registrations/a:b/register?api-version=2019-03-31",
			"/0ne00DEMO01/registrations/a:b/operations/" + operation + "?api-version=2019-03-31",
			`{"registrationId":"a:b"}`, ``,
			[]string{"authorization: SharedAccessSignature ", "Content-Length: ", "Content-Type: application/json; charset=utf-8"}, nil},
		{strict.Node, "/0ne00DEMO01/registrations/a:b/register?api-version=2019-03-31",
			"/0ne00DEMO01/registrations/a:b/operations/" + operation + "?api-version=2019-03-31",
			`{"registrationId":"a:b"}`, `{}`,
			[]string{"Request-Id: ", "User-Agent: azure-iot-provisioning-device/", "Content-Length: "}, nil},
		{strict.C, "/0ne00DEMO01/registrations/a%3ab/register?api-version=2021-06-01",
			"/0ne00DEMO01/registrations/a%3ab/operations/" + operation + "?api-version=2021-06-01",
			`{"registrationId":"a:b"}`, ``,
			[]string{"host: dps.example:8443", "useragent: prov_device_client/1.0", "connection: keep-alive", "content-type: application/json; charset=utf-8"}, []string{"User-Agent"}},
		{strict.Edge, "/0ne00DEMO01/registrations/a:b/register?api-version=2018-11-01",
			"/0ne00DEMO01/registrations/a:b/operations/" + operation + "?api-version=2018-11-01",
			`{"registrationId":"a:b"}`, ``, []string{"authorization: "}, nil},
	} {
		d := device()
		d.Identity.RegistrationID = "a:b"
		got, requests := https(t, c.sdk, d)
		if got.Status != "assigned" || len(requests) != 2 {
			t.Fatalf("%s: %+v", c.sdk.Name, got)
		}
		register, poll := requests[0], requests[1]
		if register.Method != "PUT" || register.RequestURI != c.register || poll.Method != "GET" || poll.RequestURI != c.poll {
			t.Errorf("%s asks %s %s and %s %s", c.sdk.Name, register.Method, register.RequestURI, poll.Method, poll.RequestURI)
		}
		if register.body != c.body || poll.body != c.polled {
			t.Errorf("%s sends %q and %q", c.sdk.Name, register.body, poll.body)
		}
		for _, r := range requests {
			for _, line := range c.lines {
				if !strings.Contains(r.raw, "\r\n"+line) {
					t.Errorf("%s: no %q in the header of %s", c.sdk.Name, line, r.Method)
				}
			}
			for _, line := range c.absent {
				if strings.Contains(r.raw, line) {
					t.Errorf("%s: %q in the header of %s", c.sdk.Name, line, r.Method)
				}
			}
		}
		d.Identity.Key = nil
		if _, requests := https(t, c.sdk, d); requests[0].Header.Get("Authorization") != "" {
			t.Errorf("%s sends an Authorization without a key", c.sdk.Name)
		}
	}
}

// A payload goes to HTTPS beside the registrationId, Java's as a string.
func TestPayloadOverHTTPS(t *testing.T) {
	for _, c := range []struct {
		sdk  strict.SDK
		want string
	}{
		{strict.CSharp, `{"registrationId":"dev-01","payload":{"a":1}}`}, {strict.Java, `{"registrationId":"dev-01","payload":"{\"a\":1}"}`},
		{strict.Node, `{"registrationId":"dev-01","payload":{"a":1}}`}, {strict.C, `{"registrationId":"dev-01","payload":{"a":1}}`},
	} {
		d := device()
		d.Payload = json.RawMessage(`{"a":1}`)
		if _, requests := https(t, c.sdk, d); requests[0].body != c.want {
			t.Errorf("%s sends %s", c.sdk.Name, requests[0].body)
		}
	}
}

// The content type of iot-identity-service comes only with a body.
func TestEdgeDeclaresABodyAlone(t *testing.T) {
	_, requests := https(t, strict.Edge, device())
	if requests[0].Header.Get("Content-Type") != "application/json" || requests[1].Header.Get("Content-Type") != "" {
		t.Errorf("%q and %q", requests[0].raw, requests[1].raw)
	}
}

func TestOverHTTPS(t *testing.T) {
	patience := clock.NewMovable(clock.Frozen(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)))
	for _, c := range []struct {
		rule  string
		sdk   strict.SDK
		send  func(ctx context.Context, _ []byte) ([]byte, error)
		wants string // requirement of the complaint; "": none
	}{
		{"closed without an answer", strict.Edge, func(context.Context, []byte) ([]byte, error) { return nil, io.EOF }, "DPS-HTTPS-056"},
		{"an answer that is cut off", strict.C, func(context.Context, []byte) ([]byte, error) {
			return response(202, assigning)[:120], nil
		}, "DPS-HTTPS-055"},
		{"no HTTP", strict.Java, func(context.Context, []byte) ([]byte, error) { return []byte("SSH-2.0-x\r\n"), nil }, "DPS-HTTPS-053"},
		{"no answer in the SDK's time", strict.Node, func(ctx context.Context, _ []byte) ([]byte, error) {
			patience.Advance(30 * time.Second)
			<-ctx.Done()
			return nil, ctx.Err()
		}, "DPS-HTTPS-051"},
		{"no answer in the run's time", strict.Edge, func(context.Context, []byte) ([]byte, error) {
			return nil, fmt.Errorf("raw request: %w", context.DeadlineExceeded)
		}, "DPS-HTTPS-051"},
		{"a refusal", strict.CSharp, func(context.Context, []byte) ([]byte, error) { return response(401, refusal), nil }, ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			d := device()
			d.Wire = &devwire.Wire{Clock: patience}
			got, err := c.sdk.By(t.Context(), d, c.send)
			if c.wants == "" {
				if err != nil || got.Refused != 401 {
					t.Errorf("%+v, %v", got, err)
				}
				return
			}
			if got := complaint(t, err); got.Requirement != c.wants {
				t.Errorf("%v", got)
			}
		})
	}
}
