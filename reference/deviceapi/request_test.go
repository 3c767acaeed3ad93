package deviceapi_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/deviceapi"
	"github.com/dpslab/dpslab/reference/problem"
	"github.com/dpslab/dpslab/reference/provisioning"
)

const version = "2019-03-31"

var service = provisioning.New(provisioning.Options{Name: "demo", Clock: clock.Frozen(created)})

// sized is a register body of n bytes.
func sized(n int) string {
	const open, end = `{"payload":"`, `"}`
	return open + strings.Repeat("x", n-len(open)-len(end)) + end
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		rule, version, body string
		code                int // 0: taken
	}{
		{"an id", version, `{"registrationId":"dev-01"}`, 0},
		{"the id in another case", version, `{"registrationId":"DEV-01"}`, 0},
		{"another id", version, `{"registrationId":"dev-02"}`, 400004},
		{"an empty id", version, `{"registrationId":""}`, 400004},
		{"an id that is null", version, `{"registrationId":null}`, 0},
		{"an id that is a number", version, `{"registrationId":1}`, 400004},
		{"no id", version, `{}`, 0},
		{"nothing", version, ``, 0},
		{"one space", version, ` `, 0},
		{"a payload object", version, `{"payload":{"modelId":"dtmi:demo:thing;1"}}`, 0},
		{"a payload string", version, `{"payload":"{\"a\":1}"}`, 0},
		{"a payload that is null", version, `{"payload":null,"registrationId":"dev-01"}`, 0},
		{"a payload list", version, `{"payload":[1]}`, 0},
		{"members that nobody knows", version, `{"csr":"MIIB","tpm":{"endorsementKey":"x"}}`, 0},
		{"a list", version, `[]`, 400004},
		{"a string", version, `"dev-01"`, 400004},
		{"cut off", version, `{"registrationId":`, 400004},
		{"something behind it", version, `{"registrationId":"dev-01"}}`, 400004},
		{"a form", version, `registrationId=dev-01`, 400004},
		{"binary", version, "\x00\xff", 400004},
		{"a string that is not UTF-8", version, "{\"payload\":\"\xff\"}", 400004},
		{"a name that is not UTF-8", version, "{\"\xc3\x28\":1}", 400004},
		{"UTF-8 of four bytes", version, "{\"payload\":\"\xf0\x9f\x98\x80\"}", 0},
		{"96 KiB", version, sized(96 << 10), 0},
		{"a byte more", version, sized(96<<10 + 1), 413000},

		{"an older version", "2018-09-01-preview", `{}`, 0},
		{"no version", "", `{}`, 400003},
		{"a version that never was", "2019-03-32", `{}`, 400003},
		{"a version of the service API alone", "2026-04-01", `{}`, 400003},
		{"the version is judged first", "x", `[`, 400003},
	} {
		t.Run(c.rule, func(t *testing.T) {
			err := deviceapi.Check(t.Context(), service, point.At{}, deviceapi.Request{
				RegistrationID: "dev-01", APIVersion: c.version, Body: []byte(c.body),
			})
			var p *problem.Error
			switch {
			case c.code == 0 && err != nil:
				t.Errorf("refused: %v", err)
			case c.code != 0 && (!errors.As(err, &p) || p.Code != c.code || p.Message == ""):
				t.Errorf("%v, want %d", err, c.code)
			}
		})
	}
}

func TestABodyThatWasNotReadToItsEndIsTooLarge(t *testing.T) {
	err := deviceapi.Check(t.Context(), service, point.At{}, deviceapi.Request{RegistrationID: "dev-01", APIVersion: version, TooLarge: true})
	var p *problem.Error
	if !errors.As(err, &p) || p.Code != 413000 {
		t.Errorf("%v", err)
	}
}

// What is taken is blank, or JSON that names no other device.
func FuzzCheck(f *testing.F) {
	for _, body := range []string{``, ` `, `{}`, `null`, `{"registrationId":"dev-01"}`, `{"REGISTRATIONID":"x"}`, `{"registrationId":"Dev-02"}`, `[`, "\x00", "{\"payload\":\"\xff\"}"} {
		f.Add("dev-01", []byte(body))
	}
	f.Fuzz(func(t *testing.T, id string, body []byte) {
		err := deviceapi.Check(t.Context(), service, point.At{}, deviceapi.Request{RegistrationID: id, APIVersion: version, Body: body})
		if err != nil {
			if !errors.As(err, new(*problem.Error)) {
				t.Errorf("%q: %v is no refusal", body, err)
			}
			return
		}
		if len(bytes.TrimSpace(body)) == 0 {
			return
		}
		var doc struct {
			RegistrationID *string `json:"registrationId"`
		}
		if json.Unmarshal(body, &doc) != nil || !utf8.Valid(body) || doc.RegistrationID != nil && !strings.EqualFold(*doc.RegistrationID, id) {
			t.Errorf("%q was taken for %q", body, id)
		}
	})
}
