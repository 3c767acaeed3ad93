package vectors_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/vectors"
)

// mac is HMAC-SHA256 under a base64 key, in base64: the two formulas of device-api.md 2.3,
// written here once more so that a typing error in the file is found in the file.
func mac(t *testing.T, key, text string) string {
	t.Helper()
	k, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	h := hmac.New(sha256.New, k)
	h.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

func TestGroupKeysFollowTheFormula(t *testing.T) {
	for _, v := range vectors.All().GroupKeys {
		if got := mac(t, v.GroupKey, v.RegistrationID); got != v.DeviceKey {
			t.Errorf("%s: %s, want %s", v.Source, got, v.DeviceKey)
		}
	}
}

func TestTokensFollowTheFormula(t *testing.T) {
	for _, v := range vectors.All().SASTokens {
		if got := mac(t, v.Key, fmt.Sprintf("%s\n%d", v.Resource, v.Expiry)); got != v.Signature {
			t.Errorf("%s: signature %s, want %s", v.Source, got, v.Signature)
		}
		fields := map[string]string{"sr": v.Resource, "sig": url.QueryEscape(v.Signature), "se": fmt.Sprint(v.Expiry)}
		if v.Policy != nil {
			fields["skn"] = *v.Policy
		}
		var pairs []string
		for _, name := range v.Order {
			pairs = append(pairs, name+"="+fields[name])
		}
		if got := "SharedAccessSignature " + strings.Join(pairs, "&"); got != v.Token || len(pairs) != len(fields) {
			t.Errorf("%s: token\n%s, want\n%s", v.Source, got, v.Token)
		}
	}
}

// The types must read every member of the file, and the file must hold every member of
// the types that the tests of the halves lean on.
func TestFileAndTypesAgree(t *testing.T) {
	text, err := os.ReadFile("vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var v vectors.Vectors
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	all := vectors.All()
	if len(all.Answers) == 0 || len(all.MQTT.Requests) == 0 || len(all.MQTT.Responses) == 0 || len(all.HTTPS.Requests) == 0 ||
		all.AMQP.RetryAfterProperty == "" || len(all.AMQP.Conditions) == 0 || len(all.AMQP.SASL.TPMResponses) == 0 || all.Hub.AMQP.CBS.Type == "" || all.ServiceAPI.RequestIDHeader == "" || all.Hub.Method.Topic == "" ||
		all.Hub.ReportResult.Version == 0 || len(all.ErrorDocument.Members) == 0 || len(all.StateMembers.Names) == 0 {
		t.Errorf("a group of the vectors is empty: %+v", all)
	}
}

func TestAnswersSayWhatTheirBodiesSay(t *testing.T) {
	for _, v := range vectors.All().Answers {
		var body struct {
			OperationID, Status string
			RegistrationState   struct {
				Status, Substatus, AssignedHub, DeviceID string
				ErrorCode                                int
			}
		}
		if err := json.Unmarshal(v.Body, &body); err != nil {
			t.Fatal(err)
		}
		s := body.RegistrationState
		if body.OperationID != v.OperationID || body.Status != v.Status || s.Substatus != v.Substatus ||
			s.AssignedHub != v.AssignedHub || s.DeviceID != v.DeviceID || s.ErrorCode != v.ErrorCode {
			t.Errorf("%s: the body says %+v", v.Source, body)
		}
	}
}

// What goes within SASL is put together here once more, so that a typing error in the file
// is found in the file.
func TestSASLFollowsTheDossier(t *testing.T) {
	amqp := vectors.All().AMQP
	s := amqp.SASL
	bytesOf := func(text string) string {
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	ek, srk := bytesOf(s.TPMEndorsementKey), bytesOf(s.TPMStorageRootKey)
	for name, v := range map[string]struct{ got, want string }{
		"header":         {bytesOf(amqp.Headers.AMQP), "AMQP\x00\x01\x00\x00"},
		"sasl header":    {bytesOf(amqp.Headers.SASL), "AMQP\x03\x01\x00\x00"},
		"address":        {amqp.Address, amqp.Scope + "/registrations/" + amqp.RegistrationID},
		"PLAIN":          {bytesOf(s.PlainResponse), "\x00" + amqp.Address + "\x00" + s.PlainPassword},
		"TPM":            {bytesOf(s.TPMResponses[0]), "\x00" + amqp.Scope + "\x00" + amqp.RegistrationID + "\x00" + ek},
		"TPM response 1": {bytesOf(s.TPMResponses[1]), "\x00" + srk},
		"TPM response 2": {bytesOf(s.TPMResponses[2]), "\x00"},
		"TPM response 3": {bytesOf(s.TPMResponses[3]), "\x00" + s.TPMToken},
		"challenge 1":    {bytesOf(s.TPMChallenges[0]), "\x00"},
		"challenge 2":    {bytesOf(s.TPMChallenges[1]), "\x80" + bytesOf(s.TPMBlob[0])},
		"challenge 3":    {bytesOf(s.TPMChallenges[2]), "\xc1" + bytesOf(s.TPMBlob[1])},
	} {
		if v.got != v.want {
			t.Errorf("%s: %q, want %q", name, v.got, v.want)
		}
	}
	for _, v := range amqp.Addresses {
		if !strings.HasSuffix(v.Address, amqp.Address) {
			t.Errorf("%s: %s", v.Source, v.Address)
		}
	}
}
