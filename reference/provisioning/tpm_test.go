package provisioning_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/internal/sas"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/provisioning"
)

// storageKey is a TPM2B_PUBLIC; the digits tell keys apart. Nobody has its private half:
// what a blob holds is seen where it is wrapped.
func storageKey(digit byte) []byte {
	area := []byte{0, 1, 0, 0x0B, 0, 3, 4, 0x72, 0, 0, 0, 6, 0, 0x80, 0, 0x43, 0, 0x10, 8, 0, 0, 0, 0, 0, 1, 0}
	area = append(area, bytes.Repeat([]byte{0xC1 | digit<<1}, 256)...)
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(area))), area...)
}

var tpm = provisioning.TPMKeys{EndorsementKey: storageKey(1), StorageRootKey: storageKey(2)}

// tpmLab has a device whose endorsement key is enrolled, and shows the keys that are
// wrapped for it.
func tpmLab(t *testing.T) (l *lab, wrapped *[]provisioning.Wrap) {
	l = open(t, func(o *provisioning.Options) { o.Secret = []byte("a secret of the service") })
	e := enrollment.Enrollment{Kind: enrollment.Individual, ID: "dev-01", ETag: "e", Attestation: enrollment.Attestation{
		Type: dps.AttestationTPM, TPM: enrollment.TPM{EndorsementKey: base64.StdEncoding.EncodeToString(tpm.EndorsementKey)},
	}}
	l.enroll(e)
	wrapped = new([]provisioning.Wrap)
	l.arm(provisioning.Wrapping.Plan(func(_ point.Call, w *provisioning.Wrap) { *wrapped = append(*wrapped, *w) }))
	return l, wrapped
}

func (l *lab) tpmClaim(id, token string) provisioning.Claim {
	return provisioning.Claim{RegistrationID: id, APIVersion: newVersion, TPM: &tpm, Token: token, PresentedAt: l.clock.Now()}
}

func (l *lab) token(key []byte) string {
	return sas.Sign(scope+"/registrations/dev-01", key, l.clock.Now().Add(time.Hour), "registration")
}

func challenged(t *testing.T, what string, err error) {
	t.Helper()
	var c *provisioning.Challenge
	if !errors.As(err, &c) || c.KeyName != "registration" || len(c.Blob) == 0 {
		t.Errorf("%s: %v, want a challenge", what, err)
	}
}

func TestATPMIsChallengedAndThenLetIn(t *testing.T) {
	l, wrapped := tpmLab(t)
	h := newHub("a")
	l.link(h)
	_, err := l.Attest(t.Context(), l.tpmClaim("DEV-01", ""))
	challenged(t, "without a token", err)
	_, err = l.Attest(t.Context(), l.tpmClaim("dev-01", l.token(primaryKey)))
	challenged(t, "with a token of another key", err)

	token := l.token((*wrapped)[0].Key)
	r := l.provision(l.tpmClaim("dev-01", token))
	assignedTo(t, r, h, dps.SubstatusInitialAssignment)
	last := (*wrapped)[len(*wrapped)-1]
	if id, ok := h.identity("dev-01"); !ok || len(r.AuthenticationKey) == 0 || !last.Hub || !bytes.Equal(last.Key, id.PrimaryKey) {
		t.Error("the key that the device was given is not the one its hub knows")
	}
	if !bytes.Equal(last.Keys.StorageRootKey, tpm.StorageRootKey) {
		t.Error("the key of the hub was wrapped for another TPM")
	}
	// A poll carries the token alone.
	poll := l.tpmClaim("dev-01", token)
	poll.TPM = nil
	l.attest(poll)
}

func TestAChallengeIsGoodForAWhile(t *testing.T) {
	l, wrapped := tpmLab(t)
	_, err := l.Attest(t.Context(), l.tpmClaim("dev-01", ""))
	challenged(t, "at first", err)
	token := l.token((*wrapped)[0].Key)
	l.clock.Advance(10 * time.Minute)
	l.attest(l.tpmClaim("dev-01", token))
	l.clock.Advance(10 * time.Minute)
	_, err = l.Attest(t.Context(), l.tpmClaim("dev-01", token))
	challenged(t, "twenty minutes later", err)
}

func TestATPMThatNobodyEnrolledIsNotFound(t *testing.T) {
	l, _ := tpmLab(t)
	l.enroll(keyGroup("line-a"))
	_, err := l.Attest(t.Context(), l.tpmClaim("dev-02", ""))
	refused(t, "another id", err, 404201)
	other := l.tpmClaim("dev-01", "")
	other.TPM = &provisioning.TPMKeys{EndorsementKey: storageKey(3), StorageRootKey: tpm.StorageRootKey}
	_, err = l.Attest(t.Context(), other)
	refused(t, "another endorsement key", err, 404201)
	nothing := l.tpmClaim("dev-01", "")
	nothing.TPM = nil
	_, err = l.Attest(t.Context(), nothing)
	refused(t, "neither keys nor token", err, 401002)
}

func TestKeysThatAreNoneAreRefused(t *testing.T) {
	l, _ := tpmLab(t)
	c := l.tpmClaim("dev-01", "")
	c.TPM = &provisioning.TPMKeys{EndorsementKey: tpm.EndorsementKey, StorageRootKey: []byte("no key")}
	_, err := l.Attest(t.Context(), c)
	refused(t, "a storage root key that is none", err, 400004)
}

// SASL asks for proof before it knows of an enrollment; without one the device is unknown,
// whatever it proved.
func TestAChallengeNeedsNoEnrollment(t *testing.T) {
	l, wrapped := tpmLab(t)
	claim := l.tpmClaim("dev-02", "")
	if _, err := l.Challenge(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
	sign := func(key []byte) string {
		return sas.Sign(scope+"/registrations/dev-02", key, l.clock.Now().Add(time.Hour), "")
	}
	claim.Token = sign(primaryKey)
	if l.Answers(t.Context(), claim) {
		t.Error("a token of another key answers the challenge")
	}
	claim.Token = sign((*wrapped)[0].Key)
	if !l.Answers(t.Context(), claim) {
		t.Error("a token of its key does not answer the challenge")
	}
	_, err := l.Attest(t.Context(), claim)
	refused(t, "a device that is not enrolled", err, 404201)
}

// Over a transport that has no way for a TPM, a token that is good elsewhere lets nobody in.
func TestATransportWithoutAWayForATPM(t *testing.T) {
	l, wrapped := tpmLab(t)
	_, err := l.Attest(t.Context(), l.tpmClaim("dev-01", ""))
	challenged(t, "the first claim", err)
	claim := provisioning.Claim{RegistrationID: "dev-01", APIVersion: newVersion, Token: l.token((*wrapped)[0].Key), PresentedAt: l.clock.Now()}
	if _, err := l.Attest(t.Context(), claim); err != nil {
		t.Fatalf("the token is no good: %v", err)
	}
	claim.NoTPM = true
	if _, err := l.Attest(t.Context(), claim); err == nil {
		t.Error("it lets a device with a TPM in")
	}
}
