package amqpfront_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	goamqp "github.com/Azure/go-amqp"

	"github.com/dpslab/dpslab/internal/amqpserver"
	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/internal/sas"
	"github.com/dpslab/dpslab/reference/deviceapi/amqpfront"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/provisioning"
	"github.com/dpslab/dpslab/reference/registration"
)

const (
	scope    = "0ne00DEMO01"
	address  = scope + "/registrations/dev-01"
	patience = 20 * time.Second
)

var key = bytes.Repeat([]byte{1}, 32)

func token(id string) string {
	return sas.Sign(scope+"/registrations/"+id, key, clock.System().Now().Add(time.Hour), "registration")
}

// lab is a front with enrollments of dev-01 and dev-02.
type lab struct {
	t      *testing.T
	server *amqpserver.Server
	points *point.Set
	core   *provisioning.Service
}

// hub takes every device.
type hub struct{ provisioning.Hub }

func (hub) Host() string                                        { return "hub-a.azure-devices.net" }
func (hub) Assign(context.Context, provisioning.Identity) error { return nil }

func open(t *testing.T) *lab {
	t.Helper()
	enrollments := enrollment.NewMemory()
	for _, id := range []string{"dev-01", "dev-02"} {
		err := enrollments.Create(t.Context(), enrollment.Enrollment{ID: id, Attestation: enrollment.Attestation{
			Type: dps.AttestationSymmetricKey, SymmetricKey: enrollment.SymmetricKey{Primary: key, Secondary: key},
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	points, logger := point.NewSet(clock.System()), slog.New(slog.DiscardHandler)
	core := provisioning.New(provisioning.Options{
		Name: "demo", Scope: scope, Secret: []byte("secret"), Enrollments: enrollments, Registrations: registration.NewMemory(),
		RetryAfter: 3 * time.Second, PollHold: patience, Clock: clock.System(), Points: points, Logger: logger,
	})
	core.Link([]provisioning.Link{{Hub: hub{}, Weight: 1, Applies: true}})
	t.Cleanup(func() { core.Close(context.Background()) })
	front := &amqpfront.Front{Home: core, Logger: logger, Service: func(s string) (*provisioning.Service, bool) {
		return core, strings.EqualFold(s, scope)
	}}
	return &lab{t, amqpserver.New(front, amqpserver.Options{Points: points}), points, core}
}

// arm lets a plan act on everybody.
func (l *lab) arm(plan point.Plan) {
	l.t.Helper()
	if _, err := l.points.Arm(point.Entry{ID: "plan", Build: point.Always(plan)}, point.Address{}, nil); err != nil {
		l.t.Fatal(err)
	}
}

// dial opens a connection without TLS, and so without a client certificate.
func (l *lab) dial() net.Conn {
	l.t.Helper()
	client, server := net.Pipe()
	client.SetDeadline(clock.SocketDeadline(patience))
	served := make(chan struct{})
	go func() {
		defer close(served)
		l.server.Serve(context.Background(), &frontdoor.Conn{Conn: server})
	}()
	l.t.Cleanup(func() {
		client.Close()
		<-served
	})
	return client
}

func (l *lab) soon() context.Context {
	ctx, cancel := context.WithTimeout(l.t.Context(), patience)
	l.t.Cleanup(cancel)
	return ctx
}

// login opens a session after SASL PLAIN, or without SASL for a user that is "".
func (l *lab) login(user, password string) (*goamqp.Session, error) {
	l.t.Helper()
	o := &goamqp.ConnOptions{HostName: "demo"}
	if user != "" {
		o.SASLType = goamqp.SASLTypePlain(user, password)
	}
	conn, err := goamqp.NewConn(l.soon(), l.dial(), o)
	if err != nil {
		return nil, err
	}
	l.t.Cleanup(func() { conn.Close() })
	return conn.NewSession(l.soon(), nil)
}

// device is a client whose codec is not the server's, with both links.
type device struct {
	*lab
	sender   *goamqp.Sender
	receiver *goamqp.Receiver
}

var versioned = map[string]any{"com.microsoft:api-version": "2019-03-31"}

// device logs in and attaches, with an address in that spelling.
func (l *lab) device(id, spelling string) *device {
	l.t.Helper()
	session, err := l.login(scope+"/registrations/"+id, token(id))
	if err != nil {
		l.t.Fatal(err)
	}
	receiver, err := session.NewReceiver(l.soon(), spelling, &goamqp.ReceiverOptions{Properties: versioned})
	if err != nil {
		l.t.Fatal(err)
	}
	sender, err := session.NewSender(l.soon(), spelling, &goamqp.SenderOptions{Properties: versioned})
	if err != nil {
		l.t.Fatal(err)
	}
	return &device{l, sender, receiver}
}

func (l *lab) dev01() *device { return l.device("dev-01", address) }

// ask sends a request and returns its outcome: the error of a rejection, or nil.
func (d *device) ask(m *goamqp.Message) *goamqp.Error {
	d.t.Helper()
	receipt, err := d.sender.SendWithReceipt(d.soon(), m, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	outcome, err := receipt.Wait(d.soon())
	if err != nil {
		d.t.Fatal(err)
	}
	switch outcome := outcome.(type) {
	case *goamqp.StateAccepted:
		return nil
	case *goamqp.StateRejected:
		return outcome.Error
	}
	d.t.Fatalf("the outcome is %T", outcome)
	return nil
}

// answer is the next message, and its body.
func (d *device) answer() (*goamqp.Message, document) {
	d.t.Helper()
	m, err := d.receiver.Receive(d.soon(), nil)
	if err != nil {
		d.t.Fatal(err)
	}
	if len(m.Data) != 1 {
		d.t.Fatalf("the body has %d data sections", len(m.Data))
	}
	return m, parse(d.t, m.Data[0])
}

type document struct {
	OperationID, Status string
	RegistrationState   *struct{ RegistrationID, Status, AssignedHub string }
	ErrorCode           int
	TrackingID, Message string
}

func parse(t *testing.T, body []byte) (doc document) {
	t.Helper()
	if err := json.Unmarshal(body, &doc); err != nil {
		t.Fatalf("%q: %v", body, err)
	}
	return doc
}

// message is a request with application properties in pairs.
func message(correlation any, body []byte, properties ...string) *goamqp.Message {
	m := &goamqp.Message{ApplicationProperties: map[string]any{}}
	if body != nil {
		m.Data = [][]byte{body}
	}
	for i := 0; i < len(properties); i += 2 {
		m.ApplicationProperties[properties[i]] = properties[i+1]
	}
	if correlation != nil {
		m.Properties = &goamqp.MessageProperties{CorrelationID: correlation}
	}
	return m
}

func register(correlation any, body string) *goamqp.Message {
	return message(correlation, []byte(body), "iotdps-operation-type", "iotdps-register")
}

func poll(correlation any, operationID string) *goamqp.Message {
	return message(correlation, nil, "iotdps-operation-type", "iotdps-get-operationstatus", "iotdps-operation-id", operationID)
}
