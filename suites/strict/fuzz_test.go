package strict_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/dpslab/dpslab/internal/devwire/amqpframe"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/strict"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

// No rule panics, whatever comes, and what a rule says of an answer it says again.
func FuzzRules(f *testing.F) {
	for _, a := range good() {
		f.Add(a.Poll, a.Code, a.Topic, a.Body)
	}
	for _, s := range samples {
		f.Add(s.answer.Poll, s.answer.Code, s.answer.Topic, s.answer.Body)
	}
	f.Fuzz(func(t *testing.T, poll bool, code int, topic string, body []byte) {
		a := strict.Answer{Poll: poll, Code: code, Topic: topic, RID: "7", Body: body}
		for _, sdk := range strict.All {
			for _, over := range sdk.Transports {
				for _, rule := range sdk.Rules(over) {
					if one, two := rule.Broken(a), rule.Broken(a); (one == "") != (two == "") {
						t.Errorf("%s: %q, then %q", rule.Words, one, two)
					}
				}
			}
		}
	})
}

// Whatever bytes a service sends, they are a response or they are refused, and what the
// rules are asked about it they answer.
func FuzzResponses(f *testing.F) {
	f.Add(response(202, assigning))
	f.Add(response(401, refusal))
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"))
	f.Add([]byte("HTTP/0.9 200\r\n\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, err := strict.ParseResponse("PUT", raw)
		if err != nil {
			return
		}
		if len(a.Body) > len(raw) || a.Sized && bytes.Contains(raw, []byte("\nTransfer-Encoding: chunked\r")) {
			t.Errorf("%q was read as %+v", raw, a)
		}
		for _, sdk := range strict.Over(dps.HTTPS) {
			for _, rule := range sdk.Rules(dps.HTTPS) {
				rule.Broken(a)
			}
		}
	})
}

// Whatever packets a service sends, an MQTT client ends.
func FuzzSessions(f *testing.F) {
	var story bytes.Buffer
	for _, cp := range []packets.ControlPacket{
		connack(0, false), suback(1, 1), puback(2), publish(1, "$dps/registrations/res/202/?$rid=2&retry-after=0", assigning),
		puback(3), publish(1, "$dps/registrations/res/200/?$rid=3", assigned),
	} {
		if err := cp.Write(&story); err != nil {
			f.Fatal(err)
		}
	}
	f.Add(story.Bytes())
	f.Add(story.Bytes()[:4])
	f.Add(story.Bytes()[4:])
	f.Fuzz(func(t *testing.T, stream []byte) {
		for _, sdk := range strict.Over(dps.MQTT) {
			p := &peer{reply: func(packets.ControlPacket) []packets.ControlPacket { return nil }, closed: true}
			for r := bytes.NewReader(stream); r.Len() > 0 && len(p.queue) < 64; {
				cp, ok := decoded(r)
				if !ok {
					break
				}
				p.queue = append(p.queue, cp)
			}
			got, err := sdk.On(t.Context(), dps.MQTT, device(), p)
			if err != nil && !errors.As(err, new(*strict.Complaint)) {
				t.Errorf("%s: %v, %+v", sdk.Name, err, got)
			}
		}
	})
}

// decoded reads one packet. The decoder of the MQTT library panics on some bytes, which
// devwire keeps from it; here such a stream just ends.
func decoded(r *bytes.Reader) (cp packets.ControlPacket, ok bool) {
	defer func() {
		if recover() != nil {
			cp, ok = nil, false
		}
	}()
	if r.Len() > 1<<16 {
		return nil, false
	}
	cp, err := packets.ReadPacket(r)
	return cp, err == nil
}

// Whatever frames a service sends, an AMQP client ends.
func FuzzLinks(f *testing.F) {
	for _, seed := range []func(b *broker){
		func(*broker) {},
		func(b *broker) { b.code = 1 },
		func(b *broker) {
			b.settle = func(uint32) *amqpframe.Described { return amqpframe.New("rejected", nil) }
		},
	} {
		b := newBroker()
		b.closed = true
		seed(b)
		heard := &listener{broker: b}
		// Whatever comes of it, the frames are the seed.
		_, _ = strict.Java.OnLinks(f.Context(), device(), heard)
		f.Add(heard.story)
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		for _, sdk := range strict.Over(dps.AMQP) {
			b := newBroker()
			b.closed, b.mute = true, true
			for r := bytes.NewReader(stream); r.Len() > 0 && len(b.queue) < 64; {
				frame, err := amqpframe.Read(r, 1<<16)
				if err != nil {
					break
				}
				b.queue = append(b.queue, frame)
			}
			got, err := sdk.OnLinks(t.Context(), device(), b)
			if err != nil && !errors.As(err, new(*strict.Complaint)) {
				t.Errorf("%s: %v, %+v", sdk.Name, err, got)
			}
		}
	})
}

// listener keeps the bytes of what a broker sends.
type listener struct {
	*broker
	story []byte
}

func (l *listener) Next(ctx context.Context) (amqpframe.Frame, error) {
	f, err := l.broker.Next(ctx)
	if err == nil {
		l.story, err = f.Append(l.story)
	}
	return f, err
}
