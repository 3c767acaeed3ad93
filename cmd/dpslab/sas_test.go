package main

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/devwire"
)

func TestTheSASCommand(t *testing.T) {
	t.Parallel()
	// The vectors of docs/protocol/device-api.md 2.3.
	const groupKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw=="
	const deviceKey = "UwwVfsD5lA+qU/1oNyCqDCDeShqtT/bvsaUt7i0bKJE="
	for _, args := range [][]string{{"sas", "--derive", "dev-01", "--key", groupKey}, {"sas", "--derive", "dev-01"}} {
		p := invoke(t, environment(t, "DPSLAB_KEY="+groupKey), "dpslab", args...)
		if p.code != exitPassed || p.stdout.String() != deviceKey+"\n" {
			t.Errorf("%s", p)
		}
	}
	p := invoke(t, environment(t), "dpslab", "sas", "0ne00DEMO01/registrations/dev 01", "--key", deviceKey, "--policy", "registration")
	if p.code != exitPassed || !strings.HasPrefix(p.stdout.String(), "SharedAccessSignature sr=0ne00DEMO01%2Fregistrations%2Fdev%2001&sig=") || !strings.HasSuffix(p.stdout.String(), "&skn=registration\n") {
		t.Errorf("%s", p)
	}
	for _, c := range []struct{ line, says string }{
		{"sas x", "--key or in DPSLAB_KEY"}, {"sas x --key !!", "not base64"}, {"sas --key YWJj", "which resource"},
	} {
		p := invoke(t, environment(t), "dpslab", strings.Fields(c.line)...)
		if p.code != exitUntestable {
			t.Errorf("%s", p)
		}
		oneLineOf(t, p, c.says)
	}
}

func TestATokenOfTheSASCommandLetsADeviceIn(t *testing.T) {
	t.Parallel()
	lab := up(t).open(t)
	key := make([]byte, 64)
	enrollGroup(t, lab.service(t), "g", key)
	p := invoke(t, environment(t), "dpslab", "sas", lab.target.DPS.IDScope+"/registrations/dev-01",
		"--key", base64.StdEncoding.EncodeToString(devwire.DeriveKey(key, "dev-01")), "--policy", "registration")
	answer := registerWith(t, lab, "dev-01", strings.TrimSpace(p.stdout.String()))
	if answer.Status != 202 {
		t.Errorf("%v", answer)
	}
}

// registerWith sends a register request over HTTPS with an Authorization header.
func registerWith(t testing.TB, lab *running, id, authorization string) devwire.HTTPResponse {
	t.Helper()
	client := lab.wire.HTTP(lab.target.Device(), devwire.DialOptions{})
	defer client.Close()
	identity := devwire.Identity{Scope: lab.target.DPS.IDScope, RegistrationID: id}
	body, err := json.Marshal(map[string]string{"registrationId": id})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.Do(t.Context(), devwire.HTTPRequest{
		Method: "PUT", Path: devwire.RegisterPath(identity), Body: body,
		Header: map[string][]string{"Content-Type": {"application/json; charset=utf-8"}, "Authorization": {authorization}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return answer
}
