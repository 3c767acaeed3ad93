package fakehub_test

import (
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/sas"
)

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
	got := c.packet()
	p, ok := got.(*packets.PublishPacket)
	if !ok || p.Qos != 0 || p.Retain || p.Dup {
		c.t.Fatalf("instead of a PUBLISH at QoS 0: %v", got)
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
	got := c.packet()
	if _, ok := got.(*packets.PingrespPacket); !ok {
		c.t.Fatalf("instead of a PINGRESP: %v", got)
	}
}

func (c *client) disconnect() {
	c.t.Helper()
	c.send(packets.NewControlPacket(packets.Disconnect))
	c.closed()
}
