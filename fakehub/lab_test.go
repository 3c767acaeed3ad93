package fakehub_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/dpslab/dpslab/fakehub"
	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/internal/sas"
	"github.com/dpslab/dpslab/internal/telemetry"
	"github.com/dpslab/dpslab/internal/transcript"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

var now = clock.System().Now()

var root = sync.OnceValue(func() *pki.Authority {
	a, err := pki.NewRoot("lab", pki.Options{Now: now})
	if err != nil {
		panic(err)
	}
	return a
})

var roots = sync.OnceValue(func() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(root().Certificate)
	return pool
})

// lab is a server with a front door of its own.
type lab struct {
	*fakehub.Server
	t    testing.TB
	door *frontdoor.Door
}

func newLab(t testing.TB) *lab {
	t.Helper()
	door, err := frontdoor.Listen(frontdoor.Options{AMQPSPort: -1})
	if err != nil {
		t.Fatal(err)
	}
	server := fakehub.New(fakehub.Options{
		Door: door,
		Certificate: func(names ...string) (tls.Certificate, error) {
			return root().Server(names, nil, pki.Options{Now: now})
		},
		Log: transcript.NewLog(transcript.Server, clock.System(), 1<<20),
	})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := errors.Join(server.Close(ctx), door.Close(ctx)); err != nil {
			t.Error(err)
		}
	})
	return &lab{server, t, door}
}

// hub is one hub of a lab, with what a service client does to it.
type hub struct {
	*fakehub.Hub
	t    testing.TB
	door *frontdoor.Door
	http *http.Client
}

func (l *lab) hub(spec fakehub.HubSpec) *hub {
	l.t.Helper()
	h, err := l.AddHub(spec)
	if err != nil {
		l.t.Fatal(err)
	}
	one := &hub{Hub: h, t: l.t, door: l.door}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort(h.Address(), strconv.Itoa(l.door.Ports().HTTPS)))
		},
		TLSClientConfig: &tls.Config{RootCAs: roots(), ServerName: h.Host()},
	}
	one.http = &http.Client{Transport: transport, Timeout: patience}
	l.t.Cleanup(transport.CloseIdleConnections)
	return one
}

