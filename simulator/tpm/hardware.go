package tpm

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
)

// Hardware is a TPM 2.0 that is spoken to by commands. It satisfies devwire.TPM. It leaves
// nothing in the TPM: keys that are not there at their usual handles are made anew from the
// TPM's own seeds, which gives the same ones every time, and all is flushed by Close.
type Hardware struct {
	mu       sync.Mutex
	tpm      transport.TPMCloser
	srk      *loadedKey // nil until it is needed
	identity *loadedKey // nil before Import
}

// loadedKey is a key in the TPM.
type loadedKey struct {
	handle  tpm2.TPMHandle
	name    tpm2.TPM2BName
	public  []byte // TPM2B_PUBLIC
	flushed bool   // or at a persistent handle, where it stays
}

// The usual persistent handles (device-api.md 4.1).
const (
	ekHandle  tpm2.TPMHandle = 0x81010001
	srkHandle tpm2.TPMHandle = 0x81000001
)

// Open opens a TPM by its path: a device file such as /dev/tpmrm0, or the Unix socket of a
// software TPM. On Windows the path has to be empty.
func Open(path string) (*Hardware, error) {
	conn, err := open(path)
	if err != nil {
		return nil, fmt.Errorf("open the tpm %q: %w; see that it exists and that you may use it", path, err)
	}
	return Over(conn), nil
}

// Over is the TPM behind a connection, which it takes over.
func Over(conn transport.TPMCloser) *Hardware { return &Hardware{tpm: conn} }

// EndorsementKey is the EK as TPM2B_PUBLIC.
func (t *Hardware) EndorsementKey() ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	ek, err := t.endorsementKey()
	if err != nil {
		return nil, err
	}
	return ek.public, t.flush(ek)
}

// StorageRootKey is the SRK as TPM2B_PUBLIC.
func (t *Hardware) StorageRootKey() ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.needSRK(); err != nil {
		return nil, err
	}
	return t.srk.public, nil
}

func (t *Hardware) endorsementKey() (*loadedKey, error) {
	ek, err := t.key(ekHandle, tpm2.TPMRHEndorsement, tpm2.RSAEKTemplate)
	if err != nil {
		return nil, fmt.Errorf("the tpm's endorsement key: %w", err)
	}
	return ek, nil
}

func (t *Hardware) needSRK() (err error) {
	if t.srk != nil {
		return nil
	}
	if t.srk, err = t.key(srkHandle, tpm2.TPMRHOwner, tpm2.RSASRKTemplate); err != nil {
		return fmt.Errorf("the tpm's storage root key: %w", err)
	}
	return nil
}

// key finds a key at its persistent handle, or makes it from the hierarchy's seed.
func (t *Hardware) key(persistent, hierarchy tpm2.TPMHandle, template tpm2.TPMTPublic) (*loadedKey, error) {
	found, err := tpm2.ReadPublic{ObjectHandle: persistent}.Execute(t.tpm)
	if err == nil {
		return &loadedKey{handle: persistent, name: found.Name, public: tpm2.Marshal(found.OutPublic), flushed: true}, nil
	}
	if !errors.Is(err, tpm2.TPMRCHandle) {
		return nil, err
	}
	made, err := tpm2.CreatePrimary{PrimaryHandle: hierarchy, InPublic: tpm2.New2B(template)}.Execute(t.tpm)
	if err != nil {
		return nil, err
	}
	return &loadedKey{handle: made.ObjectHandle, name: made.Name, public: tpm2.Marshal(made.OutPublic)}, nil
}

func (t *Hardware) flush(k *loadedKey) error {
	if k == nil || k.flushed {
		return nil
	}
	k.flushed = true
	_, err := tpm2.FlushContext{FlushHandle: k.handle}.Execute(t.tpm)
	return err
}

// Import opens a blob of the service's and makes the key in it the identity key.
func (t *Hardware) Import(blob []byte) error {
	parts, err := SplitBlob(blob)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.needSRK(); err != nil {
		return err
	}
	inner, err := t.activate(parts)
	if err != nil {
		return fmt.Errorf("activate the credential: %w", err)
	}
	identity, err := t.load(inner, parts)
	if err != nil {
		return fmt.Errorf("import the identity key: %w", err)
	}
	err = t.flush(t.identity)
	t.identity = identity
	return err
}

