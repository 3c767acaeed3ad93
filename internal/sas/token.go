// Package sas is the server half of shared access signatures: it verifies the tokens
// that devices and service clients present, signs those that the server half presents
// to a hub, and reads the connection strings that both are made from.
//
// A token is one text wherever it travels: HTTP Authorization header, MQTT password,
// SASL PLAIN password, CBS put-token (device-api.md 2.3, service-api.md 3.1).
package sas

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Skew is how long after its expiry a token is still taken, for clocks that differ
// (service-api.md 3.1).
const Skew = 5 * time.Minute

const (
	scheme = "SharedAccessSignature"
	// maxLength is far above what any SDK sends: a resource, a signature, a number.
	maxLength = 8 << 10
	// maxExpiry keeps Expiry within what time.Time can compare. It admits the
	// milliseconds that one SDK writes for seconds.
	maxExpiry = 1 << 50
)

// Token is a shared access signature as it was received. Its String hides the signature.
type Token struct {
	Resource string    // sr exactly as received, not decoded: it is what was signed
	Policy   string    // skn, decoded; empty when it was absent or empty
	Expiry   time.Time // se

	expiry    string // se exactly as received: it is what was signed
	resource  string // sr decoded
	signature []byte
}

// Parse reads "SharedAccessSignature sr=…&sig=…&se=…[&skn=…]" with its fields in any
// order. Fields that it does not know are ignored. Errors never quote the token.
func Parse(text string) (Token, error) {
	if len(text) > maxLength {
		return Token{}, errors.New("the token is longer than 8 KiB")
	}
	word, fields, found := strings.Cut(text, " ")
	if !found || !strings.EqualFold(word, scheme) {
		return Token{}, errors.New(`the token does not begin with "SharedAccessSignature "`)
	}
	seen := map[string]string{}
	for field := range strings.SplitSeq(fields, "&") {
		name, value, found := strings.Cut(field, "=")
		if !found {
			return Token{}, errors.New("the token has a field without =")
		}
		if _, twice := seen[name]; twice {
			return Token{}, errors.New("the token has a field twice")
		}
		seen[name] = value
	}
	for _, name := range []string{"sr", "sig", "se"} {
		if seen[name] == "" {
			return Token{}, errors.New("the token has no " + name)
		}
	}
	t := Token{Resource: seen["sr"], expiry: seen["se"], resource: unescape(seen["sr"]), Policy: unescape(seen["skn"])}
	seconds, err := strconv.ParseUint(t.expiry, 10, 63)
	if err != nil || seconds > maxExpiry {
		return Token{}, errors.New("the token's se is not a count of Unix seconds")
	}
	t.Expiry = time.Unix(int64(seconds), 0).UTC()
	// A client that does not percent-encode its signature sends + as it is, and whoever
	// read that as a form made a space of it: both mean +.
	t.signature, err = base64.StdEncoding.DecodeString(strings.ReplaceAll(unescape(seen["sig"]), " ", "+"))
	if err != nil {
		return Token{}, errors.New("the token's sig is not percent-encoded base64")
	}
	return t, nil
}

// VerifiedBy reports whether key signed the token: HMAC-SHA256 over sr and se as they
// were received, joined by a line feed. An empty key signs nothing.
func (t Token) VerifiedBy(key []byte) bool {
	return len(key) > 0 && hmac.Equal(t.signature, mac(key, t.Resource+"\n"+t.expiry))
}

// Expired reports whether the token's time was over more than Skew ago.
func (t Token) Expired(now time.Time) bool {
	return !t.Expiry.After(now.Add(-Skew))
}

// Names reports whether the token is for exactly this resource, such as
// "{idScope}/registrations/{registrationId}"; letter case aside.
func (t Token) Names(resource string) bool {
	return strings.EqualFold(t.resource, resource)
}

// Covers reports whether the token's resource is resource or one of the paths above it:
// "host/a" covers "host/a/b" and not "host/ab"; letter case aside (service-api.md 3.1).
func (t Token) Covers(resource string) bool {
	have := strings.Split(strings.TrimSuffix(t.resource, "/"), "/")
	want := strings.Split(resource, "/")
	if len(have) > len(want) {
		return false
	}
	for i := range have {
		if !strings.EqualFold(have[i], want[i]) {
			return false
		}
	}
	return true
}

// String is the token without its signature.
func (t Token) String() string {
	return scheme + " sr=" + t.Resource + "&sig=REDACTED&se=" + t.expiry + "&skn=" + t.Policy
}

// GoString is String: %#v shows no signature either.
func (t Token) GoString() string { return t.String() }

// Sign makes a token for resource, which it percent-encodes. An empty policy leaves skn out.
func Sign(resource string, key []byte, expiry time.Time, policy string) string {
	sr := escape(resource)
	se := strconv.FormatInt(expiry.Unix(), 10)
	text := scheme + " sr=" + sr + "&sig=" + escape(base64.StdEncoding.EncodeToString(mac(key, sr+"\n"+se))) + "&se=" + se
	if policy != "" {
		text += "&skn=" + escape(policy)
	}
	return text
}

// DeriveKey is the key of one device of an enrollment group (device-api.md 2.3).
func DeriveKey(groupKey []byte, registrationID string) []byte {
	return mac(groupKey, registrationID)
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// unescape percent-decodes and leaves + alone. What is not percent-encoded stands for
// itself: some SDKs send the resource raw.
func unescape(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}

func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
