package devwire_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/internal/vectors"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

func registerTopic(rid int) string {
	return fmt.Sprintf("$dps/registrations/PUT/iotdps-register/?$rid=%d", rid)
}

func pollTopic(rid int) string {
	return fmt.Sprintf("$dps/registrations/GET/iotdps-get-operationstatus/?$rid=%d&operationId=%s", rid, operation)
}

func TestDeviceOverMQTT(t *testing.T) {
	overMQTT(t, func(t *testing.T, over dps.Transport) {
		lab := newLab(t)
		port := peers(t, lab, over, func(p *peer) {
			connect, ok := p.login(vectors.All().MQTT.ResponseFilter)
			if !ok {
				return
			}
			if connect.ClientIdentifier != "dev-01" || connect.Username != vectors.All().MQTT.Usernames[0].Username ||
				!strings.HasPrefix(string(connect.Password), "SharedAccessSignature sr=0ne00DEMO01%2Fregistrations%2Fdev-01&sig=") ||
				connect.ProtocolVersion != 4 || connect.ProtocolName != "MQTT" || connect.WillFlag {
				t.Errorf("CONNECT %s", connect)
			}
			m, ok := p.request(registerTopic(1))
			if !ok {
				return
			}
			if string(m.Payload) != `{"registrationId":"dev-01","payload":{"a":1}}` {
				t.Errorf("registered with %s", m.Payload)
			}
			p.publish("$dps/registrations/res/202/?$rid=1&retry-after=3", assigning)
			if m, ok = p.request(pollTopic(2)); !ok {
				return
			}
			if len(m.Payload) != 0 {
				t.Errorf("polled with %q", m.Payload)
			}
			p.publish("$dps/registrations/res/200/?$rid=2", assigned(t))
			p.goodbye()
		})
		wire := lab.wire()
		device, err := wire.Device(soon(t), over, endpoint(serviceHost, port), testIdentity(t))
		if err != nil {
			t.Fatal(err)
		}
		a := provision(t, wire, device, json.RawMessage(`{"a":1}`), 3*time.Second)
		if a.Status != dps.StatusAssigned || a.Code != 200 || a.Topic != "$dps/registrations/res/200/?$rid=2" || a.State.DeviceID != "dev-01" {
			t.Errorf("%s", a)
		}
		if err := device.Close(); err != nil {
			t.Error(err)
		}
		<-device.(*devwire.MQTTDevice).Lost()
	})
}

func TestX509DeviceSendsNoPassword(t *testing.T) {
	lab := newLab(t)
	port := peers(t, lab, dps.MQTT, func(p *peer) {
		if connect, ok := p.login(devwire.ResponseFilter); ok {
			if connect.PasswordFlag || !connect.UsernameFlag {
				t.Errorf("CONNECT %s", connect)
			}
			p.goodbye()
		}
	})
	certificate, err := pki.SelfSigned("dev-01", pki.Options{Now: noon})
	if err != nil {
		t.Fatal(err)
	}
	id := devwire.Identity{Scope: "0ne00DEMO01", RegistrationID: "dev-01", Certificate: &certificate}
	device, err := lab.wire().Device(soon(t), dps.MQTT, endpoint(serviceHost, port), id)
	if err != nil {
		t.Fatal(err)
	}
	device.Close()
}

func TestRefusedConnack(t *testing.T) {
	overMQTT(t, func(t *testing.T, over dps.Transport) {
		for _, code := range []byte{1, 5, 6, 0x80} { // paho takes the last two for acceptances
			lab := newLab(t)
			port := peers(t, lab, over, func(p *peer) {
				hear[*packets.ConnectPacket](p)
				p.connack(code)
			})
			_, err := lab.wire().Device(soon(t), over, endpoint(serviceHost, port), testIdentity(t))
			var refused *devwire.ConnectRefused
			if !errors.As(err, &refused) || refused.Code != code {
				t.Errorf("code %d: %v", code, err)
			}
		}
	})
}

func TestRefusedSubscription(t *testing.T) {
	lab := newLab(t)
	port := peers(t, lab, dps.MQTT, func(p *peer) {
		p.login()
		if s, ok := hear[*packets.SubscribePacket](p); ok {
			p.suback(s.MessageID, 0x80)
		}
		p.goodbye()
	})
	_, err := lab.wire().Device(soon(t), dps.MQTT, endpoint(serviceHost, port), testIdentity(t))
	var refused *devwire.SubscribeRefused
	if !errors.As(err, &refused) || refused.Code != 0x80 {
		t.Errorf("got %v", err)
	}
}

