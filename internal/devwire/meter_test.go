package devwire_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

// ledger is a meter that writes down what it is told, and refuses when it is closed.
type ledger struct {
	mu     sync.Mutex
	lines  []string
	closed error
}

func (l *ledger) Before(_ context.Context, o devwire.Operation) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf("%s %s %s%s%s", o.Kind, o.Host, o.Device, o.Method, o.Path))
	return l.closed
}

func (l *ledger) After(o devwire.Operation, code int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if o.Kind == devwire.Raw {
		l.lines = append(l.lines, o.Kind.String())
		return
	}
	l.lines = append(l.lines, fmt.Sprint(code))
}

func TestEveryOperationIsMetered(t *testing.T) {
	const host = serviceHost
	l := newLab(t)
	https := l.serve(t, l.tls(), func(c *tls.Conn) {
		serveHTTP(c, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Connection", "close")
			w.WriteHeader(http.StatusNotFound)
			io.WriteString(w, `{"errorCode":404201,"message":"m"}`)
		})
	})
	mqtt := peers(t, l, dps.MQTT, func(p *peer) {
		p.login(devwire.ResponseFilter)
		for range 2 {
			if m, ok := hear[*packets.PublishPacket](p); ok && m.Qos == 1 {
				p.puback(m.MessageID)
				_, rid, _ := strings.Cut(m.TopicName, "$rid=")
				p.publish("$dps/registrations/res/404/?$rid="+rid[:1], `{"errorCode":404201,"message":"m"}`)
			}
		}
		p.goodbye() // closing at once could overtake the answer
	})
	packetsOnly := peers(t, l, dps.MQTT, func(p *peer) {
		hear[*packets.ConnectPacket](p)
		hear[*packets.PublishPacket](p)
	})
	silent := peers(t, l, dps.MQTT, func(p *peer) { hear[*packets.PingreqPacket](p) })
	ep := devwire.Endpoint{Host: host, Address: "127.0.0.1", HTTPSPort: https, MQTTSPort: mqtt}
	id := devwire.Identity{Scope: "0ne", RegistrationID: "dev:1", Key: []byte("k")}
	for _, c := range []struct {
		rule string
		do   func(w *devwire.Wire) error
		want []string
	}{
		{"a register request over https", func(w *devwire.Wire) error {
			d, _ := w.Device(soon(t), dps.HTTPS, ep, id)
			_, err := d.Register(soon(t), nil)
			return err
		}, []string{"registration " + host + " dev:1", "404"}},
		{"a poll over https", func(w *devwire.Wire) error {
			d, _ := w.Device(soon(t), dps.HTTPS, ep, id)
			_, err := d.Poll(soon(t), "op")
			return err
		}, []string{"poll " + host + " dev:1", "404"}},
		{"a register request as bytes", func(w *devwire.Wire) error {
			_, err := w.RawHTTP(soon(t), ep, devwire.DialOptions{}, []byte("PUT /0ne/registrations/a/register?x=y HTTP/1.1\r\nHost: h\r\n\r\n"))
			return err
		}, []string{"registration " + host + " a", "0"}},
		{"another request of a device is not", func(w *devwire.Wire) error {
			_, err := w.HTTP(ep, devwire.DialOptions{}).Do(soon(t), devwire.HTTPRequest{Method: http.MethodPost, Path: devwire.LookupPath(id)})
			return err
		}, nil},
		{"a request to the service API", func(w *devwire.Wire) error {
			s, _ := w.Service(ep, connectionString(serviceHost))
			_, err := s.GetEnrollment(soon(t), "dev-1")
			return err
		}, []string{"service request " + host + " GET/enrollments/dev-1", "404"}},
		{"a request to a hub", func(w *devwire.Wire) error {
			h, _ := w.HubService(ep, connectionString(serviceHost))
			_, err := h.Identity(soon(t), "dev-1")
			return err
		}, []string{"hub request " + host + " GET/devices/dev-1", "404"}},
		{"a registration and a poll over mqtt", func(w *devwire.Wire) error {
			d, err := w.MQTTDevice(soon(t), dps.MQTT, ep, id)
			if err != nil {
				return err
			}
			defer d.Close()
			if _, err := d.Register(soon(t), nil); err != nil {
				return err
			}
			_, err = d.Poll(soon(t), "op")
			return err
		}, []string{"registration " + host + " dev:1", "404", "poll " + host + " dev:1", "404"}},
		{"a PUBLISH as a packet", func(w *devwire.Wire) error {
			p, err := w.Packets(soon(t), dps.MQTT, endpoint(host, packetsOnly), devwire.DialOptions{})
			if err != nil {
				return err
			}
			defer p.Close()
			m := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
			m.TopicName = devwire.RegisterTopic("1")
			return errors.Join(p.Send(w.ConnectPacket(id)), p.Send(m))
		}, []string{"registration " + host + " dev:1", "0"}},
		{"bytes as they are are raw", func(w *devwire.Wire) error {
			p, err := w.Packets(soon(t), dps.MQTT, endpoint(host, silent), devwire.DialOptions{})
			if err != nil {
				return err
			}
			defer p.Close()
			return p.SendBytes([]byte{0xc0, 0})
		}, []string{"raw"}},
	} {
		var heard ledger
		w := l.wire()
		w.Meter = &heard
		if err := c.do(w); err != nil {
			t.Errorf("%s: %v", c.rule, err)
		}
		if !slices.Equal(heard.lines, c.want) {
			t.Errorf("%s: %q, want %q", c.rule, heard.lines, c.want)
		}
	}
}

func TestAMeterThatRefusesKeepsAnOperationFromBeingSent(t *testing.T) {
	l := newLab(t)
	w := l.wire()
	full := errors.New("the quota is used up")
	w.Meter = &ledger{closed: full}
	ep := devwire.Endpoint{Host: serviceHost, Address: "127.0.0.1", HTTPSPort: 1}
	s, err := w.Service(ep, connectionString(serviceHost))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.GetGroup(soon(t), "g"); !errors.Is(err, full) {
		t.Errorf("%v: the port is closed, so the request was sent", err)
	}
}
