package tpm

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"errors"
)

// kdfa is KDFa with SHA-256 (11.4.10.2), for up to 256 bits.
func kdfa(key []byte, label string, context []byte, bits uint32) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte{0, 0, 0, 1})
	mac.Write([]byte(label + "\x00"))
	mac.Write(context)
	mac.Write(binary.BigEndian.AppendUint32(nil, bits))
	return mac.Sum(nil)[:bits/8]
}

// cfb decrypts AES-CFB with an IV of zeroes, in place.
func cfb(key, text []byte) error {
	block, err := aes.NewCipher(key)
	if err != nil {
		return err
	}
	//lint:ignore SA1019 CFB is what TPMs use; the integrity is checked beside it.
	cipher.NewCFBDecrypter(block, make([]byte, aes.BlockSize)).XORKeyStream(text, text)
	return nil
}

// nameOf is the name of an object: the hash of its public area, and which hash that is (16).
func nameOf(public []byte) []byte {
	sum := sha256.Sum256(public)
	return append([]byte{algSHA256 >> 8, algSHA256 & 0xff}, sum[:]...)
}

// openSeed takes a seed out of an encrypted secret: OAEP, with a label that ends in a zero
// (B.10.4).
func openSeed(key *rsa.PrivateKey, secret []byte, label string) ([]byte, error) {
	seed, err := rsa.DecryptOAEP(sha256.New(), nil, key, secret, []byte(label+"\x00"))
	if err != nil {
		return nil, errors.New("the seed is not encrypted to this key, or not for this purpose")
	}
	if len(seed) > sha256.Size {
		return nil, errors.New("the seed is longer than a digest")
	}
	return seed, nil
}

// unwrap opens what credentials and duplicates have in common: {integrity, ciphertext}
// under keys that a seed and an object's name give (24, 23.3.2).
func unwrap(seed, name, wrapped []byte) ([]byte, error) {
	r := reader{b: wrapped}
	integrity := r.sized()
	if r.short {
		return nil, errors.New("it is too short for its integrity value")
	}
	mac := hmac.New(sha256.New, kdfa(seed, "INTEGRITY", nil, 8*sha256.Size))
	mac.Write(r.b)
	mac.Write(name)
	if !hmac.Equal(mac.Sum(nil), integrity) {
		return nil, errors.New("its integrity value is wrong: it is for another object, or was changed")
	}
	text := append([]byte(nil), r.b...)
	return text, cfb(kdfa(seed, "STORAGE", name, 128), text)
}

// activateCredential is TPM2_ActivateCredential: the credential in the blob, which is bound
// to the name of the SRK (24).
func activateCredential(ek *rsa.PrivateKey, srkName []byte, blob Blob) ([]byte, error) {
	seed, err := openSeed(ek, blob.CredentialSeed, "IDENTITY")
	if err != nil {
		return nil, err
	}
	text, err := unwrap(seed, srkName, blob.Credential)
	if err != nil {
		return nil, err
	}
	r := reader{b: text}
	credential := r.sized()
	if r.short || len(r.b) > 0 || len(credential) > sha256.Size {
		return nil, errors.New("what is encrypted is no digest")
	}
	return credential, nil
}

// importKey is TPM2_Import of an HMAC key with an inner and, where there is a seed, an
// outer wrapping (23.3.2).
func importKey(srk *rsa.PrivateKey, inner []byte, blob Blob) ([]byte, error) {
	public, err := parseHMACKey(blob.Public)
	if err != nil {
		return nil, err
	}
	name := nameOf(blob.Public)
	text := append([]byte(nil), blob.Duplicate...)
	switch {
	case len(blob.DuplicationSeed) > 0:
		seed, err := openSeed(srk, blob.DuplicationSeed, "DUPLICATE")
		if err != nil {
			return nil, err
		}
		if text, err = unwrap(seed, name, text); err != nil {
			return nil, err
		}
	case public.attributes&encryptedDuplication != 0:
		return nil, errors.New("the identity key asks for an outer wrapping and has none")
	}
	if err := cfb(inner, text); err != nil {
		return nil, err
	}
	r := reader{b: text}
	integrity := r.sized()
	sum := sha256.New()
	sum.Write(r.b)
	sum.Write(name)
	if r.short || !hmac.Equal(integrity, sum.Sum(nil)) {
		return nil, errors.New("the inner integrity value is wrong: the credential is not its key, or it was changed")
	}
	sensitive := r.sized()
	if r.short || len(r.b) > 0 {
		return nil, errors.New("the sensitive area is of the wrong length")
	}
	return parseSensitive(sensitive, public.unique)
}

// parseSensitive reads the TPMT_SENSITIVE of an HMAC key (Part 2, 12.3.2.4), which its
// public area is bound to by unique.
func parseSensitive(b, unique []byte) ([]byte, error) {
	r := reader{b: b}
	kind, auth, seed, key := r.uint16(), r.sized(), r.sized(), r.sized()
	sum := sha256.New()
	sum.Write(seed)
	sum.Write(key)
	switch {
	case r.short || len(r.b) > 0 || kind != algKeyedHash:
		return nil, errors.New("the sensitive area is not that of an HMAC key")
	case len(auth) > 0:
		return nil, errors.New("the identity key has an authorization value, which nobody tells the device")
	case !hmac.Equal(sum.Sum(nil), unique):
		return nil, errors.New("the sensitive area is not that of the public area")
	}
	return key, nil
}
