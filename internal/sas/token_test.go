package sas_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/sas"
)

// The vectors of device-api.md 2.3.
const (
	groupKey  = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw=="
	deviceKey = "UwwVfsD5lA+qU/1oNyCqDCDeShqtT/bvsaUt7i0bKJE="
	resource  = "0ne00DEMO01/registrations/dev-01"
	upper     = "0ne00DEMO01%2Fregistrations%2Fdev-01"
	lower     = "0ne00DEMO01%2fregistrations%2fdev-01"
	sigUpper  = "tP9fZHWspoQHQL5ydwRMy5v00dHvZ3sFPFP3Aol1rzI="
	sigLower  = "jh5PujzZ1svh+qXwNmPb3Oh9Gz/g2YPIsrb+ayk+F/s="
	sigRaw    = "By/XHGwhOyMGeoOWEm0bncVIjc5tICl1DzFwfHIauCM="
	se        = "1893456000"
)

var expiry = time.Unix(1893456000, 0)

func decode(t testing.TB, text string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTokensOfEverySDKAreVerified(t *testing.T) {
	for _, c := range []struct{ name, token, policy string }{
		{"C: %2f", "SharedAccessSignature sr=" + lower + "&sig=" + url.QueryEscape(sigLower) + "&se=" + se + "&skn=registration", "registration"},
		{"C#: %2F", "SharedAccessSignature sr=" + upper + "&sig=" + url.QueryEscape(sigUpper) + "&se=" + se + "&skn=registration", "registration"},
		{"Java: raw, skn empty", "SharedAccessSignature sr=" + resource + "&sig=" + url.QueryEscape(sigRaw) + "&se=" + se + "&skn=", ""},
		{"Node: raw, skn before se", "SharedAccessSignature sr=" + resource + "&sig=" + url.QueryEscape(sigRaw) + "&skn=registration&se=" + se, "registration"},
		{"Python: no skn", "SharedAccessSignature sr=" + upper + "&sig=" + url.QueryEscape(sigUpper) + "&se=" + se, ""},
		{"documentation: sr last", "SharedAccessSignature sig=" + url.QueryEscape(sigLower) + "&se=" + se + "&skn=registration&sr=" + lower, "registration"},
		{"sig not encoded", "SharedAccessSignature sr=" + lower + "&sig=" + sigLower + "&se=" + se, ""},
		{"sig with lower-case hex", "SharedAccessSignature sr=" + lower + "&sig=" + strings.NewReplacer("+", "%2b", "/", "%2f", "=", "%3d").Replace(sigLower) + "&se=" + se, ""},
		{"sig with + read as a space", "SharedAccessSignature sr=" + lower + "&sig=" + strings.ReplaceAll(sigLower, "+", "%20") + "&se=" + se, ""},
		{"unknown field", "SharedAccessSignature sr=" + upper + "&sig=" + url.QueryEscape(sigUpper) + "&se=" + se + "&x=1", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			token, err := sas.Parse(c.token)
			if err != nil {
				t.Fatal(err)
			}
			if !token.VerifiedBy(decode(t, deviceKey)) {
				t.Error("the device's key does not verify it")
			}
			if token.VerifiedBy(decode(t, groupKey)) {
				t.Error("the group's key verifies it")
			}
			if !token.Names(resource) || !token.Names(strings.ToUpper(resource)) || token.Names(resource+"2") {
				t.Error("it does not name exactly its resource")
			}
			if token.Policy != c.policy || !token.Expiry.Equal(expiry) {
				t.Errorf("policy %q, expiry %v", token.Policy, token.Expiry)
			}
		})
	}
}

func TestWhatIsNoTokenIsRefusedWithoutQuotingIt(t *testing.T) {
	const secret = "c2VjcmV0c2VjcmV0"
	for name, text := range map[string]string{
		"empty":             "",
		"no scheme":         "sr=a&sig=" + secret + "&se=1",
		"bearer":            "Bearer " + secret,
		"scheme only":       "SharedAccessSignature",
		"two spaces":        "SharedAccessSignature  sr=a&sig=" + secret + "&se=1",
		"no sr":             "SharedAccessSignature sig=" + secret + "&se=1",
		"sr empty":          "SharedAccessSignature sr=&sig=" + secret + "&se=1",
		"no sig":            "SharedAccessSignature sr=a&se=1",
		"no se":             "SharedAccessSignature sr=a&sig=" + secret,
		"se not a number":   "SharedAccessSignature sr=a&sig=" + secret + "&se=soon",
		"se negative":       "SharedAccessSignature sr=a&sig=" + secret + "&se=-1",
		"se beyond time":    "SharedAccessSignature sr=a&sig=" + secret + "&se=9223372036854775807",
		"sig twice":         "SharedAccessSignature sr=a&sig=" + secret + "&sig=" + secret + "&se=1",
		"sig not base64":    "SharedAccessSignature sr=a&sig=" + secret + "!&se=1",
		"field without =":   "SharedAccessSignature sr=a&" + secret + "&se=1",
		"too long":          "SharedAccessSignature sr=" + strings.Repeat("a", 9000) + "&sig=" + secret + "&se=1",
		"empty field in it": "SharedAccessSignature sr=a&&sig=" + secret + "&se=1",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sas.Parse(text)
			if err == nil {
				t.Fatal("taken")
			}
			if strings.Contains(err.Error(), secret) {
				t.Fatalf("the error quotes the token: %v", err)
			}
		})
	}
}

