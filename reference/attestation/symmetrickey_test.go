package attestation_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/sas"
	"github.com/dpslab/dpslab/internal/vectors"
	"github.com/dpslab/dpslab/reference/attestation"
)

const (
	scope  = "0ne00DEMO01"
	device = "dev-01"
)

var (
	noon  = time.Date(2029, 12, 31, 12, 0, 0, 0, time.UTC)
	key   = bytes.Repeat([]byte{7}, 32)
	other = bytes.Repeat([]byte{8}, 32)
)

// proof is dev-01's with this token.
func proof(token string) attestation.Proof {
	return attestation.Proof{RegistrationID: device, Resource: scope + "/registrations/" + device, Token: token, At: noon}
}

func decoded(t testing.TB, text string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTokensOfEveryClientAreAccepted(t *testing.T) {
	for _, v := range vectors.All().SASTokens {
		got := attestation.Judge{}.SymmetricKey(t.Context(), proof(v.Token), [][]byte{decoded(t, v.Key)})
		if got != attestation.Accepted {
			t.Errorf("%s: %s", v.Source, got)
		}
	}
}

func TestTokens(t *testing.T) {
	const resource = scope + "/registrations/" + device
	signed := func(resource string, key []byte, expiry time.Time, policy string) attestation.Proof {
		return proof(sas.Sign(resource, key, expiry, policy))
	}
	hour := noon.Add(time.Hour)
	for _, c := range []struct {
		rule  string
		proof attestation.Proof
		keys  [][]byte
		want  attestation.Reason
	}{
		{"the primary key", signed(resource, key, hour, "registration"), [][]byte{key, other}, attestation.Accepted},
		{"the secondary key", signed(resource, other, hour, "registration"), [][]byte{key, other}, attestation.Accepted},
		{"without a policy name", signed(resource, key, hour, ""), [][]byte{key}, attestation.Accepted},
		{"the resource in another case", signed(strings.ToUpper(resource), key, hour, ""), [][]byte{key}, attestation.Accepted},
		{"just before the drift of clocks is used up", signed(resource, key, noon.Add(-sas.Skew+time.Second), ""), [][]byte{key}, attestation.Accepted},

		{"no token", proof(""), [][]byte{key}, attestation.NoCredential},
		{"a certificate in its place", attestation.Proof{RegistrationID: device, Chain: chain(t, self(t, device)), At: noon}, [][]byte{key}, attestation.NoCredential},
		{"no token at all, but text", proof("Bearer abc"), [][]byte{key}, attestation.Malformed},
		{"a field is missing", proof("SharedAccessSignature sr=a&se=1"), [][]byte{key}, attestation.Malformed},
		{"an expiry that is no number", proof("SharedAccessSignature sr=a&sig=AAAA&se=soon"), [][]byte{key}, attestation.Malformed},
		{"another key", signed(resource, other, hour, ""), [][]byte{key}, attestation.BadSignature},
		{"no key is enrolled", signed(resource, key, hour, ""), nil, attestation.BadSignature},
		{"an empty key is enrolled", signed(resource, nil, hour, ""), [][]byte{{}}, attestation.BadSignature},
		{"another device", signed(resource+"2", key, hour, ""), [][]byte{key}, attestation.WrongResource},
		{"another scope", signed("0ne00DEMO02/registrations/"+device, key, hour, ""), [][]byte{key}, attestation.WrongResource},
		{"everything above the device", signed(scope, key, hour, ""), [][]byte{key}, attestation.WrongResource},
		{"expired beyond the drift of clocks", signed(resource, key, noon.Add(-sas.Skew), ""), [][]byte{key}, attestation.Expired},
		{"another policy", signed(resource, key, hour, "provisioningserviceowner"), [][]byte{key}, attestation.WrongPolicy},

		// A wrong key learns nothing about the rest of its token.
		{"a wrong key before everything else", signed("x", other, noon.Add(-time.Hour), "y"), [][]byte{key}, attestation.BadSignature},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := (attestation.Judge{}).SymmetricKey(t.Context(), c.proof, c.keys); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

func TestASignatureIsOverTheTokenAsReceived(t *testing.T) {
	token := vectors.All().SASTokens[0] // signs %2f
	changed := strings.ReplaceAll(token.Token, "%2fregistrations", "%2Fregistrations")
	if changed == token.Token {
		t.Fatal("the case changes nothing")
	}
	if got := (attestation.Judge{}).SymmetricKey(t.Context(), proof(changed), [][]byte{decoded(t, token.Key)}); got != attestation.BadSignature {
		t.Errorf("%s", got)
	}
}
