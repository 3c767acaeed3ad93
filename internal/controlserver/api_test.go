package controlserver_test

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/controlapi"
	"github.com/dpslab/dpslab/internal/controlserver"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/internal/telemetry"
	"github.com/dpslab/dpslab/internal/transcript"
)

func TestInfoAndCatalogue(t *testing.T) {
	l := newLab(t)
	info, err := l.client.Info(t.Context())
	if err != nil || info.Version != "v0" || !slices.Equal(info.Roles, []string{"reference"}) {
		t.Fatalf("%+v, %v", info, err)
	}
	entries, err := l.client.Catalogue(t.Context())
	if err != nil || len(entries) != 2 {
		t.Fatalf("%+v, %v", entries, err)
	}
	if e := entries[0]; e.ID != "answers-500" || e.Role != "reference" || e.Summary != "answers 500" || !slices.Equal(e.Catches, []string{"DPS-X-001"}) || e.Params == nil {
		t.Errorf("%+v", e)
	}
}

func TestServicesAndHubsTravelWhole(t *testing.T) {
	l := newLab(t)
	weight, apply, retry, naive := 3, false, 0, false
	want := controlapi.ServiceSpec{
		Name: "two", OwnAddress: true, AllocationPolicy: "static", RetryAfterSeconds: &retry, NaiveREST: &naive, Defects: []string{"answers-500"},
		Latencies:  controlapi.Latencies{"10.0.0.0/8": {"h": 1.5}},
		LinkedHubs: []controlapi.LinkedHub{{ConnectionString: "HostName=h;SharedAccessKeyName=p;SharedAccessKey=aw==", AllocationWeight: &weight, ApplyAllocationPolicy: &apply}},
	}
	made := controlserver.Service{
		Name: "two", IDScope: "0ne1", DeviceHost: "global", ServiceHost: "two", Address: "127.0.0.2", Ports: controlserver.Ports{HTTPS: 1, MQTTS: 2, AMQPS: 3},
		ConnectionString: "HostName=two;SharedAccessKeyName=p;SharedAccessKey=aw==", LinkedHubs: []string{"h"}, RetryAfterSeconds: 3,
		Latencies: controlserver.Latencies{"10.0.0.0/8": {"h": 1.5}},
	}
	l.Handle("POST /v1/services", func(w http.ResponseWriter, r *http.Request) error {
		var spec controlserver.ServiceSpec
		if err := controlserver.Decode(r, &spec); err != nil {
			return err
		}
		h := spec.LinkedHubs[0]
		if spec.Name != want.Name || !spec.OwnAddress || spec.AllocationPolicy != "static" || *spec.RetryAfterSeconds != 0 || *spec.NaiveREST || spec.Defects[0] != "answers-500" ||
			spec.Latencies["10.0.0.0/8"]["h"] != 1.5 ||
			h.ConnectionString != want.LinkedHubs[0].ConnectionString || *h.AllocationWeight != 3 || *h.ApplyAllocationPolicy {
			return controlserver.Errorf(http.StatusTeapot, "got %+v", spec)
		}
		return controlserver.Reply(w, http.StatusCreated, made)
	})
	l.Handle("GET /v1/services/{name}", func(w http.ResponseWriter, r *http.Request) error {
		made := made
		made.Name = r.PathValue("name")
		return controlserver.Reply(w, http.StatusOK, made)
	})
	l.Handle("PUT /v1/services/{name}/linkedHubs", func(w http.ResponseWriter, r *http.Request) error {
		var hubs []controlserver.LinkedHub
		if err := controlserver.Decode(r, &hubs); err != nil {
			return err
		}
		if hubs == nil {
			return controlserver.Errorf(http.StatusTeapot, "the list is null")
		}
		return controlserver.Reply(w, http.StatusOK, []string{})
	})
	l.Handle("PUT /v1/services/{name}/latencies", func(w http.ResponseWriter, r *http.Request) error {
		var latencies controlserver.Latencies
		if err := controlserver.Decode(r, &latencies); err != nil {
			return err
		}
		if latencies == nil {
			return controlserver.Errorf(http.StatusTeapot, "the table is null")
		}
		return controlserver.Reply(w, http.StatusOK, controlserver.Service{})
	})
	l.Handle("DELETE /v1/hubs/{name}", func(w http.ResponseWriter, r *http.Request) error {
		return controlserver.Reply(w, http.StatusNoContent, nil)
	})
	l.Handle("POST /v1/hubs", func(w http.ResponseWriter, r *http.Request) error {
		var spec controlserver.HubSpec
		if err := controlserver.Decode(r, &spec); err != nil {
			return err
		}
		return controlserver.Reply(w, http.StatusCreated, controlserver.Hub{Name: spec.Name, Host: "h", Address: "127.0.0.1", ConnectionString: "c", Ports: controlserver.Ports{HTTPS: 1}})
	})

	service, err := l.client.CreateService(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	if service.Name != "two" || service.IDScope != "0ne1" || service.DeviceHost != "global" || service.ServiceHost != "two" || service.Address != "127.0.0.2" ||
		service.Ports != (controlapi.Ports{HTTPS: 1, MQTTS: 2, AMQPS: 3}) || service.ConnectionString != made.ConnectionString || !slices.Equal(service.LinkedHubs, made.LinkedHubs) || service.RetryAfterSeconds != 3 ||
		service.Latencies["10.0.0.0/8"]["h"] != 1.5 {
		t.Errorf("%#v", service)
	}
	if strings.Contains(service.String(), "aw==") {
		t.Errorf("printed with its key: %v", service)
	}
	const odd = "a/b c%#?ü"
	if service, err = l.client.Service(t.Context(), odd); err != nil || service.Name != odd {
		t.Errorf("a name with every kind of character: %q, %v", service.Name, err)
	}
	if err := l.client.SetLinkedHubs(t.Context(), "two", nil); err != nil {
		t.Error(err)
	}
	if err := l.client.SetLatencies(t.Context(), "two", nil); err != nil {
		t.Error(err)
	}
	hub, err := l.client.CreateHub(t.Context(), controlapi.HubSpec{Name: "one", OwnAddress: true})
	if err != nil || hub.Name != "one" || hub.Host != "h" || hub.ConnectionString != "c" || hub.Ports.HTTPS != 1 {
		t.Errorf("%#v, %v", hub, err)
	}
	if err := l.client.DeleteHub(t.Context(), "one"); err != nil {
		t.Error(err)
	}
}

func TestArmingFromAfar(t *testing.T) {
	l := newLab(t)
	plan := controlapi.Plan{Entry: "answers-500", Address: controlapi.Address{Registration: "dev-01", Listener: "127.0.0.1", Step: "register", Nth: 1, Seed: 7}}
	handle, err := l.client.ArmService(t.Context(), "one", plan)
	if err != nil {
		t.Fatal(err)
	}
	status := 200
	passed.Hit(t.Context(), l.points, point.At{Registration: "DEV-01", Listener: "127.0.0.1", Step: "register"}, &status)
	if status != 500 {
		t.Fatal("it does not act")
	}
	armed, err := l.client.ServicePoints(t.Context(), "one")
	if err != nil || len(armed) != 1 || armed[0].Handle != handle || armed[0].Entry != plan.Entry || armed[0].Address != plan.Address || armed[0].Fired != 1 {
		t.Fatalf("%+v, %v", armed, err)
	}
	second, err := l.client.ArmHub(t.Context(), "one", controlapi.Plan{Entry: "waits", Args: map[string]string{"for": "2s"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.client.DisarmService(t.Context(), "one", handle); err != nil {
		t.Fatal(err)
	}
	if armed, err = l.client.HubPoints(t.Context(), "one"); err != nil || len(armed) != 1 || armed[0].Handle != second || armed[0].Args["for"] != "2s" {
		t.Fatalf("%+v, %v", armed, err)
	}
	err = l.client.DisarmHub(t.Context(), "one", handle)
	var refused *controlapi.Error
	if !errors.As(err, &refused) || refused.Status != http.StatusNotFound || !strings.Contains(refused.Message, handle) {
		t.Fatalf("disarmed twice: %v", err)
	}
	if _, err := l.client.ArmHub(t.Context(), "two", plan); !errors.As(err, &refused) || refused.Status != http.StatusNotFound {
		t.Fatalf("a hub that is not there: %v", err)
	}
}

func TestAdvancingAClock(t *testing.T) {
	l := newLab(t)
	before, err := l.client.AdvanceService(t.Context(), "one", 0)
	if err != nil {
		t.Fatal(err)
	}
	after, err := l.client.AdvanceHub(t.Context(), "one", 90*time.Minute+500*time.Millisecond)
	if err != nil || after.Sub(before) != 90*time.Minute+500*time.Millisecond || !l.clock.Now().Equal(after) {
		t.Fatalf("from %v to %v, %v", before, after, err)
	}
	for _, d := range []time.Duration{-time.Second, 20 * 365 * 24 * time.Hour} {
		var refused *controlapi.Error
		if _, err := l.client.AdvanceService(t.Context(), "one", d); !errors.As(err, &refused) || refused.Status != 400 {
			t.Errorf("by %v: %v", d, err)
		}
	}
}

func TestTranscriptTravelsWhole(t *testing.T) {
	l := newLab(t)
	c := l.log.Open(transcript.Meta{Protocol: "other", Service: "one", Listener: "127.0.0.1", Peer: "p"})
	c.Registration("dev-01")
	c.Received([]byte("12345"))
	l.log.Open(transcript.Meta{Service: "two"})
	events, err := l.client.Transcript(t.Context(), controlapi.Filter{Service: "one", Registration: "dev-01", After: 1})
	if err != nil || len(events) != 1 {
		t.Fatalf("%+v, %v", events, err)
	}
	if e := events[0]; e.Seq != 2 || e.Side != "server" || e.Conn != 1 || e.Protocol != "other" || e.Service != "one" || e.Listener != "127.0.0.1" ||
		e.Registration != "dev-01" || e.Direction != "received" || e.Kind != "note" || e.Summary != "5 bytes" || e.At.IsZero() {
		t.Errorf("%+v", e)
	}
}

func TestTelemetryTravelsWhole(t *testing.T) {
	l := newLab(t)
	value := "v"
	l.stored.Append(telemetry.Event{DeviceID: "a"})
	l.stored.Append(telemetry.Event{DeviceID: "b", Body: []byte{0, 255}, Properties: map[string]*string{"k": &value, "alone": nil}, SystemProperties: map[string]string{"message-id": "1"}})
	list, err := l.client.Telemetry(t.Context(), "one", controlapi.TelemetryFilter{Device: "b"})
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	m := list[0]
	if alone, there := m.Properties["alone"]; !there || alone != nil {
		t.Error("a property without a value got one")
	}
	if m.Seq != 2 || m.DeviceID != "b" || string(m.Body) != "\x00\xff" || *m.Properties["k"] != "v" || m.SystemProperties["message-id"] != "1" || m.EnqueuedTime.IsZero() {
		t.Errorf("%+v", m)
	}
	if list, err = l.client.Telemetry(t.Context(), "one", controlapi.TelemetryFilter{After: 2}); err != nil || list == nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	for m, err := range l.client.FollowTelemetry(t.Context(), "one", controlapi.TelemetryFilter{After: 1}) {
		if err != nil || m.DeviceID != "b" {
			t.Fatalf("%+v, %v", m, err)
		}
		break
	}
}

func TestRefusalsCarryStatusAndOneLine(t *testing.T) {
	l := newLab(t)
	l.Handle("GET /v1/hubs", func(http.ResponseWriter, *http.Request) error {
		return errors.New("the store broke\nin two lines, near HostName=h;SharedAccessKey=c2VjcmV0c2VjcmV0")
	})
	_, err := l.client.Hubs(t.Context())
	var refused *controlapi.Error
	if !errors.As(err, &refused) || refused.Status != 500 || !strings.HasPrefix(refused.Message, "the store broke in two lines") || strings.Contains(err.Error(), "c2Vjcm") {
		t.Fatalf("%v", err)
	}
	_, roots := identity()
	wrong := controlapi.New(l.URL(), "wrong", roots)
	defer wrong.Close()
	if _, err := wrong.Info(t.Context()); !errors.As(err, &refused) || refused.Status != 401 {
		t.Fatalf("%v", err)
	}
}

func TestTheClientTrustsOnlyItsRootsAndURL(t *testing.T) {
	l := newLab(t)
	stranger := controlapi.New(l.URL(), token, x509.NewCertPool())
	if _, err := stranger.Info(t.Context()); err == nil {
		t.Error("a server of an unknown authority is taken")
	}
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	_, roots := identity()
	byName := controlapi.New(strings.Replace(l.URL(), "127.0.0.1", "localhost", 1), token, roots)
	defer byName.Close()
	if _, err := byName.Info(t.Context()); err != nil {
		t.Errorf("by localhost, with a proxy in the environment: %v", err)
	}
	for _, at := range []string{"", "http://127.0.0.1:1", "https://", "https://u:p@127.0.0.1:1", "https://127.0.0.1:1/v1", "://"} {
		if _, err := controlapi.New(at, token, roots).Info(t.Context()); err == nil || !strings.Contains(err.Error(), "control URL") {
			t.Errorf("%q: %v", at, err)
		}
	}
	l.Handle("GET /v1/services", func(w http.ResponseWriter, r *http.Request) error {
		http.Redirect(w, r, "https://evil.example/", http.StatusFound)
		return nil
	})
	var refused *controlapi.Error
	if _, err := l.client.Services(t.Context()); !errors.As(err, &refused) || refused.Status != http.StatusFound {
		t.Errorf("a redirect: %v", err)
	}
}

func TestTwoReadersAndAClose(t *testing.T) {
	l := newLab(t)
	c := l.log.Open(transcript.Meta{Protocol: "other"})
	type end struct {
		seen int
		err  error
	}
	ready, ends := make(chan struct{}), make(chan end)
	read := func(ctx context.Context, upTo int) {
		var e end
		for event, err := range l.client.Events(ctx, controlapi.Filter{}) {
			if err != nil {
				e.err = err
				break
			}
			if e.seen++; uint64(e.seen) != event.Seq {
				e.err = errors.New("an event is missing")
				break
			}
			ready <- struct{}{}
			if e.seen == upTo {
				break
			}
		}
		ends <- e
	}
	go read(t.Context(), 2)
	go read(t.Context(), 100)
	<-ready
	<-ready
	c.Received([]byte("x")) // the first reader leaves after this one
	<-ready
	<-ready
	if e := <-ends; e.err != nil || e.seen != 2 {
		t.Fatalf("the reader that left: %+v", e)
	}
	c.Received([]byte("y"))
	<-ready
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e := <-ends; !errors.Is(e.err, controlapi.ErrStreamEnded) || e.seen != 3 {
		t.Fatalf("the reader that stayed: %+v", e)
	}
}

func TestAReaderWhoseContextEndsLeavesQuietly(t *testing.T) {
	l := newLab(t)
	l.log.Open(transcript.Meta{Protocol: "other"})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, err := range l.client.Events(ctx, controlapi.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		cancel()
	}
}

func TestAQuietStreamHasAHeartbeat(t *testing.T) {
	l := newLab(t)
	res := raw(t, l.request(t, http.MethodGet, "/v1/events", ""))
	if got := res.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Fatalf("content type %q", got)
	}
	for range 2 {
		if err := l.beats.BlockUntil(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		l.beats.Advance(15 * time.Second)
		line := make([]byte, len(": alive\n\n"))
		if _, err := res.Body.Read(line); err != nil || string(line) != ": alive\n\n" {
			t.Fatalf("%q, %v", line, err)
		}
	}
}
