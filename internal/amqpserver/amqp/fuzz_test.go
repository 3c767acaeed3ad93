package amqp_test

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
)

// What can be read can be written again, shorter if at all, and is then read as the same.
// The files under testdata are malformed; every run of the tests reads them.

func FuzzValue(f *testing.F) {
	for _, c := range shortest {
		f.Add(unhex(f, c.wire))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, rest, err := amqp.ReadValue(b)
		if err != nil {
			return
		}
		once, err := amqp.AppendValue(nil, v)
		if err != nil {
			t.Fatalf("%#v cannot be written: %v", v, err)
		}
		if len(once) > len(b)-len(rest) {
			t.Errorf("% x is written longer, as % x", b, once)
		}
		again, rest, err := amqp.ReadValue(once)
		if err != nil || len(rest) > 0 {
			t.Fatalf("% x, as it was written, cannot be read: %v", once, err)
		}
		if twice, err := amqp.AppendValue(nil, again); err != nil || !bytes.Equal(once, twice) {
			t.Errorf("% x becomes % x, %v", once, twice, err)
		}
	})
}

// keepsItself checks that a frame body that can be read says the same when it is written.
func keepsItself(t *testing.T, kind amqp.FrameType, body []byte) {
	p, payload, err := amqp.ReadPerformative(kind, body)
	if err != nil {
		return
	}
	if a, ok := p.(*amqp.Attach); ok && a.Coordinator {
		return // which is only read
	}
	once, err := amqp.Frame{Type: kind, Channel: 7, Performative: p, Payload: payload}.Append(nil)
	if err != nil {
		t.Fatalf("%#v cannot be written: %v", p, err)
	}
	f, err := amqp.ReadFrame(bytes.NewReader(once), uint32(len(once)))
	if err != nil || f.Channel != 7 || reflect.TypeOf(f.Performative) != reflect.TypeOf(p) || !bytes.Equal(f.Payload, payload) {
		t.Fatalf("% x, as it was written, is read as %#v, %v", once, f, err)
	}
	if twice, err := f.Append(nil); err != nil || !bytes.Equal(once, twice) {
		t.Errorf("% x becomes % x, %v", once, twice, err)
	}
}

func FuzzPerformative(f *testing.F) {
	for _, c := range frames {
		if c.frame.Type == amqp.FrameAMQP {
			f.Add(unhex(f, c.wire)[8:])
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) { keepsItself(t, amqp.FrameAMQP, body) })
}

func FuzzSASL(f *testing.F) {
	for _, c := range frames {
		if c.frame.Type == amqp.FrameSASL {
			f.Add(unhex(f, c.wire)[8:])
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) { keepsItself(t, amqp.FrameSASL, body) })
}

func FuzzMessage(f *testing.F) {
	for _, c := range messages {
		f.Add(unhex(f, c.wire))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := amqp.ReadMessage(b)
		if err != nil {
			return
		}
		m.Payload()
		once, err := m.Append(nil)
		if err != nil {
			t.Fatalf("%#v cannot be written: %v", m, err)
		}
		again, err := amqp.ReadMessage(once)
		if err != nil {
			t.Fatalf("% x, as it was written, cannot be read: %v", once, err)
		}
		if twice, err := again.Append(nil); err != nil || !bytes.Equal(once, twice) {
			t.Errorf("% x becomes % x, %v", once, twice, err)
		}
	})
}

// FuzzFrames reads frames one behind the other, as they come over a connection.
func FuzzFrames(f *testing.F) {
	var all []byte
	for _, c := range frames {
		all = append(all, unhex(f, c.wire)...)
	}
	f.Add(all)
	f.Fuzz(func(t *testing.T, b []byte) {
		for r := bytes.NewReader(b); ; {
			before := r.Len()
			_, err := amqp.ReadFrame(r, 4096)
			if err != nil {
				return
			}
			if read := before - r.Len(); read < 8 || read > 4096 {
				t.Fatalf("a frame of %d bytes", read)
			}
		}
	})
}
