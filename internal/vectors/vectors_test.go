package vectors_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
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
		all.AMQP.RetryAfterProperty == "" || all.ServiceAPI.RequestIDHeader == "" || all.Hub.Method.Topic == "" ||
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
