package devwire

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"time"
)

// TPM is a device's trusted platform module, as far as a registration needs one
// (device-api.md 4).
type TPM interface {
	// EndorsementKey and StorageRootKey are public areas as TPM2B_PUBLIC (4.1).
	EndorsementKey() ([]byte, error)
	StorageRootKey() ([]byte, error)
	// Import takes the key out of a blob of the service's and makes it the identity key,
	// in the place of the one before (4.4).
	Import(blob []byte) error
	// Sign is the HMAC-SHA256 of data under the identity key.
	Sign(data []byte) ([]byte, error)
}

// tpmKeys is the member tpm of a registration (device-api.md 1.4).
type tpmKeys struct {
	EndorsementKey []byte `json:"endorsementKey"`
	StorageRootKey []byte `json:"storageRootKey"`
}

// registration is the body of a register request, with a TPM's keys when the identity has
// one and withTPM asks for them.
func (id Identity) registration(payload json.RawMessage, withTPM bool) ([]byte, error) {
	document := struct {
		RegistrationID string          `json:"registrationId"`
		TPM            *tpmKeys        `json:"tpm,omitempty"`
		Payload        json.RawMessage `json:"payload,omitempty"`
	}{id.RegistrationID, nil, payload}
	if id.TPM != nil && withTPM {
		keys, err := readTPM(id.TPM)
		if err != nil {
			return nil, err
		}
		document.TPM = &keys
	}
	body, err := json.Marshal(document)
	if err != nil || len(id.Members) == 0 {
		return body, err
	}
	whole := map[string]any{}
	if err := json.Unmarshal(body, &whole); err != nil {
		return nil, err
	}
	maps.Copy(whole, id.Members)
	return json.Marshal(whole)
}

func readTPM(tpm TPM) (keys tpmKeys, err error) {
	if keys.EndorsementKey, err = tpm.EndorsementKey(); err != nil {
		return keys, fmt.Errorf("read the tpm's endorsement key: %w", err)
	}
	if keys.StorageRootKey, err = tpm.StorageRootKey(); err != nil {
		return keys, fmt.Errorf("read the tpm's storage root key: %w", err)
	}
	return keys, nil
}

// TPMToken is a token that the TPM's identity key signs, valid for an hour from now. policy
// is the keyName of the service's challenge.
func (id Identity) TPMToken(now time.Time, policy string) (string, error) {
	return SAS{
		Resource: DeviceResource(id.Scope, id.RegistrationID), Expiry: now.Add(tokenLife), Policy: &policy,
	}.SignedBy(id.TPM.Sign)
}

// TPMChallenge is the 401 that a register request without a token is answered with
// (device-api.md 4.2).
type TPMChallenge struct {
	Message, KeyName  string
	AuthenticationKey []byte // the blob for TPM.Import
}

// ParseTPMChallenge reads the body of such an answer. The error is a *Malformed.
func ParseTPMChallenge(body []byte) (TPMChallenge, error) {
	c, err := parseTPMChallenge(body)
	if err != nil {
		return c, &Malformed{What: "the tpm challenge: " + err.Error(), Raw: body}
	}
	return c, nil
}

func parseTPMChallenge(body []byte) (c TPMChallenge, err error) {
	m, err := parseMembers("the body", body)
	if err != nil {
		return c, err
	}
	if err := m.readAll(map[string]any{"message": &c.Message, "keyName": &c.KeyName}); err != nil {
		return c, err
	}
	if c.AuthenticationKey, err = m.blob("authenticationKey"); err != nil {
		return c, err
	}
	switch _, status := m["status"]; {
	case status:
		return c, errors.New("it has a status, by which C takes it for an answer") // 0.1 item 17
	case len(c.AuthenticationKey) == 0 || c.KeyName == "":
		return c, errors.New("authenticationKey or keyName is missing")
	}
	return c, nil
}

