package tpmkey

import (
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
)

// Identifiers of the TPM 2.0 library, part 2.
const (
	algRSA       = 0x0001
	algHMAC      = 0x0005
	algAES       = 0x0006
	algKeyedHash = 0x0008
	algSHA256    = 0x000B
	algNull      = 0x0010
	algCFB       = 0x0043
)

const (
	defaultExponent = 65537 // what an exponent of 0 stands for
	maxPublic       = 1024  // bytes of a TPM2B_PUBLIC; the standard ones have 316 and 284
	rsaBits         = 2048
	aesBits         = 128
)

// StorageKey is an endorsement or storage root key: RSA 2048, SHA-256, AES-128 in CFB
// mode, which is what every SDK creates (device-api.md 4.1).
type StorageKey struct {
	public *rsa.PublicKey
	name   []byte // algorithm of the name, then the digest of the public area
}

var errShort = errors.New("the public area is cut off")

// ParseStorageKey reads a TPM2B_PUBLIC.
func ParseStorageKey(b []byte) (StorageKey, error) {
	if len(b) > maxPublic {
		return StorageKey{}, fmt.Errorf("a public area of %d bytes is too long", len(b))
	}
	r := reader{b: b}
	area := r.sized()
	if r.failed || len(r.b) != 0 {
		return StorageKey{}, errors.New("not one TPM2B_PUBLIC")
	}
	r = reader{b: area}
	kind, nameAlgorithm := r.uint16(), r.uint16()
	r.uint32() // attributes: the service does not check what the key may do
	r.sized()  // authorization policy
	if r.failed {
		return StorageKey{}, errShort
	}
	if kind != algRSA || nameAlgorithm != algSHA256 {
		return StorageKey{}, fmt.Errorf("type %#04x with name algorithm %#04x; only RSA keys with SHA-256 names are known", kind, nameAlgorithm)
	}
	symmetric, symmetricBits, mode := r.uint16(), r.uint16(), r.uint16()
	if symmetric != algAES || symmetricBits != aesBits || mode != algCFB {
		return StorageKey{}, errors.New("not a storage key: it does not protect its children with AES-128 in CFB mode")
	}
	scheme, bits, exponent, modulus := r.uint16(), r.uint16(), r.uint32(), r.sized()
	switch {
	case r.failed || len(r.b) != 0:
		return StorageKey{}, errShort
	case scheme != algNull:
		return StorageKey{}, fmt.Errorf("scheme %#04x; a storage key has none", scheme)
	case bits != rsaBits || len(modulus) != rsaBits/8 || modulus[0]&0x80 == 0 || modulus[len(modulus)-1]&1 == 0:
		return StorageKey{}, errors.New("not an RSA key of 2048 bits")
	}
	if exponent == 0 {
		exponent = defaultExponent
	}
	if exponent != defaultExponent {
		return StorageKey{}, fmt.Errorf("public exponent %d; storage keys have %d", exponent, defaultExponent)
	}
	return StorageKey{
		public: &rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: defaultExponent}, name: nameOf(area),
	}, nil
}

// nameOf is the name of an object with this public area.
func nameOf(area []byte) []byte {
	digest := sha256.Sum256(area)
	return append(binary.BigEndian.AppendUint16(nil, algSHA256), digest[:]...)
}

// reader takes fields off the front of a public area; a field that is not there sets
// failed, and is zero.
type reader struct {
	b      []byte
	failed bool
}

func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		r.failed, r.b = true, nil
		return make([]byte, n)
	}
	field := r.b[:n]
	r.b = r.b[n:]
	return field
}

func (r *reader) uint16() uint16 { return binary.BigEndian.Uint16(r.take(2)) }
func (r *reader) uint32() uint32 { return binary.BigEndian.Uint32(r.take(4)) }

// sized is a field with its length before it.
func (r *reader) sized() []byte {
	n := int(r.uint16())
	if n > len(r.b) {
		r.failed = true
		return nil
	}
	return r.take(n)
}