// activate is TPM2_ActivateCredential under the EK's policy.
func (t *Hardware) activate(parts Blob) (inner []byte, err error) {
	ek, err := t.endorsementKey()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.flush(ek)) }()
	policy := tpm2.Policy(tpm2.TPMAlgSHA256, 16, func(tpm transport.TPM, session tpm2.TPMISHPolicy, nonce tpm2.TPM2BNonce) error {
		_, err := tpm2.PolicySecret{AuthHandle: tpm2.TPMRHEndorsement, PolicySession: session, NonceTPM: nonce}.Execute(tpm)
		return err
	})
	activated, err := tpm2.ActivateCredential{
		ActivateHandle: t.srk.auth(),
		KeyHandle:      tpm2.AuthHandle{Handle: ek.handle, Name: ek.name, Auth: policy},
		CredentialBlob: tpm2.TPM2BIDObject{Buffer: parts.Credential},
		Secret:         tpm2.TPM2BEncryptedSecret{Buffer: parts.CredentialSeed},
	}.Execute(t.tpm)
	if err != nil {
		return nil, err
	}
	return activated.CertInfo.Buffer, nil
}

// load is TPM2_Import and TPM2_Load.
func (t *Hardware) load(inner []byte, parts Blob) (*loadedKey, error) {
	public := tpm2.BytesAs2B[tpm2.TPMTPublic](parts.Public)
	imported, err := tpm2.Import{
		ParentHandle:  t.srk.auth(),
		EncryptionKey: tpm2.TPM2BData{Buffer: inner},
		ObjectPublic:  public,
		Duplicate:     tpm2.TPM2BPrivate{Buffer: parts.Duplicate},
		InSymSeed:     tpm2.TPM2BEncryptedSecret{Buffer: parts.DuplicationSeed},
		Symmetric: tpm2.TPMTSymDef{
			Algorithm: tpm2.TPMAlgAES,
			KeyBits:   tpm2.NewTPMUSymKeyBits(tpm2.TPMAlgAES, tpm2.TPMKeyBits(128)),
			Mode:      tpm2.NewTPMUSymMode(tpm2.TPMAlgAES, tpm2.TPMAlgCFB),
		},
	}.Execute(t.tpm)
	if err != nil {
		return nil, err
	}
	loaded, err := tpm2.Load{ParentHandle: t.srk.auth(), InPrivate: imported.OutPrivate, InPublic: public}.Execute(t.tpm)
	if err != nil {
		return nil, err
	}
	return &loadedKey{handle: loaded.ObjectHandle, name: loaded.Name}, nil
}

// auth authorizes the use of a key by the empty password.
func (k *loadedKey) auth() tpm2.AuthHandle {
	return tpm2.AuthHandle{Handle: k.handle, Name: k.name, Auth: tpm2.PasswordAuth(nil)}
}

// Sign is the HMAC-SHA256 of data under the identity key.
func (t *Hardware) Sign(data []byte) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.identity == nil:
		return nil, errNoIdentity
	case len(data) > maxSigned:
		return nil, fmt.Errorf("%d bytes are more than the %d that a tpm signs at once", len(data), maxSigned)
	}
	signed, err := tpm2.Hmac{
		Handle: t.identity.auth(), Buffer: tpm2.TPM2BMaxBuffer{Buffer: data}, HashAlg: tpm2.TPMAlgSHA256,
	}.Execute(t.tpm)
	if err != nil {
		return nil, err
	}
	return signed.OutHMAC.Buffer, nil
}

// Close flushes what was loaded and closes the connection.
func (t *Hardware) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return errors.Join(t.flush(t.identity), t.flush(t.srk), t.tpm.Close())
}

func (t *Hardware) String() string { return "tpm" }

func (t *Hardware) Format(s fmt.State, _ rune) { io.WriteString(s, t.String()) }
func (t *Hardware) GomegaString() string       { return t.String() }
