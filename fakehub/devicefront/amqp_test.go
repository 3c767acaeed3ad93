package devicefront_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net"
	"testing"
	"time"

	goamqp "github.com/Azure/go-amqp"

	"github.com/dpslab/dpslab/fakehub/devicefront"
	"github.com/dpslab/dpslab/fakehub/method"
	"github.com/dpslab/dpslab/fakehub/registry"
	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/etag"
	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/internal/sas"
	"github.com/dpslab/dpslab/internal/telemetry"
)

func TestAddresses(t *testing.T) {
	for address, want := range map[string][2]string{
		"/devices/d1/messages/events":                           {"d1", "messages/events"},
		"devices/d1/messages/events":                            {"d1", "messages/events"},
		"amqps://hub-1.azure-devices.net/devices/d1/twin":       {"d1", "twin"},
		"amqps://hub-1:5671/devices/d%231/messages/deviceBound": {"d#1", "messages/devicebound"},
		"/Devices/D1/Methods/DeviceBound":                       {"D1", "methods/devicebound"},
		"/devices/d1":                                           {"d1", ""},
		"/devices/d1/modules/m1/messages/events":                {"d1", ""},
		"/messages/events":                                      {"", ""},
		"$cbs":                                                  {"", ""},
		"":                                                      {"", ""},
		"amqps://hub-1.azure-devices.net":                       {"", ""},
		"amqps://hub-1.azure-devices.net/devices/d1/twin/or/more": {"d1", ""},
	} {
		if id, what := devicefront.Purpose(address); id != want[0] || what != want[1] {
			t.Errorf("%q is %q, %q", address, id, what)
		}
	}
}

func TestAudiences(t *testing.T) {
	for audience, want := range map[string]string{
		host + "/devices/d1":                              "d1",
		"hub-1.azure-devices.net%2Fdevices%2Fd1":          "d1",
		"hub-1.azure-devices.net%2fdevices%2fd%231":       "d#1",
		"HUB-1.azure-devices.net/devices/D1":              "D1",
		"amqps://hub-1.azure-devices.net/devices/d1":      "d1",
		"hub-2.azure-devices.net/devices/d1":              "",
		host + "/devices/":                                "",
		host + "/devices/d1/modules/m1":                   "",
		"hub-1.azure-devices.net%2Fdevices%2Fd1%2Fx%2Fm1": "",
		host: "",
		"":   "",
	} {
		if id, ok := devicefront.ParseAudience(audience, host); ok != (want != "") || ok && id != want {
			t.Errorf("%q is %q, %v", audience, id, ok)
		}
	}
}

func TestCorrelationsOfMethodCalls(t *testing.T) {
	for _, id := range []string{"1", "ff", "123456789abcde"} {
		u, err := devicefront.CorrelationOf(id)
		if err != nil || u[6]>>4 != 4 || u[8]>>6 != 2 {
			t.Errorf("%s becomes %s, %v", id, u, err)
		}
		for _, back := range []any{u, u.String()} {
			if got, ok := devicefront.RequestOf(back); !ok || got != id {
				t.Errorf("%v of %s comes back as %q, %v", back, id, got, ok)
			}
		}
	}
	for _, stray := range []any{nil, "x", uint64(1), []byte{1}, "00000000-0000-1000-8000-000000000001"} {
		if got, ok := devicefront.RequestOf(stray); ok {
			t.Errorf("%v is %q", stray, got)
		}
	}
	if _, err := devicefront.CorrelationOf("no number"); err == nil {
		t.Error("what is no number becomes a uuid")
	}
}

func FuzzAddresses(f *testing.F) {
	f.Add("amqps://hub/devices/d%231/twin")
	f.Add("/devices//messages/events")
	f.Fuzz(func(t *testing.T, address string) {
		_, one := devicefront.Purpose(address)
		if _, two := devicefront.Purpose(address); one != two {
			t.Errorf("%q is %q, then %q", address, one, two)
		}
		devicefront.ParseAudience(address, host)
	})
}

// amqpLab is a front with two devices, over plain connections.
type amqpLab struct {
	t         *testing.T
	front     *devicefront.Front
	registry  *registry.Registry
	clock     *clock.Movable
	telemetry *telemetry.Store
}

var amqpKey = []byte("a key of thirty-two bytes, or so")

