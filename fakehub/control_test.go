package fakehub_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/fakehub"
	"github.com/dpslab/dpslab/internal/controlserver"
	"github.com/dpslab/dpslab/internal/pki"
)

const controlToken = "control-token"

// control mounts the lab on a control port and returns a caller of it.
func (l *lab) control() func(verb, path, body string) (int, string) {
	l.t.Helper()
	certificate, err := root().Server([]string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}, pki.Options{Now: now})
	if err != nil {
		l.t.Fatal(err)
	}
	server, err := controlserver.Listen(controlserver.Options{
		Certificate: certificate, Token: controlToken, Catalogue: controlserver.Entries("fakehub", fakehub.Defects),
	})
	if err != nil {
		l.t.Fatal(err)
	}
	l.Mount(server)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots()}}
	l.t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := server.Close(context.Background()); err != nil {
			l.t.Error(err)
		}
	})
	client := &http.Client{Transport: transport, Timeout: patience}
	return func(verb, path, body string) (int, string) {
		l.t.Helper()
		r, err := http.NewRequest(verb, server.URL()+path, strings.NewReader(body))
		if err != nil {
			l.t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+controlToken)
		answer, err := client.Do(r)
		if err != nil {
			l.t.Fatal(err)
		}
		defer answer.Body.Close()
		b, err := io.ReadAll(answer.Body)
		if err != nil {
			l.t.Fatal(err)
		}
		return answer.StatusCode, strings.TrimSpace(string(b))
	}
}

func TestControlMakesAndRemovesHubs(t *testing.T) {
	l := newLab(t)
	control := l.control()
	if status, body := control("GET", "/v1/hubs", ""); status != 200 || body != "[]" {
		t.Fatalf("no hubs: %d %s", status, body)
	}
	status, body := control("POST", "/v1/hubs", `{"name":"made","ownAddress":true,"defects":["hub-refuses-with-connack-4"]}`)
	if status != 201 {
		t.Fatalf("%d %s", status, body)
	}
	var made struct {
		Name, Host, Address, ConnectionString string
		Ports                                 struct{ HTTPS, MQTTS int }
	}
	if err := json.Unmarshal([]byte(body), &made); err != nil {
		t.Fatal(err)
	}
	h, err := l.Hub("made")
	if err != nil {
		t.Fatal(err)
	}
	if made.Host != h.Host() || made.Address != h.Address() || made.ConnectionString != h.ConnectionString() || made.Ports.MQTTS != l.door.Ports().MQTTS {
		t.Errorf("described as %s", body)
	}
	if _, again := control("GET", "/v1/hubs/made", ""); again != body {
		t.Errorf("GET tells %s", again)
	}
	one := &hub{Hub: h, t: t, door: l.door}
	if _, ack := one.dial(device{id: "nobody"}); ack.ReturnCode != 4 {
		t.Errorf("with the defect CONNACK %d", ack.ReturnCode)
	}
	if status, _ := control("DELETE", "/v1/hubs/made", ""); status != 204 || len(l.Hubs()) != 0 {
		t.Errorf("DELETE: %d, %d hubs", status, len(l.Hubs()))
	}
	if status, body := control("POST", "/v1/hubs", `{}`); status != 201 {
		t.Errorf("everything chosen: %d %s", status, body)
	}
}

func TestControlRefuses(t *testing.T) {
	l := newLab(t)
	l.hub(fakehub.HubSpec{Name: "here"})
	control := l.control()
	for _, tc := range []struct {
		verb, path, body string
		status           int
	}{
		{"GET", "/v1/hubs/nowhere", "", 404},
		{"DELETE", "/v1/hubs/nowhere", "", 404},
		{"POST", "/v1/hubs/nowhere/clock", `{"advanceSeconds":1}`, 404},
		{"GET", "/v1/hubs/nowhere/points", "", 404},
		{"GET", "/v1/hubs/nowhere/telemetry", "", 404},
		{"POST", "/v1/hubs", `{"name":"here"}`, 409},
		{"POST", "/v1/hubs", `{"name":"a.b"}`, 400},
		{"POST", "/v1/hubs", `{"defects":["none-such"]}`, 400},
		{"POST", "/v1/hubs", `{"colour":"red"}`, 400},
		{"POST", "/v1/hubs/here/points", `{"entry":"none-such","address":{}}`, 400},
	} {
		status, body := control(tc.verb, tc.path, tc.body)
		if status != tc.status || !strings.HasPrefix(body, `{"error":"`) {
			t.Errorf("%s %s %s: %d %s", tc.verb, tc.path, tc.body, status, body)
		}
	}
	if n := len(l.Hubs()); n != 1 {
		t.Errorf("%d hubs", n)
	}
}

func TestControlMovesTheClockArmsPointsAndReadsTelemetry(t *testing.T) {
	l := newLab(t)
	h := l.hub(fakehub.HubSpec{Name: "h"})
	control := l.control()
	before := h.Clock().Now()
	if status, _ := control("POST", "/v1/hubs/h/clock", `{"advanceSeconds":3600}`); status != 200 || h.Clock().Now().Sub(before) < time.Hour {
		t.Errorf("clock: %d", status)
	}
	status, body := control("POST", "/v1/hubs/h/points", `{"entry":"hub-refuses-with-connack-4","address":{"registration":"d2"}}`)
	var armed struct{ Handle string }
	if err := json.Unmarshal([]byte(body), &armed); err != nil || status != 201 {
		t.Fatalf("points: %d %s", status, body)
	}
	for id, want := range map[string]byte{"d1": 5, "d2": 4} {
		if _, ack := h.dial(device{id: id}); ack.ReturnCode != want {
			t.Errorf("%s: CONNACK %d, want %d", id, ack.ReturnCode, want)
		}
	}
	if _, list := control("GET", "/v1/hubs/h/points", ""); !strings.Contains(list, `"fired":1`) {
		t.Errorf("armed: %s", list)
	}
	if status, _ := control("DELETE", "/v1/hubs/h/points/"+url.PathEscape(armed.Handle), ""); status != 204 {
		t.Errorf("disarm: %d", status)
	}
	h.enroll("d1")
	h.online(device{id: "d1"}).publish("devices/d1/messages/events/zone", "hello")
	if _, list := control("GET", "/v1/hubs/h/telemetry?device=d1", ""); !strings.Contains(list, `"body":"aGVsbG8="`) || !strings.Contains(list, `"properties":{"zone":null}`) {
		t.Errorf("telemetry: %s", list)
	}
	if _, list := control("GET", "/v1/hubs/h/telemetry?device=d1&after=1", ""); list != "[]" {
		t.Errorf("telemetry after 1: %s", list)
	}
}
