package tpm

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"math/big"
)

// exponent is the public exponent of every key; 0 in a public area stands for it.
const exponent = 65537

// newKey makes the RSA key of 2048 bits that belongs to a seed and a purpose, the same
// wherever it is made. crypto/rsa makes keys for nobody to foretell and takes no seed.
func newKey(seed []byte, purpose string) (*rsa.PrivateKey, error) {
	stream, err := newStream(seed, purpose)
	if err != nil {
		return nil, err
	}
	p := newPrime(stream)
	q := newPrime(stream)
	for p.Cmp(q) == 0 {
		q = newPrime(stream)
	}
	one := big.NewInt(1)
	phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	key := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: exponent},
		D:         new(big.Int).ModInverse(big.NewInt(exponent), phi),
		Primes:    []*big.Int{p, q},
	}
	key.Precompute()
	return key, key.Validate()
}

// newStream is endless bytes that belong to a seed and a purpose.
func newStream(seed []byte, purpose string) (cipher.Stream, error) {
	key, err := hkdf.Key(sha256.New, seed, []byte("dpslab tpm"), purpose, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewCTR(block, make([]byte, aes.BlockSize)), nil
}

const (
	primeBytes = 128
	window     = 1 << 12 // how far from a random number a prime is looked for
)

// newPrime takes the first prime of 1024 bits at or above a random odd number whose two
// highest bits are set, so that two of them make a modulus of 2048 bits.
func newPrime(stream cipher.Stream) *big.Int {
	for {
		b := make([]byte, primeBytes)
		stream.XORKeyStream(b, b)
		b[0] |= 0xc0
		b[primeBytes-1] |= 1
		start := new(big.Int).SetBytes(b)
		composite := sieve(start)
		for delta := range window {
			if delta%2 == 1 || composite[delta] {
				continue
			}
			p := new(big.Int).Add(start, big.NewInt(int64(delta)))
			if p.BitLen() == 8*primeBytes && p.ProbablyPrime(4) {
				return p
			}
		}
	}
}

// sieve marks the numbers from start on that a small prime divides, and those that are 1
// more than a multiple of the exponent, which has no inverse then.
func sieve(start *big.Int) []bool {
	composite := make([]bool, window)
	mark := func(n, remainder uint64) { // marks start+i where (start+i) mod n == remainder
		first := (remainder + n - new(big.Int).Mod(start, new(big.Int).SetUint64(n)).Uint64()) % n
		for i := first; i < window; i += n {
			composite[i] = true
		}
	}
	for _, n := range smallPrimes {
		mark(n, 0)
	}
	mark(exponent, 1)
	return composite
}

// smallPrimes are the odd primes below 4096.
var smallPrimes = func() (primes []uint64) {
	for n := uint64(3); n < 4096; n += 2 {
		prime := true
		for _, p := range primes {
			if p*p > n {
				break
			}
			if n%p == 0 {
				prime = false
				break
			}
		}
		if prime {
			primes = append(primes, n)
		}
	}
	return primes
}()

// publicArea is the TPM2B_PUBLIC of a storage key, by the templates of device-api.md 4.1.
func publicArea(key *rsa.PublicKey, attributes uint32, policy []byte) []byte {
	be := binary.BigEndian
	b := be.AppendUint16(nil, algRSA)
	b = be.AppendUint16(b, algSHA256)
	b = be.AppendUint32(b, attributes)
	b = append(b, sized(policy)...)
	for _, n := range []uint16{algAES, 128, algCFB, algNull, 2048} {
		b = be.AppendUint16(b, n)
	}
	b = be.AppendUint32(b, 0) // the usual exponent
	b = append(b, sized(key.N.FillBytes(make([]byte, 256)))...)
	return sized(b)
}
