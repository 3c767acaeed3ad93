package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"io"
	"math/big"
)

// NewKey makes a key of the kind that o says.
func NewKey(o Options) (crypto.Signer, error) {
	if o.Key != nil {
		return o.Key, nil
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.RSA {
		key, err := rsa.GenerateKey(o.Rand, 2048)
		if err != nil {
			return nil, fmt.Errorf("pki: rsa key: %w", err)
		}
		return key, nil
	}
	return NewP256(o.Rand)
}

// P256Bytes is how many bytes NewP256 reads.
const P256Bytes = 48

// NewP256 makes the ECDSA P-256 key that the next P256Bytes bytes of r say. The scalar is
// set here because ecdsa.GenerateKey takes its randomness from nowhere but the system.
// The reduction (FIPS 186-5 A.2.1) does not run in constant time, which is good enough
// for keys that live in a lab.
func NewP256(r io.Reader) (*ecdsa.PrivateKey, error) {
	seed := make([]byte, P256Bytes)
	if _, err := io.ReadFull(r, seed); err != nil {
		return nil, fmt.Errorf("pki: p-256 key: %w", err)
	}
	one := big.NewInt(1)
	order := new(big.Int).Sub(elliptic.P256().Params().N, one)
	scalar := new(big.Int).SetBytes(seed)
	scalar.Mod(scalar, order).Add(scalar, one)
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar.FillBytes(make([]byte, 32)))
	if err != nil {
		return nil, fmt.Errorf("pki: p-256 key: %w", err)
	}
	return key, nil
}

// keyID is the subject key identifier of RFC 7093: the first 160 bits of the SHA-256 of
// the public key's bits.
func keyID(public crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("pki: public key: %w", err)
	}
	var info struct {
		Algorithm asn1.RawValue
		PublicKey asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &info); err != nil {
		return nil, fmt.Errorf("pki: public key: %w", err)
	}
	sum := sha256.Sum256(info.PublicKey.Bytes)
	return sum[:20], nil
}
