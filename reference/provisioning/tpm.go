package provisioning

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"

	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/attestation"
	"github.com/dpslab/dpslab/reference/attestation/tpmkey"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/problem"
)

// TPMKeys are the public areas that a device with a TPM sends of its endorsement key and
// its storage root key, each as a TPM2B_PUBLIC (device-api.md 4.1).
type TPMKeys struct{ EndorsementKey, StorageRootKey []byte }

// Challenge asks a device to show that its TPM holds the endorsement key that is enrolled:
// it has to sign with the key in Blob, which that TPM alone can unwrap (device-api.md 4.2).
// It is an error to whoever asked for an attestation, and an answer of its own to a front.
type Challenge struct {
	KeyName string
	Blob    []byte
}

func (c *Challenge) Error() string { return "authorization required" }

// Challenging is passed by every challenge before it is given.
var Challenging = point.Define[Challenge]("provisioning.challenging")

// Wrapping is passed by a key for a TPM before it is wrapped: a challenge's, and that of
// the hub at the end.
var Wrapping = point.Define[Wrap]("provisioning.wrapping")

// Wrap is a key on its way into a TPM; both public areas are as the device sent them.
type Wrap struct {
	Keys TPMKeys
	Key  []byte
	Hub  bool // the key is for the hub
}

const (
	challengeKeyName = "registration"
	// challengeWindow is how long the key of a challenge stays the same. It is good in the
	// window after too, so that a device has this long at least to answer.
	challengeWindow = 10 * time.Minute
	tpmKeySize      = 32
)

// attestTPM judges a device whose enrollment names an endorsement key. Who has signed with
// the key of a challenge has shown that it holds it; who has not is challenged.
func (s *Service) attestTPM(ctx context.Context, c Claim, j attestation.Judge, p attestation.Proof, e enrollment.Enrollment) (Attested, error) {
	enrolled := keyBytes(e.Attestation.TPM.EndorsementKey)
	if c.TPM != nil && !bytes.Equal(c.TPM.EndorsementKey, enrolled) { // [DPS-TPM-005]
		return Attested{}, problem.EnrollmentNotFound()
	}
	if c.NoTPM {
		return s.decide(ctx, c, e, j.Unsupported(ctx, p))
	}
	reason := attestation.NoCredential
	if p.Token != "" { // [DPS-TPM-003]
		reason = j.SymmetricKey(ctx, p, s.challengeKeys(c.RegistrationID, enrolled, p.At))
	}
	if reason == attestation.Accepted || c.TPM == nil { // [DPS-TPM-012]
		return s.decide(ctx, c, e, reason)
	}
	// [DPS-TPM-004] a token that is wrong is answered by a new challenge
	return Attested{}, s.challenge(ctx, c, e, enrolled)
}

// Challenge challenges a device without looking for its enrollment, as SASL does: what the
// device shows by it is that its TPM holds the endorsement key that it names. Whether that
// is enrolled, it hears when it registers (device-api.md 4.3).
func (s *Service) Challenge(ctx context.Context, c Claim) (*Challenge, error) {
	var challenge *Challenge
	err := s.challenge(ctx, c, enrollment.Enrollment{}, c.TPM.EndorsementKey)
	if errors.As(err, &challenge) {
		return challenge, nil
	}
	return nil, err
}

// Answers reports whether the claim's token is signed with the key of such a challenge.
func (s *Service) Answers(ctx context.Context, c Claim) bool {
	judge, proof := s.judge(c)
	keys := s.challengeKeys(c.RegistrationID, c.TPM.EndorsementKey, proof.At)
	return judge.SymmetricKey(ctx, proof, keys) == attestation.Accepted
}

// challenge returns the challenge as the error that it is, or what keeps it from being
// made.
func (s *Service) challenge(ctx context.Context, c Claim, e enrollment.Enrollment, endorsementKey []byte) error {
	keys := s.challengeKeys(c.RegistrationID, endorsementKey, c.PresentedAt)
	blob, err := s.wrap(ctx, c, e, Wrap{Keys: *c.TPM, Key: keys[0]}) // [DPS-TPM-013]
	if err != nil {
		return err
	}
	challenge := &Challenge{KeyName: challengeKeyName, Blob: blob}
	Challenging.Hit(ctx, s.o.Points, c.At, challenge)
	return challenge
}

// challengeKeys are the keys of this window's challenge and the one before. They follow
// from the service's secret, so that nothing is kept of devices that only asked, and any
// replica knows them.
func (s *Service) challengeKeys(registrationID string, endorsementKey []byte, now time.Time) [][]byte {
	window := now.Unix() / int64(challengeWindow/time.Second)
	derive := func(window int64) []byte {
		mac := hmac.New(sha256.New, s.o.Secret)
		mac.Write(binary.BigEndian.AppendUint64([]byte("challenge\x00"), uint64(window)))
		mac.Write([]byte(enrollment.Fold(registrationID) + "\x00"))
		mac.Write(endorsementKey)
		return mac.Sum(nil)
	}
	return [][]byte{derive(window), derive(window - 1)}
}

// hubKey draws the key of a device at its hub and wraps it for the device's TPM.
func (s *Service) hubKey(ctx context.Context, a Attested) (key, blob []byte, err error) {
	key = randomKey()
	keys := TPMKeys{}
	if a.TPM != nil {
		keys = *a.TPM
	}
	blob, err = s.wrap(ctx, a.Claim, a.Enrollment, Wrap{Keys: keys, Key: key, Hub: true})
	return key, blob, err
}

// wrap makes a blob for the device's TPM. What the device did not send of its keys is as
// enrolled.
func (s *Service) wrap(ctx context.Context, c Claim, e enrollment.Enrollment, w Wrap) ([]byte, error) {
	enrolled := e.Attestation.TPM
	for _, k := range []struct {
		have *[]byte
		text string
	}{{&w.Keys.EndorsementKey, enrolled.EndorsementKey}, {&w.Keys.StorageRootKey, enrolled.StorageRootKey}} {
		if len(*k.have) == 0 {
			*k.have = keyBytes(k.text)
		}
	}
	Wrapping.Hit(ctx, s.o.Points, c.At, &w)
	ek, err := tpmkey.ParseStorageKey(w.Keys.EndorsementKey)
	if err != nil {
		return nil, problem.InvalidArgument("The endorsement key cannot be used: %v.", err)
	}
	srk, err := tpmkey.ParseStorageKey(w.Keys.StorageRootKey)
	if err != nil {
		return nil, problem.InvalidArgument("The storage root key cannot be used: %v.", err)
	}
	return tpmkey.Wrap(rand.Reader, ek, srk, w.Key, s.o.Scope+"/registrations/"+c.RegistrationID)
}

// keyBytes are those of an enrolled key. The operator may have written anything
// (service-api.md 2.9); what is not base64 is no TPM's key.
func keyBytes(text string) []byte {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil
	}
	return b
}

func randomKey() []byte {
	key := make([]byte, tpmKeySize)
	rand.Read(key) // never fails
	return key
}