// rest sends a request of a service client and returns status and body.
func (h *hub) rest(verb, path, body string, header ...string) (int, string) {
	h.t.Helper()
	linked, err := sas.ParseConnectionString(h.ConnectionString())
	if err != nil {
		h.t.Fatal(err)
	}
	r, err := http.NewRequest(verb, "https://"+h.Host()+path+"?api-version=2021-04-12", strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Authorization", sas.Sign(h.Host(), linked.SharedAccessKey, h.Clock().Now().Add(time.Hour), linked.SharedAccessKeyName))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := h.http.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return answer.StatusCode, string(b)
}

// must is rest with an answer in the 200s.
func (h *hub) must(verb, path, body string, header ...string) string {
	h.t.Helper()
	status, answer := h.rest(verb, path, body, header...)
	if status >= 300 {
		h.t.Fatalf("%s %s: %d %s", verb, path, status, answer)
	}
	return answer
}

var primary, secondary = bytes.Repeat([]byte("p"), 32), bytes.Repeat([]byte("s"), 32)

// enroll registers a device of type sas with both keys.
func (h *hub) enroll(id string) {
	h.t.Helper()
	h.must("PUT", "/devices/"+url.PathEscape(id), fmt.Sprintf(`{"authentication":{"symmetricKey":{"primaryKey":%q,"secondaryKey":%q}}}`,
		base64.StdEncoding.EncodeToString(primary), base64.StdEncoding.EncodeToString(secondary)))
}

// device is how a device connects; the zero value of each field is what is right.
type device struct {
	id          string
	username    string
	password    string // "-": none
	key         []byte
	life        time.Duration // of the token; 0: an hour
	certificate *tls.Certificate
	persistent  bool // without clean session
	will        *packets.PublishPacket
}

// client is a device's MQTT connection, packet by packet.
type client struct {
	t    testing.TB
	conn net.Conn
	id   string
	next uint16
}

// dial sends a CONNECT and returns the CONNACK.
func (h *hub) dial(d device) (*client, *packets.ConnackPacket) {
	h.t.Helper()
	config := &tls.Config{RootCAs: roots(), ServerName: h.Host()}
	if d.certificate != nil {
		config.Certificates = []tls.Certificate{*d.certificate}
	}
	conn, err := tls.Dial("tcp", net.JoinHostPort(h.Address(), strconv.Itoa(h.door.Ports().MQTTS)), config)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.connect(conn, d)
}

func (h *hub) connect(conn net.Conn, d device) (*client, *packets.ConnackPacket) {
	h.t.Helper()
	c := &client{t: h.t, conn: conn, id: d.id}
	h.t.Cleanup(func() { conn.Close() })
	p := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	p.ProtocolName, p.ProtocolVersion, p.Keepalive = "MQTT", 4, 60
	p.ClientIdentifier, p.CleanSession = d.id, !d.persistent
	p.UsernameFlag, p.Username = true, d.username
	if d.username == "" {
		p.Username = h.Host() + "/" + d.id + "/?api-version=2021-04-12&DeviceClientType=test"
	}
	if d.key == nil {
		d.key = primary
	}
	if d.life == 0 {
		d.life = time.Hour
	}
	if d.password == "" && d.certificate == nil {
		d.password = sas.Sign(h.Host()+"/devices/"+d.id, d.key, h.Clock().Now().Add(d.life), "")
	}
	if d.password != "" && d.password != "-" {
		p.PasswordFlag, p.Password = true, []byte(d.password)
	}
	if d.will != nil {
		p.WillFlag, p.WillTopic, p.WillMessage, p.WillQos = true, d.will.TopicName, d.will.Payload, 1
	}
	c.send(p)
	ack, ok := c.packet().(*packets.ConnackPacket)
	if !ok {
		h.t.Fatal("no CONNACK")
	}
	return c, ack
}

// online dials and must be let in.
func (h *hub) online(d device) *client {
	h.t.Helper()
	c, ack := h.dial(d)
	if ack.ReturnCode != 0 {
		h.t.Fatalf("CONNACK %d", ack.ReturnCode)
	}
	return c
}

func (c *client) send(p packets.ControlPacket) {
	c.t.Helper()
	c.conn.SetWriteDeadline(clock.SocketDeadline(patience))
	if err := p.Write(c.conn); err != nil {
		c.t.Fatal(err)
	}
}

// read returns the next packet, or the error that ended the connection.
func (c *client) read() (packets.ControlPacket, error) {
	c.conn.SetReadDeadline(clock.SocketDeadline(patience))
	return packets.ReadPacket(c.conn)
}

func (c *client) packet() packets.ControlPacket {
	c.t.Helper()
	p, err := c.read()
	if err != nil {
		c.t.Fatal(err)
	}
	return p
}

// closed must see the connection end without another packet.
func (c *client) closed() {
	c.t.Helper()
	p, err := c.read()
	var timeout net.Error
	switch {
	case err == nil:
		c.t.Fatalf("instead of the end: %v", p)
	case errors.As(err, &timeout) && timeout.Timeout():
		c.t.Fatal("the connection stays open")
	}
}

// subscribe sends one SUBSCRIBE and returns the granted QoS, or nil when the connection ended.
func (c *client) subscribe(qos byte, filters ...string) []byte {
	c.t.Helper()
	p := packets.NewControlPacket(packets.Subscribe).(*packets.SubscribePacket)
	c.next++
	p.MessageID, p.Topics = c.next, filters
	for range filters {
		p.Qoss = append(p.Qoss, qos)
	}
	c.send(p)
	answer, err := c.read()
	if err != nil {
		return nil
	}
	ack, ok := answer.(*packets.SubackPacket)
	if !ok || ack.MessageID != c.next {
		c.t.Fatalf("instead of a SUBACK: %v", answer)
	}
	return ack.ReturnCodes
}

const (
	twinAnswers = "$iothub/twin/res/#"
	desired     = "$iothub/twin/PATCH/properties/desired/#"
	methods     = "$iothub/methods/POST/#"
)

// publish sends at QoS 1 and waits for the PUBACK; false when the connection ended instead.
func (c *client) publish(topic, payload string) bool {
	c.t.Helper()
	c.next++
	p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	p.TopicName, p.Payload, p.Qos, p.MessageID = topic, []byte(payload), 1, c.next
	c.send(p)
	answer, err := c.read()
	if err != nil {
		return false
	}
	if ack, ok := answer.(*packets.PubackPacket); !ok || ack.MessageID != c.next {
		c.t.Fatalf("instead of a PUBACK: %v", answer)
	}
	return true
}

// message returns the next PUBLISH of the hub as "topic payload", which must be at QoS 0.
func (c *client) message() (topic, payload string) {
	c.t.Helper()
	p, ok := c.packet().(*packets.PublishPacket)
	if !ok || p.Qos != 0 || p.Retain || p.Dup {
		c.t.Fatalf("instead of a PUBLISH at QoS 0: %v", p)
	}
	return p.TopicName, string(p.Payload)
}

// hears must get exactly this PUBLISH next.
func (c *client) hears(topic, payload string) {
	c.t.Helper()
	gotTopic, gotPayload := c.message()
	if gotTopic != topic || gotPayload != payload {
		c.t.Fatalf("heard %s %s\nwant  %s %s", gotTopic, gotPayload, topic, payload)
	}
}

// ping must be answered next: nothing else was on its way.
func (c *client) ping() {
	c.t.Helper()
	c.send(packets.NewControlPacket(packets.Pingreq))
	if p, ok := c.packet().(*packets.PingrespPacket); !ok {
		c.t.Fatalf("instead of a PINGRESP: %v", p)
	}
}

func (c *client) disconnect() {
	c.t.Helper()
	c.send(packets.NewControlPacket(packets.Disconnect))
	c.closed()
}

// arrived waits for the nth telemetry event of the hub.
func (h *hub) arrived(nth int) telemetry.Event {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for e := range h.Telemetry().Follow(ctx, telemetry.Filter{}) {
		if e.Seq == uint64(nth) {
			return e
		}
	}
	h.t.Fatalf("event %d does not come", nth)
	return telemetry.Event{}
}

func member(t testing.TB, body, name string) string {
	t.Helper()
	var doc map[string]json.RawMessage
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return string(doc[name])
}