// registerByTPM registers over HTTPS: the first request has no token and is answered with
// a challenge, the second has the token that the challenge's key signs. The polls carry
// that token too (4.2).
func (d *httpsDevice) registerByTPM(ctx context.Context, r HTTPRequest) (Answer, error) {
	d.token = ""
	response, err := d.do(ctx, r)
	if err != nil {
		return Answer{}, err
	}
	if response.Status != http.StatusUnauthorized || !bytes.Contains(response.Body, []byte("authenticationKey")) {
		return response.Answer() // an EK that nobody enrolled
	}
	challenge, err := ParseTPMChallenge(response.Body)
	if err != nil {
		return Answer{Code: response.Status, Raw: response.Body}, err
	}
	if err := d.id.TPM.Import(challenge.AuthenticationKey); err != nil {
		return Answer{Code: response.Status, Raw: response.Body}, fmt.Errorf("the tpm does not take the challenge's key: %w", err)
	}
	if d.token, err = d.id.TPMToken(d.wire.clock().Now(), challenge.KeyName); err != nil {
		return Answer{}, fmt.Errorf("sign with the tpm: %w", err)
	}
	return d.ask(ctx, r)
}

// SASLTPM logs in with a TPM (device-api.md 4.3): it shows the endorsement key, then the
// storage root key, takes a key in two segments and answers with a token signed by it.
func (w *Wire) SASLTPM(id Identity) (SASLLogin, error) {
	if id.TPM == nil {
		return SASLLogin{}, notSent("sasl TPM needs an identity with a tpm")
	}
	keys, err := readTPM(id.TPM)
	if err != nil {
		return SASLLogin{}, &NotSent{Err: err}
	}
	d := &tpmDialogue{wire: w, id: id, root: keys.StorageRootKey}
	return SASLLogin{
		Mechanism: "TPM",
		Initial:   []byte("\x00" + id.Scope + "\x00" + id.RegistrationID + "\x00" + string(keys.EndorsementKey)),
		Answer:    d.answer,
	}, nil
}

// tpmDialogue answers the three challenges.
type tpmDialogue struct {
	wire *Wire
	id   Identity
	root []byte // storage root key
	step int
	blob []byte
}

// Java takes exactly two segments, with these control bytes: bit 7 for a segment, bit 6
// for the last, bits 1 and 0 count.
const (
	firstSegment = 0x80
	lastSegment  = 0xc1
)

func (d *tpmDialogue) answer(challenge []byte) ([]byte, error) {
	d.step++
	wants := map[int]byte{1: 0, 2: firstSegment, 3: lastSegment}
	want, expected := wants[d.step]
	switch {
	case !expected:
		return nil, &Malformed{What: "a fourth challenge"}
	case len(challenge) == 0 || challenge[0] != want || d.step == 1 && len(challenge) > 1:
		return nil, &Malformed{What: fmt.Sprintf("challenge %d does not begin with the control byte %#02x, or is of the wrong length", d.step, want)}
	case d.step == 1:
		return append([]byte{0}, d.root...), nil
	}
	d.blob = append(d.blob, challenge[1:]...)
	if d.step == 2 {
		return []byte{0}, nil
	}
	if err := d.id.TPM.Import(d.blob); err != nil {
		return nil, fmt.Errorf("the tpm does not take the key: %w", err)
	}
	token, err := d.id.TPMToken(d.wire.clock().Now(), registrationPolicy)
	return []byte("\x00" + token), err
}

// TPMKey is the blob in an assigned registration that wraps the device's key at its hub,
// for TPM.Import; nil when there is none (device-api.md 1.5).
func (a Answer) TPMKey() ([]byte, error) {
	if a.State == nil {
		return nil, nil
	}
	answer, err := parseMembers("the body", a.Raw)
	if err != nil {
		return nil, err
	}
	state, err := parseMembers("registrationState", answer["registrationState"])
	if err != nil {
		return nil, err
	}
	return tpmKey(state)
}

func tpmKey(state members) (blob []byte, err error) {
	raw, ok := state["tpm"]
	if !ok {
		return nil, nil
	}
	tpm, err := parseMembers("tpm", raw)
	if err != nil {
		return nil, err
	}
	return tpm.blob("authenticationKey")
}

// blob reads a member that is base64; nil when there is none.
func (m members) blob(name string) ([]byte, error) {
	var text string
	if err := m.read(name, &text); err != nil || text == "" {
		return nil, err
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("%s is not base64", name)
	}
	return b, nil
}
