package tpm

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Blob is what the service sends to a TPM, taken apart (device-api.md 4.4). Every part is
// what its TPM2B holds, without the size before it.
type Blob struct {
	Credential      []byte // TPM2B_ID_OBJECT: integrity and the encrypted credential
	CredentialSeed  []byte // TPM2B_ENCRYPTED_SECRET: to the EK
	Duplicate       []byte // TPM2B_PRIVATE: the wrapped identity key
	DuplicationSeed []byte // TPM2B_ENCRYPTED_SECRET: to the SRK; empty without an outer wrapping
	Public          []byte // TPM2B_PUBLIC: the identity key's TPMT_PUBLIC
	URI             []byte // TPM2B_DATA: encrypted, and of no use here
}

// SplitBlob takes a blob apart. Bytes behind its last part are passed over, as Node does.
func SplitBlob(b []byte) (Blob, error) {
	var blob Blob
	r := reader{b: b}
	for _, part := range []*[]byte{
		&blob.Credential, &blob.CredentialSeed, &blob.Duplicate, &blob.DuplicationSeed, &blob.Public, &blob.URI,
	} {
		*part = r.sized()
	}
	if r.short {
		return Blob{}, fmt.Errorf("a blob of %d bytes does not hold the six parts that it should", len(b))
	}
	return blob, nil
}

// reader reads big-endian fields from the front of b. Past the end it reads nothing and
// says so in short.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		r.b, r.short = nil, true
		return nil
	}
	head := r.b[:n]
	r.b = r.b[n:]
	return head
}

func (r *reader) uint16() uint16 {
	if b := r.take(2); len(b) == 2 {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *reader) uint32() uint32 {
	if b := r.take(4); len(b) == 4 {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// sized reads a size of two bytes and what it announces.
func (r *reader) sized() []byte { return r.take(int(r.uint16())) }

// sized is b as a TPM2B: with its size before it.
func sized(b []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
}

// Algorithms and attributes (Part 2, 6.3 and 8.3).
const (
	algRSA       = 0x0001
	algHMAC      = 0x0005
	algAES       = 0x0006
	algKeyedHash = 0x0008
	algSHA256    = 0x000b
	algNull      = 0x0010
	algCFB       = 0x0043

	fixedTPM             = 1 << 1
	fixedParent          = 1 << 4
	sensitiveDataOrigin  = 1 << 5
	userWithAuth         = 1 << 6
	adminWithPolicy      = 1 << 7
	noDA                 = 1 << 10
	encryptedDuplication = 1 << 11
	restricted           = 1 << 16
	decrypt              = 1 << 17
	sign                 = 1 << 18
)

// hmacKey is the public area of an identity key, as far as it matters here.
type hmacKey struct {
	attributes uint32
	unique     []byte
}

// parseHMACKey reads a TPMT_PUBLIC that has to be an HMAC-SHA256 key which signs.
func parseHMACKey(public []byte) (hmacKey, error) {
	var k hmacKey
	r := reader{b: public}
	kind, nameAlg := r.uint16(), r.uint16()
	k.attributes = r.uint32()
	r.sized() // policy
	scheme, hash := r.uint16(), uint16(0)
	if scheme == algHMAC {
		hash = r.uint16()
	}
	k.unique = r.sized()
	switch {
	case r.short || len(r.b) > 0:
		return k, errors.New("the identity key's public area is of the wrong length")
	case kind != algKeyedHash || nameAlg != algSHA256:
		return k, fmt.Errorf("the identity key is of type %#04x with names by %#04x; it should be a keyed hash with SHA-256", kind, nameAlg)
	case scheme != algHMAC || hash != algSHA256:
		return k, fmt.Errorf("the identity key's scheme is %#04x %#04x; it should be HMAC with SHA-256", scheme, hash)
	case k.attributes&(sign|userWithAuth) != sign|userWithAuth:
		return k, fmt.Errorf("the identity key's attributes %#08x do not let a device sign with it", k.attributes)
	case k.attributes&(fixedTPM|fixedParent|restricted|decrypt) != 0:
		return k, fmt.Errorf("a key with the attributes %#08x cannot be imported and sign", k.attributes)
	}
	return k, nil
}
