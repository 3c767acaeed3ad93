package tpmkey_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"testing"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
	"github.com/google/go-tpm/tpm2/transport/linuxudstpm"

	"github.com/dpslab/dpslab/internal/swtpm"
	"github.com/dpslab/dpslab/reference/attestation/tpmkey"
)

// startTPM starts a TPM and opens it until the test ends.
func startTPM(t *testing.T) transport.TPM {
	t.Helper()
	tpm, err := linuxudstpm.Open(swtpm.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tpm.Close() })
	return tpm
}

func primary(t *testing.T, tpm transport.TPM, hierarchy tpm2.TPMHandle, template tpm2.TPMTPublic) (tpm2.NamedHandle, []byte) {
	t.Helper()
	made, err := tpm2.CreatePrimary{PrimaryHandle: hierarchy, InPublic: tpm2.New2B(template)}.Execute(tpm)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tpm2.FlushContext{FlushHandle: made.ObjectHandle}.Execute(tpm) })
	return tpm2.NamedHandle{Handle: made.ObjectHandle, Name: made.Name}, tpm2.Marshal(made.OutPublic)
}

// parts cuts a blob into its sized parts.
func parts(t *testing.T, blob []byte) [][]byte {
	t.Helper()
	var list [][]byte
	for len(blob) > 0 {
		n := int(blob[0])<<8 | int(blob[1])
		list = append(list, blob[2:2+n])
		blob = blob[2+n:]
	}
	if len(list) != 6 {
		t.Fatalf("%d parts, want 6", len(list))
	}
	return list
}

// A TPM unwraps the key and signs with it; only that shows that the blob is right.
func TestATPMImportsAndSignsWithTheKey(t *testing.T) {
	tpm := startTPM(t)
	ek, ekPublic := primary(t, tpm, tpm2.TPMRHEndorsement, tpm2.RSAEKTemplate)
	srk, srkPublic := primary(t, tpm, tpm2.TPMRHOwner, tpm2.RSASRKTemplate)
	endorsement, err := tpmkey.ParseStorageKey(ekPublic)
	if err != nil {
		t.Fatal(err)
	}
	storage, err := tpmkey.ParseStorageKey(srkPublic)
	if err != nil {
		t.Fatal(err)
	}
	key := make([]byte, 32)
	rand.Read(key)
	blob, err := tpmkey.Wrap(rand.Reader, endorsement, storage, key, "0ne00DEMO01/registrations/dev-01")
	if err != nil {
		t.Fatal(err)
	}
	p := parts(t, blob)

	policy, closeSession, err := tpm2.PolicySession(tpm, tpm2.TPMAlgSHA256, 16)
	if err != nil {
		t.Fatal(err)
	}
	defer closeSession()
	if _, err := (tpm2.PolicySecret{AuthHandle: tpm2.TPMRHEndorsement, PolicySession: policy.Handle(), NonceTPM: policy.NonceTPM()}).Execute(tpm); err != nil {
		t.Fatal(err)
	}
	activated, err := tpm2.ActivateCredential{
		ActivateHandle: tpm2.AuthHandle{Handle: srk.Handle, Name: srk.Name, Auth: tpm2.PasswordAuth(nil)},
		KeyHandle:      tpm2.AuthHandle{Handle: ek.Handle, Name: ek.Name, Auth: policy},
		CredentialBlob: tpm2.TPM2BIDObject{Buffer: p[0]},
		Secret:         tpm2.TPM2BEncryptedSecret{Buffer: p[1]},
	}.Execute(tpm)
	if err != nil {
		t.Fatal("activate:", err)
	}
	public := tpm2.BytesAs2B[tpm2.TPMTPublic](p[4])
	imported, err := tpm2.Import{
		ParentHandle:  tpm2.AuthHandle{Handle: srk.Handle, Name: srk.Name, Auth: tpm2.PasswordAuth(nil)},
		EncryptionKey: tpm2.TPM2BData{Buffer: activated.CertInfo.Buffer},
		ObjectPublic:  public, Duplicate: tpm2.TPM2BPrivate{Buffer: p[2]}, InSymSeed: tpm2.TPM2BEncryptedSecret{Buffer: p[3]},
		Symmetric: tpm2.TPMTSymDef{Algorithm: tpm2.TPMAlgAES, KeyBits: tpm2.NewTPMUSymKeyBits(tpm2.TPMAlgAES, tpm2.TPMKeyBits(128)),
			Mode: tpm2.NewTPMUSymMode(tpm2.TPMAlgAES, tpm2.TPMAlgCFB)},
	}.Execute(tpm)
	if err != nil {
		t.Fatal("import:", err)
	}
	loaded, err := tpm2.Load{
		ParentHandle: tpm2.AuthHandle{Handle: srk.Handle, Name: srk.Name, Auth: tpm2.PasswordAuth(nil)},
		InPrivate:    imported.OutPrivate, InPublic: public,
	}.Execute(tpm)
	if err != nil {
		t.Fatal("load:", err)
	}
	defer tpm2.FlushContext{FlushHandle: loaded.ObjectHandle}.Execute(tpm)
	text := []byte("0ne00DEMO01/registrations/dev-01\n1893456000")
	signed, err := tpm2.Hmac{
		Handle: tpm2.AuthHandle{Handle: loaded.ObjectHandle, Name: loaded.Name, Auth: tpm2.PasswordAuth(nil)},
		Buffer: tpm2.TPM2BMaxBuffer{Buffer: text}, HashAlg: tpm2.TPMAlgSHA256,
	}.Execute(tpm)
	if err != nil {
		t.Fatal("sign:", err)
	}
	want := hmac.New(sha256.New, key)
	want.Write(text)
	if !bytes.Equal(signed.OutHMAC.Buffer, want.Sum(nil)) {
		t.Error("the TPM signs with another key")
	}
}
