package attestation_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/sas"
	"github.com/dpslab/dpslab/internal/vectors"
	"github.com/dpslab/dpslab/reference/attestation"
	"github.com/dpslab/dpslab/reference/enrollment"
)

func TestDerivedKeysFollowTheVectors(t *testing.T) {
	for _, v := range vectors.All().GroupKeys {
		keys := attestation.DerivedKeys([][]byte{decoded(t, v.GroupKey)}, v.RegistrationID)
		if len(keys) != 1 || !bytes.Equal(keys[0], decoded(t, v.DeviceKey)) {
			t.Errorf("%s: %x", v.Source, keys)
		}
	}
}

func TestDerivedKeysOfAGroup(t *testing.T) {
	token := func(key []byte) string {
		return sas.Sign(scope+"/registrations/Dev-01", key, noon.Add(time.Hour), "")
	}
	for _, c := range []struct {
		rule string
		key  []byte
		want attestation.Reason
	}{
		{"from the primary key and the id as sent", sas.DeriveKey(key, "Dev-01"), attestation.Accepted},
		{"from the secondary key", sas.DeriveKey(other, "Dev-01"), attestation.Accepted},
		{"from the id in lower case", sas.DeriveKey(key, "dev-01"), attestation.Accepted},
		{"from the id in upper case", sas.DeriveKey(key, "DEV-01"), attestation.BadSignature},
		{"from another id", sas.DeriveKey(key, "dev-02"), attestation.BadSignature},
		{"the group's key itself", key, attestation.BadSignature},
	} {
		t.Run(c.rule, func(t *testing.T) {
			keys := attestation.DerivedKeys([][]byte{key, other}, "Dev-01")
			if got := (attestation.Judge{}).SymmetricKey(t.Context(), proof(token(c.key)), keys); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

func TestAnIDInLowerCaseDerivesOneKeyForEachOfTheGroups(t *testing.T) {
	if keys := attestation.DerivedKeys([][]byte{key, other}, "dev-01"); len(keys) != 2 {
		t.Errorf("%d keys", len(keys))
	}
}

func TestDeviceKeysAreThoseThatTheDeviceSignsWith(t *testing.T) {
	group := enrollment.SymmetricKey{Primary: key, Secondary: other}
	token := func(key []byte) string {
		return sas.Sign(scope+"/registrations/Dev-01", key, noon.Add(time.Hour), "")
	}
	for _, c := range []struct{ rule, token, id string }{
		{"from its id as it spells it", token(sas.DeriveKey(key, "Dev-01")), "Dev-01"},
		{"from its id in lower case", token(sas.DeriveKey(key, "dev-01")), "dev-01"},
		{"by the secondary key", token(sas.DeriveKey(other, "dev-01")), "dev-01"},
		{"when nobody's key signed", token([]byte("stranger")), "Dev-01"},
		{"when there is no token", "", "Dev-01"},
	} {
		keys := attestation.DeviceKeys(group, "Dev-01", c.token)
		if !bytes.Equal(keys.Primary, sas.DeriveKey(key, c.id)) || !bytes.Equal(keys.Secondary, sas.DeriveKey(other, c.id)) {
			t.Errorf("%s: %x", c.rule, keys)
		}
	}
}
