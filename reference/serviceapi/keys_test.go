package serviceapi_test

import (
	"encoding/base64"
	"reflect"
	"strings"
	"testing"
)

func symmetricKey(doc map[string]any) map[string]any {
	if a, ok := doc["attestation"].(map[string]any); ok {
		doc = a
	}
	keys, _ := doc["symmetricKey"].(map[string]any)
	return keys
}

const mechanism = "/enrollments/dev-01/attestationmechanism" + version

func TestWhoSeesKeys(t *testing.T) {
	l := open(t)
	put := symmetricKey(l.must(200, "PUT", dev01, body))
	for _, name := range []string{"primaryKey", "secondaryKey"} {
		key, err := base64.StdEncoding.DecodeString(put[name].(string))
		if err != nil || len(key) != 64 {
			t.Errorf("made-up %s of %d bytes, %v", name, len(key), err)
		}
	}
	if put["primaryKey"] == put["secondaryKey"] {
		t.Error("both keys are the same")
	}
	if keys := symmetricKey(l.must(200, "GET", dev01, "")); keys != nil {
		t.Errorf("a GET shows %v", keys)
	}
	if list := l.do("POST", "/enrollments/query"+version, `{"query":"*"}`); strings.Contains(list.body, "primaryKey") {
		t.Errorf("a query shows %s", list.body)
	}
	for _, sent := range []string{"", "{}"} {
		if got := l.must(200, "POST", mechanism, sent); got["type"] != "symmetricKey" || !reflect.DeepEqual(symmetricKey(got), put) {
			t.Errorf("the attestation mechanism is %v", got)
		}
	}
	if got := l.do("POST", mechanism, "", "Content-Type", ""); got.status != 200 {
		t.Errorf("without body and media type: %d %s", got.status, got.body)
	}
	l.do("POST", "/enrollments/none/attestationmechanism"+version, "").refused(t, "of nobody", 404201)
	l.do("GET", mechanism, "").refused(t, "by GET", 405000)
}

// What a client read without keys and writes back keeps them.
func TestKeysThatAreNotGivenAreKept(t *testing.T) {
	given := `{"registrationId":"dev-01","attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":"` + text + `","secondaryKey":"` + text + `"}}}`
	other := base64.StdEncoding.EncodeToString(policyKey)
	for _, c := range []struct{ rule, symmetricKey, primary, secondary string }{
		{"no member", ``, text, text},
		{"null", `,"symmetricKey":null`, text, text},
		{"empty texts", `,"symmetricKey":{"primaryKey":"","secondaryKey":""}`, text, text},
		{"one of them", `,"symmetricKey":{"secondaryKey":"` + other + `"}`, text, other},
		{"both", `,"symmetricKey":{"primaryKey":"` + other + `","secondaryKey":"` + other + `"}`, other, other},
	} {
		t.Run(c.rule, func(t *testing.T) {
			l := open(t)
			l.must(200, "PUT", dev01, given)
			put := l.must(200, "PUT", dev01, `{"registrationId":"dev-01","attestation":{"type":"symmetricKey"`+c.symmetricKey+`}}`, "If-Match", "*")
			want := map[string]any{"primaryKey": c.primary, "secondaryKey": c.secondary}
			if !reflect.DeepEqual(symmetricKey(put), want) {
				t.Errorf("the PUT answers %v", symmetricKey(put))
			}
			if got := symmetricKey(l.must(200, "POST", mechanism, "")); !reflect.DeepEqual(got, want) {
				t.Errorf("stored is %v", got)
			}
		})
	}
}
