package devwire_test

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/vectors"
)

const (
	assigning = `{"operationId":"5.00112233aabbccdd.7d1f0c1e-1111-4222-8333-444455556666","status":"assigning"}`
	operation = "5.00112233aabbccdd.7d1f0c1e-1111-4222-8333-444455556666"
)

// assigned is the vector of an assigned registration.
func assigned(t *testing.T) string {
	t.Helper()
	for _, v := range vectors.All().Answers {
		if v.Status == "assigned" {
			return string(v.Body)
		}
	}
	t.Fatal("no vector of an assigned registration")
	return ""
}

func testIdentity(t *testing.T) devwire.Identity {
	t.Helper()
	return devwire.Identity{Scope: "0ne00DEMO01", RegistrationID: "dev-01", Key: key(t, vectors.All().GroupKeys[0].DeviceKey)}
}

// httpScript serves canned answers in turn and keeps the requests.
type httpScript struct {
	clock   clock.Clock // of the device; nil keeps no times
	mu      sync.Mutex
	times   []time.Duration // after noon
	heads   []string
	bodies  []string
	answers []string
}

func (s *httpScript) serve(c *tls.Conn) {
	serveHTTP(c, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.heads = append(s.heads, r.Method+" "+r.RequestURI+" "+r.Header.Get("Authorization"))
		s.bodies = append(s.bodies, string(body))
		if s.clock != nil {
			s.times = append(s.times, s.clock.Now().Sub(noon))
		}
		answer := s.answers[0]
		s.answers = s.answers[1:]
		hijacked, _, _ := w.(http.Hijacker).Hijack()
		io.WriteString(hijacked, answer)
		hijacked.Close()
	})
}

func TestDeviceOverHTTPS(t *testing.T) {
	lab := newLab(t)
	script := &httpScript{answers: []string{
		reply(202, "Retry-After: 3\r\n", assigning), reply(202, "", assigning), reply(200, "", assigned(t)),
	}}
	port := lab.serve(t, lab.tls(), script.serve)
	wire := lab.wire()
	script.clock = wire.Clock
	device, err := wire.Device(soon(t), dps.HTTPS, endpoint(serviceHost, port), testIdentity(t))
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()

	a := provision(t, wire, device, json.RawMessage(`{"modelId":"x"}`), 3*time.Second, 2*time.Second)
	if a.Status != dps.StatusAssigned || a.Code != 200 || a.State.AssignedHub != "hub-a.azure-devices.net" {
		t.Errorf("%s", a)
	}
	if want := []time.Duration{0, 3 * time.Second, 5 * time.Second}; !slices.Equal(script.times, want) {
		t.Errorf("asked at %v, want %v: retry-after, then two seconds where there is none", script.times, want)
	}
	token := "SharedAccessSignature sr=0ne00DEMO01%2Fregistrations%2Fdev-01&sig="
	for i, want := range []string{"PUT " + vectors.All().HTTPS.Requests[0].Path, "GET " + vectors.All().HTTPS.Requests[1].Path, "GET "} {
		if !strings.HasPrefix(script.heads[i], want) || !strings.Contains(script.heads[i], token) {
			t.Errorf("request %d was %s", i, script.heads[i])
		}
	}
	if script.bodies[0] != `{"registrationId":"dev-01","payload":{"modelId":"x"}}` || script.bodies[1] != "" {
		t.Errorf("bodies %q", script.bodies)
	}
}

// provision runs Provision on a frozen clock and moves it by each wait in turn.
func provision(t *testing.T, wire *devwire.Wire, device devwire.Device, payload json.RawMessage, waits ...time.Duration) devwire.Answer {
	t.Helper()
	movable := wire.Clock.(*clock.Movable)
	type outcome struct {
		answer devwire.Answer
		err    error
	}
	done := make(chan outcome, 1)
	ctx := soon(t)
	go func() {
		a, err := wire.Provision(ctx, device, payload)
		done <- outcome{a, err}
	}()
	for _, wait := range waits {
		for _, step := range []time.Duration{wait - time.Millisecond, time.Millisecond} {
			if err := movable.BlockUntil(ctx, 1); err != nil {
				t.Fatal(err)
			}
			movable.Advance(step)
		}
	}
	o := <-done
	if o.err != nil {
		t.Fatal(o.err)
	}
	return o.answer
}

func reply(status int, header, body string) string {
	return fmt.Sprintf("HTTP/1.1 %d %s\r\n%sContent-Type: application/json; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
		status, http.StatusText(status), header, len(body), body)
}

func TestProvisionEndsWithARefusal(t *testing.T) {
	lab := newLab(t)
	script := &httpScript{answers: []string{reply(429, "Retry-After: 5\r\n", `{"errorCode":429001,"message":"throttled"}`)}}
	port := lab.serve(t, lab.tls(), script.serve)
	wire := lab.wire()
	device, _ := wire.Device(soon(t), dps.HTTPS, endpoint(serviceHost, port), testIdentity(t))
	defer device.Close()
	a := provision(t, wire, device, nil)
	if a.Code != 429 || a.Error.ErrorCode != 429001 || a.RetryAfter != 5*time.Second {
		t.Errorf("%+v", a.Error)
	}
	if script.bodies[0] != `{"registrationId":"dev-01"}` {
		t.Errorf("body %q", script.bodies[0])
	}
}

func TestProvisionGivesUp(t *testing.T) {
	for name, tc := range map[string]struct {
		answers []string
		waits   []time.Duration
		want    string
	}{
		"on a status nobody knows":    {answers: []string{reply(202, "", `{"operationId":"1","status":"busy"}`)}, want: `"busy"`},
		"on a retry-after of no time": {answers: []string{reply(202, "Retry-After: soon\r\n", assigning)}, want: "Retry-After"},
		"when it stays assigning": {answers: []string{reply(202, "Retry-After: 100\r\n", assigning), reply(202, "Retry-After: 100\r\n", assigning),
			reply(202, "", assigning)}, waits: []time.Duration{100 * time.Second, 100 * time.Second}, want: "still assigning"},
	} {
		t.Run(name, func(t *testing.T) {
			lab := newLab(t)
			port := lab.serve(t, lab.tls(), (&httpScript{answers: tc.answers}).serve)
			wire := lab.wire()
			device, _ := wire.Device(soon(t), dps.HTTPS, endpoint(serviceHost, port), testIdentity(t))
			defer device.Close()
			ctx := soon(t)
			done := make(chan error, 1)
			go func() {
				_, err := wire.Provision(ctx, device, nil)
				done <- err
			}()
			for _, wait := range tc.waits {
				wire.Clock.(*clock.Movable).BlockUntil(ctx, 1)
				wire.Clock.(*clock.Movable).Advance(wait)
			}
			if err := <-done; err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestDeviceRefusesATransportItCannotSpeak(t *testing.T) {
	for _, transport := range []dps.Transport{dps.AMQP, dps.AMQPWebSocket, dps.TransportNone} {
		if _, err := newLab(t).wire().Device(soon(t), transport, endpoint(serviceHost, 1), testIdentity(t)); err == nil {
			t.Errorf("%s", transport)
		}
	}
}

func TestAPayloadThatIsNoJSONIsNotSent(t *testing.T) {
	device, err := newLab(t).wire().Device(soon(t), dps.HTTPS, endpoint(serviceHost, 1), testIdentity(t))
	if err != nil {
		t.Fatal(err)
	}
	var syntax *json.SyntaxError
	if _, err := device.Register(soon(t), json.RawMessage(`{`)); !errors.As(err, &syntax) {
		t.Errorf("got %v", err)
	}
}
