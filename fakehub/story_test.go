package fakehub_test

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/dpslab/dpslab/fakehub"
	"github.com/dpslab/dpslab/internal/pki"
)

// The life of a device at a hub, from the provisioning service's bulk call to its will.
func TestADeviceArrivesAndLives(t *testing.T) {
	l := newLab(t)
	h := l.hub(fakehub.HubSpec{})
	h.must("POST", "/devices", `[{"id":"d1","importMode":"create","status":"enabled",
		"authentication":{"type":"sas","symmetricKey":{"primaryKey":"cHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHA=","secondaryKey":"c3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3M="}},
		"tags":{"site":"lab"},"properties":{"desired":{"interval":30}}}]`)

	c := h.online(device{id: "d1", username: h.Host() + "/d1/?api-version=2021-04-12&model-id=dtmi:com:x;1&DeviceClientType=node",
		will: publishPacket("devices/d1/messages/events/why=vanished", "gone")})
	if granted := c.subscribe(1, twinAnswers, desired, methods); string(granted) != "\x01\x01\x01" {
		t.Fatalf("granted %v", granted)
	}
	c.publish("$iothub/twin/GET/?$rid=1", " ")
	c.hears("$iothub/twin/res/200/?$rid=1", `{"desired":{"$version":1,"interval":30},"reported":{"$version":1}}`)
	c.publish("$iothub/twin/PATCH/properties/reported/?$rid=b", `{"fw":"1.2","gone":null}`)
	c.hears("$iothub/twin/res/204/?$rid=b&$version=2", "")

	if got := member(t, h.must("PATCH", "/twins/d1", `{"properties":{"desired":{"interval":null,"led":true}}}`), "connectionState"); got != `"Connected"` {
		t.Errorf("connectionState is %s", got)
	}
	c.hears("$iothub/twin/PATCH/properties/desired/?$version=2", `{"$version":2,"interval":null,"led":true}`)

	answered := make(chan string)
	go func() {
		status, body := h.rest("POST", "/twins/d1/methods", `{"methodName":"reboot","payload":{"in":5}}`)
		answered <- fmt.Sprint(status, " ", body)
	}()
	topic, payload := c.message()
	rid, ok := strings.CutPrefix(topic, "$iothub/methods/POST/reboot/?$rid=")
	if !ok || rid == "" || payload != `{"in":5}` {
		t.Fatalf("the method came as %s %s", topic, payload)
	}
	c.publish("$iothub/methods/res/202/?$rid="+rid, `{"ok":true}`)
	if got := <-answered; got != `200 {"status":202,"payload":{"ok":true}}` {
		t.Errorf("the caller got %s", got)
	}
	c.publish("$iothub/methods/res/200/?$rid="+rid, `{"late":true}`)
	c.publish("$iothub/methods/res/200/?$rid=ffff", "")

	c.publish("devices/d1/messages/events/%24.ct=application%2Fjson&$.mid=7&zone=a%20b/", `{"t":21}`)
	e := h.arrived(1)
	if e.DeviceID != "d1" || string(e.Body) != `{"t":21}` || *e.Properties["zone"] != "a b" || len(e.Properties) != 1 {
		t.Errorf("telemetry %s %q %v", e.DeviceID, e.Body, e.Properties)
	}
	for name, want := range map[string]string{
		"content-type": "application/json", "message-id": "7", "iothub-connection-device-id": "d1", "iothub-message-source": "Telemetry",
		"iothub-connection-auth-method": `{"scope":"device","type":"sas","issuer":"iothub"}`,
	} {
		if got := e.SystemProperties[name]; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	c.ping()
	c.conn.Close()
	if e := h.arrived(2); string(e.Body) != "gone" || *e.Properties["iothub-MessageType"] != "Will" || *e.Properties["why"] != "vanished" {
		t.Errorf("the will %q %v", e.Body, e.Properties)
	}
	twin := h.must("GET", "/twins/d1", "")
	if !strings.Contains(twin, `"fw":"1.2"`) || member(t, twin, "modelId") != `"dtmi:com:x;1"` {
		t.Errorf("the twin is %s", twin)
	}
}

func publishPacket(topic, payload string) *packets.PublishPacket {
	p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	p.TopicName, p.Payload = topic, []byte(payload)
	return p
}

func TestACertificateOfTheThumbprintLetsIn(t *testing.T) {
	l := newLab(t)
	h := l.hub(fakehub.HubSpec{})
	mine, other := selfSigned(t, "d1"), selfSigned(t, "d1")
	print := sha256.Sum256(mine.Certificate[0])
	h.must("PUT", "/devices/d1", `{"authentication":{"type":"selfSigned","x509Thumbprint":{"primaryThumbprint":"`+
		strings.ToUpper(hex.EncodeToString(print[:]))+`"}}}`)
	c := h.online(device{id: "d1", certificate: &mine})
	c.publish("devices/d1/messages/events/", "")
	if got := h.arrived(1).SystemProperties["iothub-connection-auth-method"]; !strings.Contains(got, "x509") {
		t.Errorf("auth method %s", got)
	}
	if c, ack := h.dial(device{id: "d1", certificate: &other}); ack.ReturnCode != 5 {
		t.Errorf("another certificate is answered with CONNACK %d", ack.ReturnCode)
	} else {
		c.closed()
	}
	if _, ack := h.dial(device{id: "d1"}); ack.ReturnCode != 5 {
		t.Errorf("a token instead is answered with CONNACK %d", ack.ReturnCode)
	}
	h.Clock().Advance(25 * time.Hour)
	if _, ack := h.dial(device{id: "d1", certificate: &mine}); ack.ReturnCode != 5 {
		t.Errorf("the certificate that has expired is answered with CONNACK %d", ack.ReturnCode)
	}
}

func selfSigned(t testing.TB, name string) tls.Certificate {
	t.Helper()
	c, err := pki.SelfSigned(name, pki.Options{Now: now, Lifetime: 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestMQTTOverAWebSocketIsTheSame(t *testing.T) {
	l := newLab(t)
	h := l.hub(fakehub.HubSpec{})
	h.enroll("d1")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ws, answer, err := websocket.Dial(ctx, "wss://"+h.Host()+"/$iothub/websocket?iothub-no-client-cert=true",
		&websocket.DialOptions{HTTPClient: &http.Client{Transport: h.http.Transport}, Subprotocols: []string{"MQTT"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := answer.Header.Get("Sec-WebSocket-Protocol"); got != "MQTT" {
		t.Errorf("the subprotocol is echoed as %q", got)
	}
	c, ack := h.connect(websocket.NetConn(context.Background(), ws, websocket.MessageBinary), device{id: "d1"})
	if ack.ReturnCode != 0 {
		t.Fatalf("CONNACK %d", ack.ReturnCode)
	}
	c.subscribe(0, twinAnswers)
	c.publish("$iothub/twin/GET/?$rid=1", "")
	c.hears("$iothub/twin/res/200/?$rid=1", `{"desired":{"$version":1},"reported":{"$version":1}}`)
}
