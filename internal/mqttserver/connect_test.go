package mqttserver_test

import (
	"bytes"
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/dpslab/dpslab/internal/mqttserver"
)

func TestTheHandlerSeesTheConnect(t *testing.T) {
	seen := make(chan mqttserver.Connect, 1)
	srv := mqttserver.New(&handler{connect: func(s *mqttserver.Session, c mqttserver.Connect) mqttserver.Accept {
		if s.ClientID() != c.ClientID {
			t.Errorf("the session is of %q", s.ClientID())
		}
		seen <- c
		return mqttserver.Accept{}
	}}, mqttserver.Options{})
	for _, c := range []struct {
		rule   string
		change func(*packets.ConnectPacket)
		want   mqttserver.Connect
	}{
		{"the least", func(*packets.ConnectPacket) {}, mqttserver.Connect{ClientID: "dev-01", CleanSession: true}},
		{"without clean session, with keep-alive", func(p *packets.ConnectPacket) {
			p.CleanSession, p.Keepalive = false, 240
		}, mqttserver.Connect{ClientID: "dev-01", KeepAlive: 240 * time.Second}},
		{"user name and password", func(p *packets.ConnectPacket) {
			p.UsernameFlag, p.Username, p.PasswordFlag, p.Password = true, "scope/registrations/dev-01/api-version=2019-03-31", true, []byte{0, 1, 255}
		}, mqttserver.Connect{ClientID: "dev-01", CleanSession: true, HasUsername: true, HasPassword: true,
			Username: "scope/registrations/dev-01/api-version=2019-03-31", Password: []byte{0, 1, 255}}},
		{"an empty password", func(p *packets.ConnectPacket) {
			p.UsernameFlag, p.PasswordFlag = true, true
		}, mqttserver.Connect{ClientID: "dev-01", CleanSession: true, HasUsername: true, HasPassword: true, Password: []byte{}}},
		{"a will", func(p *packets.ConnectPacket) {
			p.WillFlag, p.WillTopic, p.WillMessage, p.WillQos, p.WillRetain = true, "devices/dev-01/messages/events/", []byte("gone"), 1, true
		}, mqttserver.Connect{ClientID: "dev-01", CleanSession: true,
			Will: &mqttserver.Publish{Topic: "devices/dev-01/messages/events/", Payload: []byte("gone"), QoS: 1, Retain: true}}},
		{"a will without payload", func(p *packets.ConnectPacket) {
			p.WillFlag, p.WillTopic = true, "t"
		}, mqttserver.Connect{ClientID: "dev-01", CleanSession: true, Will: &mqttserver.Publish{Topic: "t", Payload: []byte{}}}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			p := serve(t, srv)
			cp := connect("dev-01")
			c.change(cp)
			p.send(cp)
			if ack := p.connack(mqttserver.Accepted); ack.SessionPresent {
				t.Error("session present")
			}
			if got := <-seen; !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestARefusedConnectIsAnsweredAndClosed(t *testing.T) {
	var ended endings
	h := &handler{closed: ended.closed}
	for code := byte(1); code <= 5; code++ {
		h.connect = func(*mqttserver.Session, mqttserver.Connect) mqttserver.Accept { return mqttserver.Accept{Code: code} }
		p := serve(t, mqttserver.New(h, mqttserver.Options{}))
		p.send(connect("dev-01"))
		p.connack(code)
		p.ends()
	}
	if all := ended.all(); len(all) != 0 {
		t.Errorf("Closed was called for a refused session: %v", all)
	}
}

func TestSessionPresentIsTheHandlers(t *testing.T) {
	p := serve(t, mqttserver.New(&handler{connect: func(*mqttserver.Session, mqttserver.Connect) mqttserver.Accept {
		return mqttserver.Accept{SessionPresent: true}
	}}, mqttserver.Options{}))
	p.send(connect("dev-01"))
	if !p.connack(mqttserver.Accepted).SessionPresent {
		t.Error("session not present")
	}
}

func TestAnotherProtocolLevelIsConnack1(t *testing.T) {
	srv := mqttserver.New(&handler{connect: func(*mqttserver.Session, mqttserver.Connect) mqttserver.Accept {
		t.Error("the handler was asked")
		return mqttserver.Accept{}
	}}, mqttserver.Options{})
	for rule, head := range map[string]string{
		"MQTT 5":                    "\x00\x04MQTT\x05",
		"level 3":                   "\x00\x04MQTT\x03",
		"a bridge":                  "\x00\x04MQTT\x84",
		"MQTT 3.1":                  "\x00\x06MQIsdp\x03",
		"level 5, malformed behind": "\x00\x04MQTT\x05\xff\xff\xff\xff\xff",
	} {
		t.Run(rule, func(t *testing.T) {
			p := serve(t, srv)
			body := head + "\x02\x00\x00\x00\x06dev-01"
			p.sendBytes(append([]byte{0x10, byte(len(body))}, body...)...)
			p.connack(mqttserver.UnacceptableProtocolLevel)
			p.ends()
		})
	}
}

func TestAMalformedConnectIsClosedWithoutAnAnswer(t *testing.T) {
	srv := mqttserver.New(&handler{connect: func(*mqttserver.Session, mqttserver.Connect) mqttserver.Accept {
		t.Error("the handler was asked")
		return mqttserver.Accept{}
	}}, mqttserver.Options{Timeouts: mqttserver.Timeouts{Connect: time.Hour}})
	good := func(change func(*packets.ConnectPacket)) []byte {
		cp := connect("dev-01")
		change(cp)
		var b bytes.Buffer
		cp.Write(&b)
		return b.Bytes()
	}
	for rule, sent := range map[string][]byte{
		"another packet first":           {0xc0, 0x00},
		"an HTTP request":                []byte("GET / HTTP/1.1\r\n\r\n"),
		"no body":                        {0x10, 0x00},
		"a name that ends early":         {0x10, 0x03, 0x00, 0x04, 'M'},
		"another protocol's name":        good(func(p *packets.ConnectPacket) { p.ProtocolName = "HTTP" }),
		"the reserved flag":              []byte("\x10\x12\x00\x04MQTT\x04\x03\x00\x00\x00\x06dev-01"),
		"a will at QoS 3":                good(func(p *packets.ConnectPacket) { p.WillFlag, p.WillTopic, p.WillQos = true, "t", 3 }),
		"a will without topic":           good(func(p *packets.ConnectPacket) { p.WillFlag = true }),
		"will flags without a will":      good(func(p *packets.ConnectPacket) { p.WillRetain = true }),
		"a will's QoS without a will":    good(func(p *packets.ConnectPacket) { p.WillQos = 1 }),
		"a password without a user name": good(func(p *packets.ConnectPacket) { p.PasswordFlag, p.Password = true, []byte("x") }),
		"a user name that is no UTF-8":   good(func(p *packets.ConnectPacket) { p.UsernameFlag, p.Username = true, "\xff" }),
		"a client id that is no UTF-8":   good(func(p *packets.ConnectPacket) { p.ClientIdentifier = "\xff" }),
		"header flags":                   {0x11, 0x00},
		"an endless length":              {0x10, 0x80, 0x80, 0x80, 0x80, 0x80},
	} {
		t.Run(rule, func(t *testing.T) {
			p := serve(t, srv)
			p.sendBytes(sent...)
			p.ends()
		})
	}
}

func TestAConnectMustBeCompleteInTime(t *testing.T) {
	srv := mqttserver.New(&handler{}, mqttserver.Options{Timeouts: mqttserver.Timeouts{Connect: 50 * time.Millisecond}})
	t.Run("silence", func(t *testing.T) { serve(t, srv).ends() })
	t.Run("half of it", func(t *testing.T) {
		p := serve(t, srv)
		p.sendBytes(0x10, 0x20, 0x00, 0x04, 'M', 'Q')
		p.ends()
	})
}

func TestASecondConnectCloses(t *testing.T) {
	var ended endings
	p := serve(t, mqttserver.New(&handler{closed: ended.closed}, mqttserver.Options{}))
	cp := connect("dev-01")
	cp.WillFlag, cp.WillTopic = true, "t"
	p.send(cp)
	p.connack(mqttserver.Accepted)
	p.send(cp)
	p.ends()
	if all := ended.all(); len(all) != 1 || all[0].will == nil {
		t.Errorf("ended as %+v", all)
	}
}

func TestWhatConnectStartsBeginsAfterTheConnack(t *testing.T) {
	srv := mqttserver.New(&handler{connect: func(s *mqttserver.Session, _ mqttserver.Connect) mqttserver.Accept {
		payload := []byte("pending")
		for range 3 {
			if err := s.Publish(context.Background(), "t", payload, 1); err != nil {
				t.Error(err)
			}
		}
		copy(payload, "changed")
		s.Go(func(ctx context.Context) { s.Publish(ctx, "from Go", nil, 0) })
		return mqttserver.Accept{}
	}}, mqttserver.Options{})
	p := connected(t, srv, "dev-01") // reads the CONNACK first
	for id := range uint16(3) {
		if got := next[*packets.PublishPacket](p); string(got.Payload) != "pending" || got.MessageID != id+1 {
			t.Errorf("got %v", got)
		}
	}
	if got := next[*packets.PublishPacket](p); got.TopicName != "from Go" {
		t.Errorf("got %v", got)
	}
}

func TestWhatARefusedConnectStartsNeverBegins(t *testing.T) {
	srv := mqttserver.New(&handler{connect: func(s *mqttserver.Session, _ mqttserver.Connect) mqttserver.Accept {
		s.Go(func(context.Context) { t.Error("it began") })
		s.Publish(context.Background(), "t", nil, 0)
		return mqttserver.Accept{Code: mqttserver.NotAuthorized}
	}}, mqttserver.Options{})
	p := serve(t, srv)
	p.send(connect("dev-01"))
	p.connack(mqttserver.NotAuthorized)
	p.ends()
}
