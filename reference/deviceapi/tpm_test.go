package deviceapi_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/dpslab/dpslab/reference/deviceapi"
	"github.com/dpslab/dpslab/reference/problem"
	"github.com/dpslab/dpslab/reference/provisioning"
)

func TestTPMKeys(t *testing.T) {
	for _, c := range []struct {
		rule, body string
		ek, srk    string
		refused    bool
	}{
		{rule: "both keys", body: `{"tpm":{"endorsementKey":"RUs=","storageRootKey":"U1JL"}}`, ek: "EK", srk: "SRK"},
		{rule: "the endorsement key alone", body: `{"tpm":{"endorsementKey":"RUs="}}`, ek: "EK"},
		{rule: "no tpm", body: `{"registrationId":"dev-01"}`},
		{rule: "a tpm that is null", body: `{"tpm":null}`},
		{rule: "no body", body: " "},
		{rule: "no endorsement key", body: `{"tpm":{"storageRootKey":"U1JL"}}`, refused: true},
		{rule: "an empty endorsement key", body: `{"tpm":{"endorsementKey":""}}`, refused: true},
		{rule: "no base64", body: `{"tpm":{"endorsementKey":"%%%"}}`, refused: true},
		{rule: "a tpm that is text", body: `{"tpm":"EK"}`, refused: true},
	} {
		t.Run(c.rule, func(t *testing.T) {
			keys, err := deviceapi.TPMKeys([]byte(c.body))
			if (err != nil) != c.refused {
				t.Fatalf("%v", err)
			}
			if (keys != nil) != (c.ek != "") {
				t.Fatalf("keys: %v", keys != nil)
			}
			if keys != nil && (string(keys.EndorsementKey) != c.ek || string(keys.StorageRootKey) != c.srk) {
				t.Errorf("%q, %q", keys.EndorsementKey, keys.StorageRootKey)
			}
		})
	}
}

// What a challenge must hold, and what it must not (device-api.md 0.1 item 17).
func TestEncodeChallenge(t *testing.T) {
	body, err := deviceapi.EncodeChallenge(&provisioning.Challenge{KeyName: "registration", Blob: []byte("blob")})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"message":"Authorization required","keyName":"registration","authenticationKey":"YmxvYg=="}`
	if string(body) != want {
		t.Errorf("%s", body)
	}
}

func FuzzTPMKeys(f *testing.F) {
	for _, body := range []string{
		`{"tpm":{"endorsementKey":"RUs=","storageRootKey":"U1JL"}}`, `{"tpm":{"endorsementKey":"RUs"}}`, `{"tpm":[]}`, `{"TPM":{"EndorsementKey":"RUs="}}`, "", "{",
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		keys, err := deviceapi.TPMKeys(body)
		switch {
		case err != nil && (keys != nil || !errors.As(err, new(*problem.Error))):
			t.Errorf("%v is no problem of the request, or there are keys beside it", err)
		case keys != nil && len(keys.EndorsementKey) == 0:
			t.Error("keys without an endorsement key")
		case keys == nil:
			return
		}
		again, err := json.Marshal(map[string]any{"tpm": map[string]any{"endorsementKey": keys.EndorsementKey, "storageRootKey": keys.StorageRootKey}})
		if err != nil {
			t.Fatal(err)
		}
		same, err := deviceapi.TPMKeys(again)
		if err != nil || !bytes.Equal(same.EndorsementKey, keys.EndorsementKey) || !bytes.Equal(same.StorageRootKey, keys.StorageRootKey) {
			t.Errorf("written again they are others: %v", err)
		}
	})
}
