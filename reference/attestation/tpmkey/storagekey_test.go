package tpmkey_test

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"testing"

	"github.com/dpslab/dpslab/reference/attestation/tpmkey"
)

// public is the TPM2B_PUBLIC of a standard storage root key with a modulus that is none,
// but looks like one.
func public() []byte {
	area := []byte{
		0x00, 0x01, 0x00, 0x0B, 0x00, 0x03, 0x04, 0x72, // RSA, SHA-256, attributes
		0x00, 0x00, // no policy
		0x00, 0x06, 0x00, 0x80, 0x00, 0x43, // AES 128 CFB
		0x00, 0x10, 0x08, 0x00, 0, 0, 0, 0, // no scheme, 2048 bits, the default exponent
		0x01, 0x00,
	}
	area = append(area, bytes.Repeat([]byte{0xC3}, 256)...)
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(area))), area...)
}

func TestAStorageKeyIsReadOrRefused(t *testing.T) {
	const head = 2 // the size in front of the area
	set := func(at int, to ...byte) func([]byte) []byte {
		return func(b []byte) []byte { copy(b[head+at:], to); return b }
	}
	for _, c := range []struct {
		rule   string
		change func([]byte) []byte
		good   bool
	}{
		{"the standard one", set(0), true},
		{"its exponent spelled out", set(20, 0, 1, 0, 1), true},
		{"nothing", func([]byte) []byte { return nil }, false},
		{"a byte more", func(b []byte) []byte { return append(b, 0) }, false},
		{"a byte less", func(b []byte) []byte { return b[:len(b)-1] }, false},
		{"far too long", func(b []byte) []byte { return append(b, make([]byte, 2000)...) }, false},
		{"an elliptic curve", set(1, 0x23), false},
		{"a name by SHA-1", set(3, 0x04), false},
		{"no cipher for children", set(11, 0x10), false},
		{"AES-256", set(12, 0x01, 0x00), false},
		{"a signing scheme", set(17, 0x14), false},
		{"1024 bits", set(18, 0x04, 0x00), false},
		{"the exponent 3", set(20, 0, 0, 0, 3), false},
		{"a modulus that is even", func(b []byte) []byte { b[len(b)-1] = 0xC2; return b }, false},
		{"a modulus of fewer bits", set(26, 0x00), false},
	} {
		if _, err := tpmkey.ParseStorageKey(c.change(public())); (err == nil) != c.good {
			t.Errorf("%s: %v", c.rule, err)
		}
	}
}

// Every part of a blob is drawn anew, so that two of the same key have nothing in common
// but the sizes.
func TestABlobIsNeverTheSameTwice(t *testing.T) {
	key, err := tpmkey.ParseStorageKey(public())
	if err != nil {
		t.Fatal(err)
	}
	wrap := func() [][]byte {
		blob, err := tpmkey.Wrap(rand.Reader, key, key, []byte("sixteen-bytes-16"), "0ne/registrations/dev-01")
		if err != nil {
			t.Fatal(err)
		}
		return parts(t, blob)
	}
	one, two := wrap(), wrap()
	for i := range one {
		if len(one[i]) != len(two[i]) || bytes.Equal(one[i], two[i]) {
			t.Errorf("part %d: %d bytes, then %d; the same: %v", i+1, len(one[i]), len(two[i]), bytes.Equal(one[i], two[i]))
		}
	}
}

func FuzzParseStorageKey(f *testing.F) {
	f.Add(public())
	f.Add([]byte{0, 0})
	f.Add([]byte{0xFF, 0xFF, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		key, err := tpmkey.ParseStorageKey(b)
		if err != nil {
			return
		}
		if _, err := tpmkey.Wrap(rand.Reader, key, key, []byte("sixteen-bytes-16"), "r"); err != nil {
			t.Errorf("a key that was read cannot be wrapped for: %v", err)
		}
	})
}
