package httpsfront_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/internal/sas"
	"github.com/dpslab/dpslab/reference/deviceapi/httpsfront"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/httpapi/httpapitest"
	"github.com/dpslab/dpslab/reference/provisioning"
	"github.com/dpslab/dpslab/reference/registration"
)

const (
	host  = "demo.azure-devices-provisioning.net"
	scope = "0ne00DEMO01"
)

var key = bytes.Repeat([]byte{1}, 32)

// lab is a front behind a door, with an enrollment of dev-01 and one of off, which is disabled.
type lab struct {
	t      *testing.T
	client *http.Client
	clock  *clock.Movable
	points *point.Set
	hub    *hub
}

// hub takes every device, once it may.
type hub struct{ open chan struct{} }

func (h *hub) Host() string { return "hub-a.azure-devices.net" }
func (h *hub) Assign(ctx context.Context, _ provisioning.Identity) error {
	select {
	case <-h.open:
	case <-ctx.Done():
	}
	return ctx.Err()
}
func (h *hub) Twin(context.Context, string) (provisioning.Twin, error) {
	return provisioning.Twin{}, nil
}
func (h *hub) Release(context.Context, string) error { return nil }

func open(t *testing.T) *lab {
	t.Helper()
	l := &lab{t: t, clock: clock.NewMovable(clock.System()), hub: &hub{make(chan struct{})}}
	l.points = point.NewSet(l.clock)
	enrollments := enrollment.NewMemory()
	for _, id := range []string{"dev-01", "off", "a:b"} {
		err := enrollments.Create(t.Context(), enrollment.Enrollment{ID: id, Disabled: id == "off", Attestation: enrollment.Attestation{
			Type: dps.AttestationSymmetricKey, SymmetricKey: enrollment.SymmetricKey{Primary: key, Secondary: key},
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	core := provisioning.New(provisioning.Options{
		Name: "demo", Scope: scope, Enrollments: enrollments, Registrations: registration.NewMemory(), RetryAfter: 3 * time.Second,
		Clock: l.clock, Points: l.points, Logger: slog.New(slog.DiscardHandler),
	})
	core.Link([]provisioning.Link{{Hub: l.hub, Weight: 1, Applies: true}})
	front := &httpsfront.Front{Home: core, Logger: slog.New(slog.DiscardHandler), Service: func(s string) (*provisioning.Service, bool) {
		return core, strings.EqualFold(s, scope)
	}}
	l.client = httpapitest.Serve(t, host, front)
	t.Cleanup(func() {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		core.Close(ended)
	})
	return l
}

// answer is what a client heard.
type answer struct {
	*http.Response
	body []byte
}

// do sends a request as dev-01, whose header pairs may say otherwise.
func (l *lab) do(method, path, body string, header ...string) answer {
	l.t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r, err := http.NewRequest(method, "https://"+host+path, reader)
	if err != nil {
		l.t.Fatal(err)
	}
	r.Header.Set("Authorization", l.token("dev-01"))
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	httpapitest.SetHeader(r.Header, header...)
	response, err := l.client.Do(r)
	if err != nil {
		l.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		l.t.Fatal(err)
	}
	return answer{response, text}
}

func (l *lab) token(id string) string {
	return sas.Sign(scope+"/registrations/"+id, key, l.clock.Now().Add(time.Hour), "registration")
}