// What a broken server may send must come back as an error that says so: paho alone would
// panic on the second, allocate 256 MB for the third and wait in vain after the rest.
func TestBrokenServersAreToldApart(t *testing.T) {
	answer := func(topic, body string) func(*peer) {
		return func(p *peer) {
			p.login(devwire.ResponseFilter)
			p.request(registerTopic(1))
			p.publish(topic, body)
			p.goodbye()
		}
	}
	for name, tc := range map[string]struct {
		script    func(p *peer)
		malformed bool
		want      string
	}{
		"closes instead of a CONNACK": {script: func(p *peer) { hear[*packets.ConnectPacket](p) }, want: "closed"},
		"a SUBACK with two codes": {script: func(p *peer) {
			p.login()
			if s, ok := hear[*packets.SubscribePacket](p); ok {
				p.suback(s.MessageID, 1, 1)
			}
			io.Copy(io.Discard, p.rw)
		}, malformed: true, want: "SUBACK"},
		"a packet of 256 MB": {script: func(p *peer) {
			p.login(devwire.ResponseFilter)
			p.request(registerTopic(1))
			p.raw(0x30, 0xff, 0xff, 0xff, 0x7f)
			io.Copy(io.Discard, p.rw)
		}, malformed: true, want: "bytes"},
		"closes instead of an answer": {script: func(p *peer) {
			p.login(devwire.ResponseFilter)
			p.request(registerTopic(1))
		}, want: "closed"},
		"another $rid":             {script: answer("$dps/registrations/res/202/?$rid=9", assigning), malformed: true, want: "no request"},
		"no $rid":                  {script: answer("$dps/registrations/res/202/?retry-after=3", assigning), malformed: true, want: "$rid"},
		"retry-after first":        {script: answer("$dps/registrations/res/202/?retry-after=3&$rid=1", assigning), malformed: true, want: "$rid"},
		"an answer without status": {script: answer("$dps/registrations/res/202/?$rid=1", `{"operationId":"1"}`), malformed: true, want: "status"},
		"an error without json":    {script: answer("$dps/registrations/res/500/?$rid=1", `oops`), malformed: true, want: "JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			lab := newLab(t)
			port := peers(t, lab, dps.MQTT, tc.script)
			device, err := lab.wire().Device(soon(t), dps.MQTT, endpoint(serviceHost, port), testIdentity(t))
			if err == nil {
				_, err = device.Register(soon(t), nil)
				device.Close()
			}
			var malformed *devwire.Malformed
			if err == nil || errors.As(err, &malformed) != tc.malformed || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestARefusalOverMQTTIsAnAnswer(t *testing.T) {
	lab := newLab(t)
	port := peers(t, lab, dps.MQTT, func(p *peer) {
		p.login(devwire.ResponseFilter)
		p.request(registerTopic(1))
		p.publish("$dps/registrations/res/429/?$rid=1&retry-after=5", `{"errorCode":429001,"trackingId":"","message":"throttled"}`)
		p.goodbye()
	})
	device, err := lab.wire().Device(soon(t), dps.MQTT, endpoint(serviceHost, port), testIdentity(t))
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	a, err := device.Register(soon(t), nil)
	if err != nil || a.Code != 429 || a.Error.ErrorCode != 429001 || a.RetryAfter != 5*time.Second || !a.HasRetryAfter {
		t.Errorf("%s, %v", a, err)
	}
}

// Answers are matched by $rid and not by order, and one that comes after its request was
// given up disturbs nobody.
func TestAnswersFindTheirRequests(t *testing.T) {
	lab := newLab(t)
	late := make(chan struct{})
	port := peers(t, lab, dps.MQTT, func(p *peer) {
		p.login(devwire.ResponseFilter)
		p.request(registerTopic(1))
		<-late
		p.request(pollTopic(2))
		p.publish("$dps/registrations/res/202/?$rid=1", assigning)
		p.publish("$dps/registrations/res/200/?$rid=2", assigned(t))
		p.goodbye()
	})
	wire := lab.wire()
	device, err := wire.Device(soon(t), dps.MQTT, endpoint(serviceHost, port), testIdentity(t))
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	short, cancel := contextFor(50 * time.Millisecond)
	defer cancel()
	if a, err := device.Register(short, nil); err == nil {
		t.Fatalf("an answer came from nowhere: %s", a)
	}
	close(late)
	if a, err := device.Poll(soon(t), operation); err != nil || a.Status != dps.StatusAssigned {
		t.Errorf("%s, %v", a, err)
	}
}

func TestASilentServerIsLeftBeforeTheConnack(t *testing.T) {
	lab := newLab(t)
	port := peers(t, lab, dps.MQTT, func(p *peer) {
		hear[*packets.ConnectPacket](p)
		io.Copy(io.Discard, p.rw)
	})
	ctx, cancel := contextFor(100 * time.Millisecond)
	defer cancel()
	if _, err := lab.wire().Device(ctx, dps.MQTT, endpoint(serviceHost, port), testIdentity(t)); err == nil {
		t.Error("connected without a CONNACK")
	}
}
