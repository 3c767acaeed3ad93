package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

func TestBadConnectOverMQTT(t *testing.T) {
	t.Parallel()
	s := newSeam(t)
	id := s.identity("dev-01")
	resource := devwire.DeviceResource(id.Scope, "dev-01")
	token := func(key []byte, expiry time.Duration) string {
		return devwire.SAS{Resource: resource, Key: key, Expiry: time.Now().Add(expiry)}.Token()
	}
	for _, c := range []struct {
		rule   string
		change func(p *packets.ConnectPacket)
		want   []byte
	}{
		{"a wrong key", func(p *packets.ConnectPacket) { p.Password = []byte(token(make([]byte, 32), time.Hour)) }, []byte{5}},
		{"an expired token", func(p *packets.ConnectPacket) { p.Password = []byte(token(id.Key, -time.Hour)) }, []byte{5}},
		{"the token of another device", func(p *packets.ConnectPacket) { p.Password = []byte(s.identity("dev-02").Token(time.Now())) }, []byte{5}},
		{"a password that is no token", func(p *packets.ConnectPacket) { p.Password = []byte("hunter2") }, []byte{4, 5}},
		{"neither password nor certificate", func(p *packets.ConnectPacket) { p.PasswordFlag, p.Password = false, nil }, []byte{5}},
		{"an unknown scope", func(p *packets.ConnectPacket) {
			p.Username = strings.Replace(p.Username, id.Scope, "0ne0STRANGE", 1)
		}, []byte{5}},
		{"a user name of no shape", func(p *packets.ConnectPacket) { p.Username = "dev-01" }, []byte{4, 5}},
		{"a user name with no version", func(p *packets.ConnectPacket) { p.Username = id.Scope + "/registrations/dev-01" }, []byte{4, 5}},
		{"a user name of another device", func(p *packets.ConnectPacket) {
			p.Username = strings.Replace(p.Username, "dev-01", "dev-02", 1)
		}, []byte{4, 5}},
		{"no user name", func(p *packets.ConnectPacket) {
			p.UsernameFlag, p.Username, p.PasswordFlag, p.Password = false, "", false, nil
		}, []byte{4, 5}},
		{"no client id", func(p *packets.ConnectPacket) { p.ClientIdentifier = "" }, []byte{2, 5}},
		{"MQTT 5", func(p *packets.ConnectPacket) { p.ProtocolVersion = 5 }, []byte{1}},
	} {
		for _, over := range []dps.Transport{dps.MQTT, dps.MQTTWebSocket} {
			t.Run(c.rule+" over "+over.String(), func(t *testing.T) {
				before := s.stored(t)
				conn := s.packets(t, over, devwire.DialOptions{})
				packet := s.wire.ConnectPacket(id)
				c.change(packet)
				if err := conn.Send(packet); err != nil {
					t.Fatal(err)
				}
				answer, err := conn.Next(t.Context())
				ack, ok := answer.(*packets.ConnackPacket)
				if err != nil || !ok || !slices.Contains(c.want, ack.ReturnCode) {
					t.Errorf("%v %v, want CONNACK %v", answer, err, c.want)
				}
				closes(t, conn)
				s.unhurt(t, before)
			})
		}
	}
}

func (s *seam) packets(t *testing.T, over dps.Transport, o devwire.DialOptions) *devwire.PacketConn {
	t.Helper()
	conn, err := s.wire.Packets(t.Context(), over, s.target.Device(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

func closes(t *testing.T, conn *devwire.PacketConn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if more, err := conn.Next(ctx); !errors.Is(err, io.EOF) {
		t.Errorf("the connection stands: %v %v", more, err)
	}
}

func TestBadPublishOverMQTT(t *testing.T) {
	t.Parallel()
	s := newSeam(t)
	foreign := foreignCertificate(t, "dev-01")
	const closed = 0 // instead of a code
	register := devwire.RegisterTopic("7")
	for _, c := range []struct {
		rule, topic, body string
		certificate       *tls.Certificate
		want              []int
	}{
		{rule: "an unknown topic", topic: "devices/dev-01/messages/events/", want: []int{closed}},
		{rule: "a topic of answers", topic: "$dps/registrations/res/200/?$rid=7", want: []int{closed}},
		{rule: "no rid", topic: "$dps/registrations/PUT/iotdps-register/", want: []int{closed}},
		{rule: "broken JSON", topic: register, body: `{"registrationId":`, want: []int{400}},
		{rule: "JSON a thousand deep", topic: register, body: `{"payload":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`, want: []int{400}},
		{rule: "the id of another device", topic: register, body: `{"registrationId":"dev-02"}`, want: []int{400}},
		{rule: "an unknown operation", topic: devwire.PollTopic("7", "5.0000000000000000.nothing"), want: []int{404}},
		{rule: "no operation", topic: "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=7", want: []int{400}},
		{rule: "an oversized body", topic: register, body: `{"payload":"` + strings.Repeat("x", 100<<10) + `"}`, want: []int{400, 413}},
		{rule: "an oversized packet", topic: register, body: `{"payload":"` + strings.Repeat("x", 300<<10) + `"}`, want: []int{closed}},
		{rule: "a certificate of a foreign authority", topic: register, body: `{}`, certificate: &foreign, want: []int{401}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			before := s.stored(t)
			id := s.identity("dev-01")
			if c.certificate != nil {
				id.Key, id.Certificate = nil, c.certificate
			}
			conn := s.packets(t, dps.MQTT, devwire.DialOptions{Certificate: c.certificate})
			subscribe := packets.NewControlPacket(packets.Subscribe).(*packets.SubscribePacket)
			subscribe.MessageID, subscribe.Topics, subscribe.Qoss = 1, []string{devwire.ResponseFilter}, []byte{0}
			publish := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
			publish.TopicName, publish.Payload = c.topic, []byte(c.body)
			for _, step := range []struct {
				send packets.ControlPacket
				hear byte
			}{{s.wire.ConnectPacket(id), packets.Connack}, {subscribe, packets.Suback}, {publish, packets.Publish}} {
				if err := step.send.Write(conn.Conn()); err != nil && step.hear != packets.Publish {
					t.Fatal(err)
				}
				heard, err := conn.Next(t.Context())
				if step.hear == packets.Publish && slices.Contains(c.want, closed) {
					var reset *net.OpError
					if !errors.Is(err, io.EOF) && !errors.As(err, &reset) {
						t.Errorf("heard %v %v, want the end", heard, err)
					}
					break
				}
				if err != nil {
					t.Fatalf("after %v: %v", step.send, err)
				}
				if ack, ok := heard.(*packets.ConnackPacket); ok && ack.ReturnCode != 0 {
					t.Fatalf("%v", heard)
				}
				told, ok := heard.(*packets.PublishPacket)
				if step.hear != packets.Publish {
					continue
				}
				if !ok {
					t.Fatalf("heard %v", heard)
				}
				answer, topic, err := devwire.ParseMQTTAnswer(told.TopicName, told.Payload)
				if err != nil || !slices.Contains(c.want, answer.Code) || topic.RID != "7" {
					t.Errorf("%v %v %v", err, topic, answer)
				}
				isDocumented(t, answer.Code, answer.Error, answer.Raw)
			}
			conn.Close()
			s.unhurt(t, before)
		})
	}
}