func newAMQPLab(t *testing.T) *amqpLab {
	l := &amqpLab{t: t, clock: clock.NewMovable(clock.System())}
	l.registry = registry.New(registry.Options{Host: host, Clock: l.clock})
	for _, id := range []string{"d1", "d2"} {
		key := base64.StdEncoding.EncodeToString(amqpKey)
		if _, err := l.registry.Create(registry.Identity{DeviceID: id, Authentication: registry.Authentication{Keys: registry.Keys{Primary: key, Secondary: key}}}); err != nil {
			t.Fatal(err)
		}
	}
	points := point.NewSet(l.clock)
	l.telemetry = telemetry.NewStore(l.clock, 0)
	l.front = devicefront.New(devicefront.Options{
		Host: host, Registry: l.registry, Methods: method.New(l.clock, points), Telemetry: l.telemetry, Clock: l.clock, Points: points,
	})
	return l
}

func (l *amqpLab) soon() context.Context {
	ctx, cancel := context.WithTimeout(l.t.Context(), 20*time.Second)
	l.t.Cleanup(cancel)
	return ctx
}

// session opens a connection that begins with AMQP itself.
func (l *amqpLab) session() *goamqp.Session {
	l.t.Helper()
	client, server := net.Pipe()
	served := make(chan struct{})
	go func() {
		defer close(served)
		l.front.ServeAMQP(context.Background(), &frontdoor.Conn{Conn: server})
	}()
	conn, err := goamqp.NewConn(l.soon(), client, &goamqp.ConnOptions{HostName: host})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		conn.Close()
		client.Close()
		<-served
	})
	s, err := conn.NewSession(l.soon(), nil)
	if err != nil {
		l.t.Fatal(err)
	}
	return s
}

// tokens are a session's links to $cbs.
type tokens struct {
	*amqpLab
	sender   *goamqp.Sender
	receiver *goamqp.Receiver
}

func (l *amqpLab) cbs(s *goamqp.Session) tokens {
	l.t.Helper()
	sender, err := s.NewSender(l.soon(), "$cbs", nil)
	if err != nil {
		l.t.Fatal(err)
	}
	receiver, err := s.NewReceiver(l.soon(), "$cbs", nil)
	if err != nil {
		l.t.Fatal(err)
	}
	return tokens{l, sender, receiver}
}

// put puts a token of a device and returns the status of the answer.
func (c tokens) put(deviceID string, life time.Duration) int32 {
	c.t.Helper()
	resource := host + "/devices/" + deviceID
	m := &goamqp.Message{
		Properties:            &goamqp.MessageProperties{MessageID: "put"},
		ApplicationProperties: map[string]any{"operation": "put-token", "type": "servicebus.windows.net:sastoken", "name": resource},
		Value:                 sas.Sign(resource, amqpKey, c.clock.Now().Add(life), ""),
	}
	if err := c.sender.Send(c.soon(), m, nil); err != nil {
		c.t.Fatal(err)
	}
	answer, err := c.receiver.Receive(c.soon(), nil)
	if err != nil {
		c.t.Fatal(err)
	}
	status, _ := answer.ApplicationProperties["status-code"].(int32)
	return status
}

func events(deviceID string) string { return "/devices/" + deviceID + "/messages/events" }

// because is the condition of a link's end.
func because(err error) goamqp.ErrCond {
	var link *goamqp.LinkError
	var bare *goamqp.Error
	switch {
	case errors.As(err, &link) && link.RemoteErr != nil:
		return link.RemoteErr.Condition
	case errors.As(err, &bare):
		return bare.Condition
	}
	return ""
}

