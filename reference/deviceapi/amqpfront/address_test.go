package amqpfront_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/vectors"
	"github.com/dpslab/dpslab/reference/deviceapi/amqpfront"
)

func TestEverySpellingOfAnAddress(t *testing.T) {
	v := vectors.All().AMQP
	for _, spelling := range v.Addresses {
		if scope, id, ok := amqpfront.ParseAddress(spelling.Address); !ok || scope != v.Scope || id != v.RegistrationID {
			t.Errorf("%s: %q is %q, %q, %v", spelling.Source, spelling.Address, scope, id, ok)
		}
	}
}

func TestWhatIsNoAddress(t *testing.T) {
	for _, text := range []string{
		"", "/", "dev-01", "0ne/registrations", "0ne/registrations/", "/registrations/dev-01", "0ne/devices/dev-01",
		"0ne/registrations/dev-01/x", "//0ne/registrations/dev-01", "amqps://host", "amqps://host/0ne", "amqps://0ne/registrations/dev-01",
	} {
		if scope, id, ok := amqpfront.ParseAddress(text); ok {
			t.Errorf("%q is %q, %q", text, scope, id)
		}
	}
}

func FuzzAddress(f *testing.F) {
	for _, spelling := range vectors.All().AMQP.Addresses {
		f.Add(spelling.Address)
	}
	f.Add("://")
	f.Fuzz(func(t *testing.T, text string) {
		scope, id, ok := amqpfront.ParseAddress(text)
		if !ok {
			return
		}
		bare := scope + "/registrations/" + id
		if !strings.HasSuffix(text, bare) || strings.ContainsAny(scope+id, "/") || scope == "" || id == "" {
			t.Errorf("%q is %q, %q", text, scope, id)
		}
		if again, same, ok := amqpfront.ParseAddress(bare); !strings.Contains(scope, "://") && (!ok || again != scope || same != id) {
			t.Errorf("%q is %q, %q, %v", bare, again, same, ok)
		}
	})
}

func FuzzSplit(f *testing.F) {
	f.Add([]byte("\x00scope\x00dev\x00ek\x00\x01"), 3)
	f.Add([]byte("\x00"), 1)
	f.Fuzz(func(t *testing.T, message []byte, n int) {
		n = 1 + n&3
		parts, ok := amqpfront.Split(message, n)
		if !ok {
			return
		}
		if joined := append([]byte{0}, bytes.Join(parts, []byte{0})...); len(parts) != n || !bytes.Equal(joined, message) {
			t.Errorf("%q is %q", message, parts)
		}
	})
}