func TestExpiryIsHeldAgainstTheClockWithSkew(t *testing.T) {
	token, err := sas.Parse(sas.Sign(resource, []byte("k"), expiry, "registration"))
	if err != nil {
		t.Fatal(err)
	}
	if token.Expired(expiry.Add(sas.Skew - time.Second)) {
		t.Error("expired one second before the tolerance is over")
	}
	if !token.Expired(expiry.Add(sas.Skew)) {
		t.Error("not expired when the tolerance is over")
	}
}

func TestCoversIsAPrefixBySegment(t *testing.T) {
	const host = "lab.azure-devices-provisioning.net"
	for _, c := range []struct {
		sr   string
		want bool
	}{
		{host, true},
		{strings.ToUpper(host), true},
		{host + "/", true},
		{host + "/enrollments", true},
		{host + "/enrollments/dev-01", true},
		{host + "/enroll", false},
		{host + "/enrollments/dev-01/x", false},
		{host[:len(host)-1], false},
		{"other", false},
		{"/", false},
	} {
		token, err := sas.Parse(sas.Sign(c.sr, []byte("k"), expiry, "p"))
		if err != nil {
			t.Fatal(err)
		}
		if got := token.Covers(host + "/enrollments/dev-01"); got != c.want {
			t.Errorf("sr %q covers it: %v", c.sr, got)
		}
	}
}

func TestSignedTokensVerify(t *testing.T) {
	key := []byte("a key")
	for _, policy := range []string{"", "registration", "a policy & more"} {
		text := sas.Sign("host/a b+c/ü", key, expiry, policy)
		token, err := sas.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if !token.VerifiedBy(key) || token.VerifiedBy([]byte("another")) || token.VerifiedBy(nil) {
			t.Errorf("verified wrongly: %v", token)
		}
		if token.Policy != policy || !token.Names("host/a b+c/ü") {
			t.Errorf("policy %q, resource %q", token.Policy, token.Resource)
		}
	}
}

func TestAnEmptyKeyVerifiesNothing(t *testing.T) {
	token, err := sas.Parse(sas.Sign(resource, nil, expiry, ""))
	if err != nil {
		t.Fatal(err)
	}
	if token.VerifiedBy(nil) {
		t.Error("a token signed with no key is verified by no key")
	}
}

func TestDeriveKeyGivesThePublishedKeys(t *testing.T) {
	for _, c := range []struct{ group, id, device string }{
		{groupKey, "dev-01", deviceKey},
		{"8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==",
			"sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6", "Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc="},
	} {
		if got := base64.StdEncoding.EncodeToString(sas.DeriveKey(decode(t, c.group), c.id)); got != c.device {
			t.Errorf("%s: %s", c.id, got)
		}
	}
}

func TestPrintingATokenHidesItsSignature(t *testing.T) {
	token, err := sas.Parse("SharedAccessSignature sr=" + upper + "&sig=" + url.QueryEscape(sigUpper) + "&se=" + se)
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if text := fmt.Sprintf(format, token); !strings.Contains(text, "sr="+upper) || strings.Contains(text, sigUpper[:8]) {
			t.Errorf("%s: %s", format, text)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("SharedAccessSignature sr=" + upper + "&sig=" + url.QueryEscape(sigUpper) + "&se=" + se + "&skn=registration")
	f.Add("SharedAccessSignature sr=a%zz&sig=====&se=00")
	f.Add("SharedAccessSignature &=&=")
	f.Fuzz(func(t *testing.T, text string) {
		token, err := sas.Parse(text)
		if err != nil {
			return
		}
		if !strings.Contains(text, "sr="+token.Resource) {
			t.Errorf("the resource %q is not what was received", token.Resource)
		}
		if token.VerifiedBy([]byte("a key that signed nothing")) {
			t.Error("verified by a key that did not sign it")
		}
		token.Covers("a/b")
		if !token.Expired(token.Expiry.Add(sas.Skew)) {
			t.Error("never expires")
		}
	})
}
