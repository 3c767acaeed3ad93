package devwire

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// SAS is a shared access signature in any spelling that a client uses (device-api.md
// 2.3). Resource is signed and sent as it stands, so it is escaped, or not, by the caller.
type SAS struct {
	Resource string
	Key      []byte // decoded
	Expiry   time.Time
	Policy   *string  // skn: nil leaves it out, a pointer to "" sends it empty
	Order    []string // of the fields; default sr, sig, se, skn
}

// Token writes the token with its scheme word, for the Authorization header, the MQTT
// password and SASL PLAIN alike.
func (s SAS) Token() string {
	token, err := s.SignedBy(func(text []byte) ([]byte, error) {
		mac := hmac.New(sha256.New, s.Key)
		mac.Write(text)
		return mac.Sum(nil), nil
	})
	if err != nil {
		panic(err) // the function above has none
	}
	return token
}

// SignedBy is Token with a key that only sign has, such as a TPM's.
func (s SAS) SignedBy(sign func(text []byte) ([]byte, error)) (string, error) {
	expiry := strconv.FormatInt(s.Expiry.Unix(), 10)
	signature, err := sign([]byte(s.Resource + "\n" + expiry))
	if err != nil {
		return "", err
	}
	fields := map[string]string{
		"sr":  s.Resource,
		"sig": url.QueryEscape(base64.StdEncoding.EncodeToString(signature)),
		"se":  expiry,
	}
	if s.Policy != nil {
		fields["skn"] = *s.Policy
	}
	order := s.Order
	if order == nil {
		order = []string{"sr", "sig", "se", "skn"}
	}
	var pairs []string
	for _, name := range order {
		if value, ok := fields[name]; ok {
			pairs = append(pairs, name+"="+value)
		}
	}
	return "SharedAccessSignature " + strings.Join(pairs, "&"), nil
}

// DeviceResource is the resource of a device's token at the provisioning service, escaped
// in upper case.
func DeviceResource(scope, registrationID string) string {
	return escape(scope + "/registrations/" + registrationID)
}

// HubResource is the resource of a device's token at its hub (iot-hub.md 1.3), escaped in
// upper case.
func HubResource(host, deviceID string) string { return escape(host + "/devices/" + deviceID) }

// DeriveKey is the key of one device of a symmetric-key enrollment group.
func DeriveKey(groupKey []byte, registrationID string) []byte {
	mac := hmac.New(sha256.New, groupKey)
	mac.Write([]byte(registrationID))
	return mac.Sum(nil)
}

// escape percent-encodes all but the unreserved characters of RFC 3986. A space becomes
// %20, which url.QueryEscape would write as a plus sign.
func escape(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}

// tokenLife is how long a minted token is valid: an hour, as the SDKs'.
const tokenLife = time.Hour

// registrationPolicy is the skn of a device's token at the provisioning service.
const registrationPolicy = "registration"
