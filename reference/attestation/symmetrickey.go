package attestation

import (
	"context"
	"slices"
	"strings"

	"github.com/dpslab/dpslab/internal/sas"
	"github.com/dpslab/dpslab/reference/enrollment"
)

// policyName is the key name that device tokens carry, when they carry one.
const policyName = "registration"

// SymmetricKey judges a token that one of the keys must have signed.
func (j Judge) SymmetricKey(ctx context.Context, p Proof, keys [][]byte) Reason {
	v := Verdict{Proof: p}
	if p.Token == "" {
		v.Reason = NoCredential
		return j.give(ctx, v)
	}
	token, err := sas.Parse(p.Token)
	if err != nil {
		v.Reason = Malformed
		return j.give(ctx, v)
	}
	v.Token = token
	v.Reason = judgeToken(token, p, keys)
	return j.give(ctx, v)
}

func judgeToken(token sas.Token, p Proof, keys [][]byte) Reason {
	signed := false
	for _, key := range keys { // [DPS-SAS-006] either key is good
		signed = token.VerifiedBy(key) || signed // [DPS-SAS-001] over sr as received
	}
	switch {
	case !signed:
		return BadSignature
	case !token.Names(p.Resource):
		return WrongResource
	case token.Expired(p.At):
		return Expired
	case token.Policy != "" && token.Policy != policyName:
		return WrongPolicy
	}
	return Accepted
}

// DerivedKeys are the keys that a device may have derived from its group's keys.
func DerivedKeys(groupKeys [][]byte, registrationID string) [][]byte {
	var keys [][]byte
	for _, id := range spellings(registrationID) {
		for _, key := range groupKeys {
			keys = append(keys, sas.DeriveKey(key, id))
		}
	}
	return keys
}

// DeviceKeys are the two keys of a group's device: those that it derives from its id in the
// spelling whose key signed the token. A token that none of them signed says nothing about
// that, and the id counts as it is.
func DeviceKeys(group enrollment.SymmetricKey, registrationID, token string) enrollment.SymmetricKey {
	derive := func(id string) enrollment.SymmetricKey {
		return enrollment.SymmetricKey{Primary: sas.DeriveKey(group.Primary, id), Secondary: sas.DeriveKey(group.Secondary, id)}
	}
	if t, err := sas.Parse(token); err == nil {
		for _, id := range spellings(registrationID) {
			if keys := derive(id); slices.ContainsFunc(keys.Keys(), t.VerifiedBy) {
				return keys
			}
		}
	}
	return derive(registrationID)
}

// spellings are the forms of an id that a key may be derived from. Devices derive from it
// as they send it; whether the service folds its case is unknown, so both are good
// (device-api.md 2.3, inferred).
func spellings(registrationID string) []string {
	if folded := strings.ToLower(registrationID); folded != registrationID {
		return []string{registrationID, folded}
	}
	return []string{registrationID}
}
