package amqpfront_test

import (
	"bytes"
	"encoding/binary"
	"net"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/internal/sas"
	"github.com/dpslab/dpslab/reference/provisioning"
)

// storageKey is a TPM2B_PUBLIC whose private half nobody has: what a blob holds is seen
// where it is wrapped.
func storageKey(digit byte) []byte {
	area := []byte{0, 1, 0, 0x0B, 0, 3, 4, 0x72, 0, 0, 0, 6, 0, 0x80, 0, 0x43, 0, 0x10, 8, 0, 0, 0, 0, 0, 1, 0}
	area = append(area, bytes.Repeat([]byte{0xC1 | digit<<1}, 256)...)
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(area))), area...)
}

// login is a client in SASL, frame by frame.
type login struct {
	t *testing.T
	net.Conn
}

func (l *lab) sasl(mechanism string, response []byte) *login {
	l.t.Helper()
	c := &login{l.t, l.dial()}
	c.write(amqp.HeaderSASL[:])
	var header amqp.ProtocolHeader
	if _, err := c.Read(header[:]); err != nil || header != amqp.HeaderSASL {
		l.t.Fatalf("the header is % x, %v", header, err)
	}
	if _, ok := c.next().(*amqp.SASLMechanisms); !ok {
		l.t.Fatal("no mechanisms")
	}
	c.send(&amqp.SASLInit{Mechanism: amqp.Symbol(mechanism), Response: response})
	return c
}

func (c *login) write(b []byte) {
	c.t.Helper()
	if _, err := c.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

func (c *login) send(p amqp.Performative) {
	c.t.Helper()
	b, err := amqp.Frame{Type: amqp.FrameSASL, Performative: p}.Append(nil)
	if err != nil {
		c.t.Fatal(err)
	}
	c.write(b)
}

func (c *login) next() amqp.Performative {
	c.t.Helper()
	f, err := amqp.ReadFrame(c, amqp.MinMaxFrameSize)
	if err != nil {
		c.t.Fatal(err)
	}
	return f.Performative
}

func (c *login) challenge() []byte {
	c.t.Helper()
	challenge, ok := c.next().(*amqp.SASLChallenge)
	if !ok {
		c.t.Fatal("no challenge")
	}
	return challenge.Challenge
}

func (c *login) respond(b ...byte) { c.t.Helper(); c.send(&amqp.SASLResponse{Response: b}) }

func (c *login) outcome() amqp.SASLCode {
	c.t.Helper()
	outcome, ok := c.next().(*amqp.SASLOutcome)
	if !ok {
		c.t.Fatal("no outcome")
	}
	return outcome.Code
}

func tpmInit(scope, id string, ek []byte) []byte {
	return append([]byte("\x00"+scope+"\x00"+id+"\x00"), ek...)
}

// A nonce comes in two segments, and whoever signs with it is let in, enrolled or not.
func TestSASLOfATPM(t *testing.T) {
	l := open(t)
	var wrapped provisioning.Wrap
	var blob []byte
	l.arm(provisioning.Wrapping.Plan(func(_ point.Call, w *provisioning.Wrap) { wrapped = *w }))
	l.arm(provisioning.Challenging.Plan(func(_ point.Call, c *provisioning.Challenge) { blob = c.Blob }))
	for rule, right := range map[string]bool{"a token signed with the nonce": true, "a token signed with another key": false} {
		c := l.sasl("TPM", tpmInit(scope, "tpm-01", storageKey(1)))
		if got := c.challenge(); !bytes.Equal(got, []byte{0}) {
			t.Fatalf("%s: the first challenge is % x", rule, got)
		}
		c.respond(append([]byte{0}, storageKey(2)...)...)
		first := c.challenge()
		c.respond(0)
		second := c.challenge()
		if first[0] != 0x80 || second[0] != 0xC1 || !bytes.Equal(append(first[1:], second[1:]...), blob) {
			t.Fatalf("%s: the segments begin with %#x and %#x", rule, first[0], second[0])
		}
		if !bytes.Equal(wrapped.Keys.EndorsementKey, storageKey(1)) || !bytes.Equal(wrapped.Keys.StorageRootKey, storageKey(2)) {
			t.Errorf("%s: the nonce is wrapped for another TPM", rule)
		}
		signing, want := wrapped.Key, amqp.SASLOK
		if !right {
			signing, want = key, amqp.SASLAuth
		}
		signed := sas.Sign(scope+"/registrations/tpm-01", signing, clock.System().Now().Add(time.Hour), "registration")
		c.respond(append([]byte{0}, signed...)...)
		if got := c.outcome(); got != want {
			t.Errorf("%s: outcome %d, want %d", rule, got, want)
		}
	}
}

func TestSASLThatIsOutOfForm(t *testing.T) {
	l := open(t)
	good := tpmInit(scope, "tpm-01", storageKey(1))
	for _, c := range []struct {
		rule, mechanism string
		init            []byte
		responses       [][]byte
	}{
		{"a mechanism that is not offered", "SCRAM-SHA-1", nil, nil},
		{"EXTERNAL without a certificate", "EXTERNAL", nil, nil},
		{"ANONYMOUS without a certificate", "ANONYMOUS", nil, nil},
		{"PLAIN with nothing", "PLAIN", nil, nil},
		{"TPM with nothing", "TPM", nil, nil},
		{"TPM without a key", "TPM", []byte("\x00" + scope + "\x00tpm-01"), nil},
		{"TPM with an empty key", "TPM", []byte("\x00" + scope + "\x00tpm-01\x00"), nil},
		{"TPM of an unknown scope", "TPM", tpmInit("0ne00OTHER1", "tpm-01", storageKey(1)), nil},
		{"no storage root key", "TPM", good, [][]byte{{0}}},
		{"a storage root key without its zero byte", "TPM", good, [][]byte{{1, 2}}},
		{"a storage root key that is none", "TPM", good, [][]byte{{0, 1, 2}}},
		{"no byte for the second segment", "TPM", good, [][]byte{append([]byte{0}, storageKey(2)...), {}}},
		{"no token", "TPM", good, [][]byte{append([]byte{0}, storageKey(2)...), {0}, {0}}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			d := l.sasl(c.mechanism, c.init)
			for _, response := range c.responses {
				d.challenge()
				d.respond(response...)
			}
			if got := d.outcome(); got != amqp.SASLAuth {
				t.Errorf("outcome %d", got)
			}
		})
	}
}