func TestOneConnectionSpeaksForSeveralDevices(t *testing.T) {
	l := newAMQPLab(t)
	s := l.session()
	c := l.cbs(s)
	if status := c.put("d1", time.Hour); status != 200 {
		t.Fatalf("the token is answered with %d", status)
	}
	first, err := s.NewSender(l.soon(), events("d1"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.NewSender(l.soon(), events("d2"), nil); because(err) != goamqp.ErrCondUnauthorizedAccess {
		t.Errorf("a device without a token: %v", err)
	}
	c.put("d2", time.Hour)
	second, err := s.NewSender(l.soon(), events("d2"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for id, sender := range map[string]*goamqp.Sender{"d1": first, "d2": second} {
		if err := sender.Send(l.soon(), goamqp.NewMessage([]byte(id)), nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range l.telemetry.Events(telemetry.Filter{}) {
		if e.DeviceID != string(e.Body) || e.SystemProperties["iothub-connection-device-id"] != e.DeviceID {
			t.Errorf("telemetry %q is that of %s", e.Body, e.DeviceID)
		}
	}
	if d, _ := l.registry.Get("d1"); !d.Connected {
		t.Error("d1 is not connected")
	}
	if err := first.Close(l.soon()); err != nil {
		t.Fatal(err)
	}
	if d, _ := l.registry.Get("d1"); d.Connected {
		t.Error("d1 is connected without a link")
	}
}

func TestATokenThatIsRenewedInTimeKeepsItsLinks(t *testing.T) {
	l := newAMQPLab(t)
	s := l.session()
	c := l.cbs(s)
	c.put("d1", time.Hour)
	sender, err := s.NewSender(l.soon(), events("d1"), nil)
	if err != nil {
		t.Fatal(err)
	}
	l.clock.Advance(50 * time.Minute)
	c.put("d1", time.Hour)
	l.clock.Advance(50 * time.Minute)
	if err := sender.Send(l.soon(), goamqp.NewMessage([]byte("x")), nil); err != nil {
		t.Errorf("after the renewal: %v", err)
	}
	l.clock.Advance(20 * time.Minute)
	for ctx := l.soon(); err == nil && ctx.Err() == nil; { // the end comes beside what is being sent
		err = sender.Send(ctx, goamqp.NewMessage([]byte("x")), nil)
	}
	if because(err) != goamqp.ErrCondUnauthorizedAccess {
		t.Errorf("after the end: %v", err)
	}
	if status := c.put("d1", -time.Hour); status != 401 {
		t.Errorf("a token that has expired is answered with %d", status)
	}
}

func TestWhoIsDisabledLosesItsLinks(t *testing.T) {
	l := newAMQPLab(t)
	s := l.session()
	l.cbs(s).put("d1", time.Hour)
	sender, err := s.NewSender(l.soon(), events("d1"), nil)
	if err != nil {
		t.Fatal(err)
	}
	anyhow, err := etag.Parse("*")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.registry.Delete("d1", anyhow); err != nil {
		t.Fatal(err)
	}
	if err := sender.Send(l.soon(), goamqp.NewMessage([]byte("x")), nil); because(err) != goamqp.ErrCondUnauthorizedAccess {
		t.Errorf("after its end: %v", err)
	}
	if _, err := s.NewSender(l.soon(), events("d1"), nil); because(err) != goamqp.ErrCondUnauthorizedAccess {
		t.Errorf("another link: %v", err)
	}
}

func TestANewerLinkTakesThePlaceOfTheOlder(t *testing.T) {
	l := newAMQPLab(t)
	var senders []*goamqp.Sender
	for range 2 {
		s := l.session()
		l.cbs(s).put("d1", time.Hour)
		sender, err := s.NewSender(l.soon(), events("d1"), nil)
		if err != nil {
			t.Fatal(err)
		}
		senders = append(senders, sender)
	}
	if err := senders[0].Send(l.soon(), goamqp.NewMessage([]byte("x")), nil); because(err) != "com.microsoft:link-creation-conflict" {
		t.Errorf("the older one: %v", err)
	}
	if err := senders[1].Send(l.soon(), goamqp.NewMessage([]byte("x")), nil); err != nil {
		t.Errorf("the newer one: %v", err)
	}
}

func TestLinksToNowhere(t *testing.T) {
	l := newAMQPLab(t)
	s := l.session()
	l.cbs(s).put("d1", time.Hour)
	for _, address := range []string{"/devices/d1/messages/devicebound", "/devices/d1", "/messages/devicebound", "/devices/d1/modules/m/twin"} {
		if _, err := s.NewSender(l.soon(), address, nil); because(err) != goamqp.ErrCondNotFound {
			t.Errorf("a sender to %s: %v", address, err)
		}
	}
	if _, err := s.NewReceiver(l.soon(), events("d1"), nil); because(err) != goamqp.ErrCondNotFound {
		t.Errorf("a receiver from %s: %v", events("d1"), err)
	}
	if _, err := s.NewReceiver(l.soon(), "/devices/d1/messages/devicebound", nil); err != nil {
		t.Errorf("a receiver of messages from the cloud: %v", err)
	}
}
