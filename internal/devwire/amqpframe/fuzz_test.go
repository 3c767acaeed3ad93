package amqpframe_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/devwire/amqpframe"
)

// Whatever is decoded can be encoded, and comes back the same; whatever is a frame
// comes back as it was.
func FuzzRead(f *testing.F) {
	for _, c := range values {
		b, err := amqpframe.Encode(c.v)
		if err != nil {
			f.Fatal(err)
		}
		frame := append([]byte{0, 0, 0, byte(13 + len(b)), 2, 0, 0, 0, 0, 0x53, 0x77}, b...)
		f.Add(append(frame, 1, 2))
		f.Add(b)
	}
	f.Add([]byte("AMQP\x03\x01\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if v, _, err := amqpframe.Decode(b); err == nil {
			again(t, v)
		}
		if m, err := amqpframe.ParseMessage(b); err == nil {
			_ = m.String()
		}
		frame, err := amqpframe.Read(bytes.NewReader(b), 1<<20)
		if err != nil {
			return
		}
		_ = frame.String()
		encoded, err := frame.Append(nil)
		if err != nil {
			if arrayOfDescribed(frame.Body) {
				return
			}
			t.Fatalf("%s: %v", frame, err)
		}
		if back, err := amqpframe.Read(bytes.NewReader(encoded), 1<<21); err != nil || back.String() != frame.String() {
			t.Fatalf("%s came back as %s, %v", frame, back, err)
		}
	})
}

func again(t *testing.T, v any) {
	for _, w := range []any{v, amqpframe.Wide{Value: v}} {
		b, err := amqpframe.Encode(w)
		if err != nil {
			if arrayOfDescribed(v) {
				return
			}
			t.Fatalf("%v: %v", v, err)
		}
		back, rest, err := amqpframe.Decode(b)
		if err != nil || len(rest) > 0 {
			if err != nil && strings.Contains(err.Error(), "more values") {
				return // an array of nothing takes no byte each, and a list of it does
			}
			t.Fatalf("%v as %x: %v, %d bytes left", v, b, err, len(rest))
		}
		once, _ := amqpframe.Encode(v)
		twice, _ := amqpframe.Encode(back)
		if !bytes.Equal(once, twice) { // NaNs are not equal, their bytes are
			t.Fatalf("%v came back as %v", v, back)
		}
	}
}

// arrayOfDescribed reports whether there is one in v: the only thing that is read and not
// written.
func arrayOfDescribed(v any) bool {
	switch v := v.(type) {
	case *amqpframe.Described:
		return arrayOfDescribed(v.Descriptor) || arrayOfDescribed(v.Value)
	case amqpframe.Array:
		for _, item := range v {
			if _, ok := item.(*amqpframe.Described); ok || arrayOfDescribed(item) {
				return true
			}
		}
	case amqpframe.List:
		for _, item := range v {
			if arrayOfDescribed(item) {
				return true
			}
		}
	case amqpframe.Map:
		for _, p := range v {
			if arrayOfDescribed(p.Key) || arrayOfDescribed(p.Value) {
				return true
			}
		}
	}
	return false
}
