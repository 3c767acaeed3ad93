package attestation

import (
	"context"
	"strings"

	"github.com/dpslab/dpslab/internal/sas"
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

// DerivedKeys are the keys that a device derives from a group's keys. Devices derive from
// the registration id as they send it; whether the service folds its case is unknown, so
// both forms are good (device-api.md 2.3, inferred).
func DerivedKeys(groupKeys [][]byte, registrationID string) [][]byte {
	ids := []string{registrationID}
	if folded := strings.ToLower(registrationID); folded != registrationID {
		ids = append(ids, folded)
	}
	var keys [][]byte
	for _, id := range ids {
		for _, key := range groupKeys {
			keys = append(keys, sas.DeriveKey(key, id))
		}
	}
	return keys
}
