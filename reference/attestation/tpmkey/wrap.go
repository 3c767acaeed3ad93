package tpmkey

import (
	"crypto/aes"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
)

const (
	seedSize = sha256.Size
	innerKey = aesBits / 8 // clients hard-code AES-128 (device-api.md 4.4)

	// The identity key may be used with its empty authorization, and signs; it is bound to
	// no TPM, or it could not be imported.
	userWithAuth = 1 << 6
	sign         = 1 << 18
)

// Wrap returns the blob that gives key to the TPM that holds both ek and srk, and to no
// other: the six parts of device-api.md 4.4. resource is what the key signs for.
func Wrap(random io.Reader, ek, srk StorageKey, key []byte, resource string) ([]byte, error) {
	secrets := make([]byte, innerKey+seedSize)
	if _, err := io.ReadFull(random, secrets); err != nil {
		return nil, err
	}
	inner, obfuscation := secrets[:innerKey], secrets[innerKey:]
	credential, credentialSeed, err := makeCredential(random, ek, srk.name, inner)
	if err != nil {
		return nil, fmt.Errorf("bind the inner key to the endorsement key: %w", err)
	}
	area := publicArea(obfuscation, key) // [DPS-TPM-009]
	private, importSeed, err := duplicate(random, srk, inner, nameOf(area), sensitive(obfuscation, key))
	if err != nil {
		return nil, fmt.Errorf("wrap the key for the storage root key: %w", err)
	}
	var blob []byte
	for _, part := range [][]byte{credential, credentialSeed, private, importSeed, area, encrypt(inner, []byte(resource))} { // [DPS-TPM-008]
		blob = append(blob, sized(part)...)
	}
	return blob, nil
}

// makeCredential hides secret so that the TPM with ek gives it out for the object of that
// name (part 1, 24.4). It returns the contents of TPM2B_ID_OBJECT and
// TPM2B_ENCRYPTED_SECRET.
func makeCredential(random io.Reader, ek StorageKey, name, secret []byte) (credential, seedFor []byte, err error) {
	seed, seedFor, err := newSeed(random, ek, "IDENTITY")
	if err != nil {
		return nil, nil, err
	}
	identity := encrypt(kdf(seed, "STORAGE", name, aesBits), sized(secret))
	return append(sized(integrity(seed, identity, name)), identity...), seedFor, nil
}

// duplicate encrypts the sensitive part of an object with the inner key and again for its
// new parent (part 1, 23.3). It returns the contents of TPM2B_PRIVATE and
// TPM2B_ENCRYPTED_SECRET.
func duplicate(random io.Reader, parent StorageKey, inner, name, sensitive []byte) (private, seedFor []byte, err error) {
	whole := sized(sensitive)
	digest := sha256.Sum256(append(append([]byte{}, whole...), name...))
	wrapped := encrypt(inner, append(sized(digest[:]), whole...))

	seed, seedFor, err := newSeed(random, parent, "DUPLICATE")
	if err != nil {
		return nil, nil, err
	}
	outer := encrypt(kdf(seed, "STORAGE", name, aesBits), wrapped)
	return append(sized(integrity(seed, outer, name)), outer...), seedFor, nil
}

// publicArea is the TPMT_PUBLIC of an HMAC key over SHA-256.
func publicArea(obfuscation, key []byte) []byte {
	unique := sha256.Sum256(append(append([]byte{}, obfuscation...), key...))
	b := binary.BigEndian.AppendUint16(nil, algKeyedHash)
	b = binary.BigEndian.AppendUint16(b, algSHA256)
	b = binary.BigEndian.AppendUint32(b, userWithAuth|sign)
	b = append(b, sized(nil)...) // no policy
	b = binary.BigEndian.AppendUint16(b, algHMAC)
	b = binary.BigEndian.AppendUint16(b, algSHA256)
	return append(b, sized(unique[:])...)
}

// sensitive is the TPMT_SENSITIVE of that key: no authorization.
func sensitive(obfuscation, key []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, algKeyedHash)
	b = append(b, sized(nil)...)
	b = append(b, sized(obfuscation)...)
	return append(b, sized(key)...)
}

// newSeed draws a seed and encrypts it to a storage key. The label carries a zero at its
// end, which counts.
func newSeed(random io.Reader, to StorageKey, label string) (seed, encrypted []byte, err error) {
	seed = make([]byte, seedSize)
	if _, err := io.ReadFull(random, seed); err != nil {
		return nil, nil, err
	}
	encrypted, err = rsa.EncryptOAEP(sha256.New(), random, to.public, seed, []byte(label+"\x00"))
	return seed, encrypted, err
}

// integrity is the outer HMAC of a protected structure.
func integrity(seed, data, name []byte) []byte {
	mac := hmac.New(sha256.New, kdf(seed, "INTEGRITY", nil, 8*sha256.Size))
	mac.Write(data)
	mac.Write(name)
	return mac.Sum(nil)
}

// kdf is KDFa over SHA-256 for at most one digest: counter 1, label with its zero, the one
// context that is used here, the length in bits (part 1, 11.4.10.2).
func kdf(seed []byte, label string, context []byte, bits uint32) []byte {
	mac := hmac.New(sha256.New, seed)
	mac.Write(binary.BigEndian.AppendUint32(nil, 1))
	mac.Write([]byte(label + "\x00"))
	mac.Write(context)
	mac.Write(binary.BigEndian.AppendUint32(nil, bits))
	return mac.Sum(nil)[:bits/8]
}

// encrypt is AES in CFB mode over whole bytes, with the initial vector of zeros that the
// TPM uses. crypto/cipher's own is deprecated, since it authenticates nothing; here the
// structures around it do.
func encrypt(key, plain []byte) []byte {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // the key has 16 bytes
	}
	out := make([]byte, len(plain))
	previous, mask := make([]byte, aes.BlockSize), make([]byte, aes.BlockSize)
	for at := 0; at < len(plain); at += aes.BlockSize {
		block.Encrypt(mask, previous)
		end := min(at+aes.BlockSize, len(plain))
		for i := at; i < end; i++ {
			out[i] = plain[i] ^ mask[i-at]
		}
		copy(previous, out[at:end])
	}
	return out
}

// sized is b behind its length, as a TPM2B.
func sized(b []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
}
