package mqttfront_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/mqttserver"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/internal/sas"
	"github.com/dpslab/dpslab/reference/deviceapi/mqttfront"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/provisioning"
	"github.com/dpslab/dpslab/reference/registration"
)

const (
	scope    = "0ne00DEMO01"
	username = scope + "/registrations/dev-01/api-version=2019-03-31"
	patience = 20 * time.Second
)

var key = bytes.Repeat([]byte{1}, 32)

func token(id string) string {
	return sas.Sign(scope+"/registrations/"+id, key, clock.System().Now().Add(time.Hour), "registration")
}

// lab is a front with an enrollment of dev-01.
type lab struct {
	t        *testing.T
	server   *mqttserver.Server
	answered chan struct{} // a place for each answer, once it is known whether it is sent
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
	points, answered := point.NewSet(clock.System()), make(chan struct{}, 16)
	told := mqttfront.Answering.Plan(func(point.Call, *mqttfront.Answer) { answered <- struct{}{} })
	if _, err := points.Arm(point.Entry{ID: "told", Build: point.Always(told)}, point.Address{}, nil); err != nil {
		t.Fatal(err)
	}
	core := provisioning.New(provisioning.Options{
		Name: "demo", Scope: scope, Enrollments: enrollments, Registrations: registration.NewMemory(), RetryAfter: 3 * time.Second,
		PollHold: patience, Clock: clock.System(), Points: points, Logger: slog.New(slog.DiscardHandler),
	})
	core.Link([]provisioning.Link{{Hub: hub{}, Weight: 1, Applies: true}})
	t.Cleanup(func() { core.Close(context.Background()) })
	front := &mqttfront.Front{Logger: slog.New(slog.DiscardHandler), Service: func(s string) (*provisioning.Service, bool) {
		return core, strings.EqualFold(s, scope)
	}}
	return &lab{t, mqttserver.New(front, mqttserver.Options{}), answered}
}

// device is a client that speaks packet by packet, with a codec that is not the server's.
type device struct {
	t *testing.T
	net.Conn
	nextID uint16
}

// dial opens a connection without TLS, and so without a client certificate.
func (l *lab) dial() *device {
	l.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		l.t.Fatal(err)
	}
	defer listener.Close()
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		l.t.Fatal(err)
	}
	server, err := listener.Accept()
	if err != nil {
		l.t.Fatal(err)
	}
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
	return &device{t: l.t, Conn: client}
}

// connect sends a CONNECT and returns the code of its answer.
func (d *device) connect(clientID, username, password string) byte {
	d.t.Helper()
	c := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	c.ProtocolName, c.ProtocolVersion, c.ClientIdentifier, c.CleanSession = "MQTT", 4, clientID, true
	c.UsernameFlag, c.Username = username != "", username
	c.PasswordFlag, c.Password = password != "", []byte(password)
	d.send(c)
	ack := next[*packets.ConnackPacket](d)
	if ack.SessionPresent {
		d.t.Error("a session is present")
	}
	return ack.ReturnCode
}

// connected is dev-01 after its CONNECT.
func (l *lab) connected() *device {
	l.t.Helper()
	d := l.dial()
	if code := d.connect("dev-01", username, token("dev-01")); code != 0 {
		l.t.Fatalf("CONNACK %d", code)
	}
	return d
}

// subscribe asks for a filter and returns what the SUBACK grants.
func (d *device) subscribe(filter string, qos byte) byte {
	d.t.Helper()
	s := packets.NewControlPacket(packets.Subscribe).(*packets.SubscribePacket)
	d.nextID++
	s.MessageID, s.Topics, s.Qoss = d.nextID, []string{filter}, []byte{qos}
	d.send(s)
	return next[*packets.SubackPacket](d).ReturnCodes[0]
}

// publish sends a request; at QoS 1 it waits for the PUBACK, which comes before all else.
func (d *device) publish(topic string, qos byte, body string) {
	d.t.Helper()
	p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	d.nextID++
	p.TopicName, p.Qos, p.MessageID, p.Payload = topic, qos, d.nextID, []byte(body)
	d.send(p)
	if qos == 1 {
		if ack := next[*packets.PubackPacket](d); ack.MessageID != d.nextID {
			d.t.Errorf("PUBACK of %d, want %d", ack.MessageID, d.nextID)
		}
	}
}

func (d *device) send(p packets.ControlPacket) {
	d.t.Helper()
	if err := p.Write(d); err != nil {
		d.t.Fatalf("send %v: %v", p, err)
	}
}

// next is the next packet, which must be a T.
func next[T packets.ControlPacket](d *device) T {
	d.t.Helper()
	p, err := packets.ReadPacket(d)
	if err != nil {
		d.t.Fatalf("read: %v", err)
	}
	want, ok := p.(T)
	if !ok {
		d.t.Fatalf("got %v", p)
	}
	return want
}

// answer is the next answer, and its body.
func (d *device) answer() (*packets.PublishPacket, document) {
	d.t.Helper()
	p := next[*packets.PublishPacket](d)
	var doc document
	if err := json.Unmarshal(p.Payload, &doc); err != nil {
		d.t.Fatalf("%q: %v", p.Payload, err)
	}
	return p, doc
}

type document struct {
	OperationID, Status            string
	RegistrationState              *struct{ RegistrationID, Status, AssignedHub string }
	ErrorCode                      int
	TrackingID, Message, Timestamp string
}

// quiet checks that the connection lives and that nothing was sent.
func (d *device) quiet() {
	d.t.Helper()
	d.send(packets.NewControlPacket(packets.Pingreq))
	next[*packets.PingrespPacket](d)
}

// ends checks that the server closes the connection without another packet.
func (d *device) ends() {
	d.t.Helper()
	rest, err := io.ReadAll(d)
	if len(rest) > 0 || err != nil && !errors.Is(err, syscall.ECONNRESET) {
		d.t.Errorf("before the end came % x, %v", rest, err)
	}
}
