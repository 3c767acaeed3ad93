package tpm_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"math/big"
	"testing"
)

// maker makes the blobs that a service would send, written from the TPM 2.0 Library
// Specification, Part 1, for these tests. Its knobs are what may be wrong with a blob.
type maker struct {
	ek, srk    *rsa.PublicKey
	srkName    []byte
	key        []byte // the identity key
	inner      []byte // 16 bytes
	attributes uint32
	outer      bool // wrap to the SRK
	auth       []byte
	identity   string // OAEP labels
	duplicate  string
	object     func(public []byte) []byte // the name that integrity values are made over
	unique     func(unique []byte) []byte
	tail       []byte
}

const signingKey = 1<<6 | 1<<18 // userWithAuth, sign

func newMaker(t *testing.T, ek, srk []byte) *maker {
	t.Helper()
	m := &maker{
		ek: modulus(t, ek, 316), srk: modulus(t, srk, 284), srkName: name(srk[2:]),
		key: random(32), inner: random(16), attributes: signingKey, outer: true,
		identity: "IDENTITY\x00", duplicate: "DUPLICATE\x00", object: name, unique: func(u []byte) []byte { return u },
	}
	return m
}

// modulus reads the last 256 bytes of a public area of the right length.
func modulus(t *testing.T, public []byte, length int) *rsa.PublicKey {
	t.Helper()
	if len(public) != length || int(binary.BigEndian.Uint16(public)) != length-2 {
		t.Fatalf("a public area of %d bytes, want %d", len(public), length)
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(public[length-256:]), E: 65537}
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func name(public []byte) []byte {
	sum := sha256.Sum256(public)
	return append([]byte{0, 0x0b}, sum[:]...)
}

func b16(n int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(n)) }

func tpm2b(parts ...[]byte) []byte {
	b := join(parts...)
	return append(b16(len(b)), b...)
}

func join(parts ...[]byte) (b []byte) {
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func hash(parts ...[]byte) []byte {
	sum := sha256.Sum256(join(parts...))
	return sum[:]
}

func mac(key []byte, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(join(parts...))
	return h.Sum(nil)
}

func kdf(seed []byte, label string, context []byte, bits int) []byte {
	return mac(seed, []byte{0, 0, 0, 1}, []byte(label), []byte{0}, context, []byte{0, 0, byte(bits >> 8), byte(bits)})[:bits/8]
}

func encrypt(key, text []byte) []byte {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	out := make([]byte, len(text))
	//lint:ignore SA1019 what TPMs use
	cipher.NewCFBEncrypter(block, make([]byte, 16)).XORKeyStream(out, text)
	return out
}

func oaep(key *rsa.PublicKey, seed []byte, label string) []byte {
	b, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, key, seed, []byte(label))
	if err != nil {
		panic(err)
	}
	return b
}

func wrap(seed, name, text []byte) []byte {
	secret := encrypt(kdf(seed, "STORAGE", name, 128), text)
	return join(tpm2b(mac(kdf(seed, "INTEGRITY", nil, 256), secret, name)), secret)
}

// parts are the six parts of a blob, each with its size.
func (m *maker) parts() [][]byte {
	credentialSeed := random(32)
	credential := wrap(credentialSeed, m.srkName, tpm2b(m.inner))

	seedValue := random(32)
	public := join(b16(0x0008), b16(0x000b), binary.BigEndian.AppendUint32(nil, m.attributes), tpm2b(),
		b16(0x0005), b16(0x000b), tpm2b(m.unique(hash(seedValue, m.key))))
	object := m.object(public)
	sensitive := tpm2b(b16(0x0008), tpm2b(m.auth), tpm2b(seedValue), tpm2b(m.key))
	duplicate := encrypt(m.inner, join(tpm2b(hash(sensitive, object)), sensitive))
	duplicationSeed := []byte{}
	if m.outer {
		seed := random(32)
		duplicate, duplicationSeed = wrap(seed, object, duplicate), oaep(m.srk, seed, m.duplicate)
	}
	return [][]byte{
		tpm2b(credential), tpm2b(oaep(m.ek, credentialSeed, m.identity)), tpm2b(duplicate), tpm2b(duplicationSeed),
		tpm2b(public), tpm2b(encrypt(m.inner, []byte("0ne/registrations/d"))),
	}
}

func (m *maker) blob() []byte { return join(append(m.parts(), m.tail)...) }
