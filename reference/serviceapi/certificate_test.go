package serviceapi_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/pki"
)

func x509Body(slots string) string {
	return `{"registrationId":"dev-01","attestation":{"type":"x509","x509":{"clientCertificates":{` + slots + `}}}}`
}

func slot(name, certificate string) string {
	text, _ := json.Marshal(certificate)
	return fmt.Sprintf(`%q:{"certificate":%s}`, name, text)
}

func info(t *testing.T, doc map[string]any, slot string) map[string]any {
	t.Helper()
	for _, name := range []string{"attestation", "x509", "clientCertificates", slot} {
		doc, _ = doc[name].(map[string]any)
	}
	if doc["certificate"] != nil {
		t.Errorf("the certificate is shown beside its info: %v", doc)
	}
	in, _ := doc["info"].(map[string]any)
	return in
}

func TestCertificatesInEveryForm(t *testing.T) {
	c, err := pki.SelfSigned("dev-01", pki.Options{Now: clock.System().Now()})
	if err != nil {
		t.Fatal(err)
	}
	pem := string(pki.PEM(c.Leaf))
	der := base64.StdEncoding.EncodeToString(c.Leaf.Raw)
	for rule, text := range map[string]string{
		"PEM":                        pem,
		"PEM with Windows lines":     strings.ReplaceAll(pem, "\n", "\r\n"),
		"base64 of PEM":              base64.StdEncoding.EncodeToString([]byte(pem)),
		"base64 of DER":              der,
		"base64 of DER, over lines":  der[:64] + "\r\n" + der[64:128] + "\n" + der[128:],
		"base64 with blanks at ends": " " + der + "\n",
	} {
		t.Run(rule, func(t *testing.T) {
			l := open(t)
			got := info(t, l.must(200, "PUT", dev01, x509Body(slot("primary", text))), "primary")
			if got["subjectName"] != "CN=dev-01" || got["issuerName"] != "CN=dev-01" || got["version"] != float64(3) {
				t.Errorf("info %v", got)
			}
			for name, length := range map[string]int{"sha1Thumbprint": 40, "sha256Thumbprint": 64} {
				if print, _ := got[name].(string); len(print) != length || print != strings.ToUpper(print) {
					t.Errorf("%s %v", name, got[name])
				}
			}
			for _, name := range []string{"notBeforeUtc", "notAfterUtc", "serialNumber"} {
				if text, _ := got[name].(string); text == "" {
					t.Errorf("%s %v", name, got[name])
				}
			}
			if len(got) != 8 {
				t.Errorf("%d members", len(got))
			}
		})
	}
}

// The Azure command line writes back what it read, with one slot changed.
func TestASlotThatHoldsItsInfoKeepsItsCertificate(t *testing.T) {
	one, err := pki.SelfSigned("dev-01", pki.Options{Now: clock.System().Now()})
	if err != nil {
		t.Fatal(err)
	}
	two, err := pki.SelfSigned("dev-01", pki.Options{Now: clock.System().Now()})
	if err != nil {
		t.Fatal(err)
	}
	l := open(t)
	read := info(t, l.must(200, "PUT", dev01, x509Body(slot("primary", string(pki.PEM(one.Leaf))))), "primary")
	text, err := json.Marshal(read)
	if err != nil {
		t.Fatal(err)
	}
	kept := fmt.Sprintf(`"primary":{"info":%s}`, text)
	doc := l.must(200, "PUT", dev01, x509Body(kept+`,`+slot("secondary", string(pki.PEM(two.Leaf)))), "If-Match", "*")
	if got := info(t, doc, "primary"); !reflect.DeepEqual(got, read) {
		t.Errorf("the primary slot became %v", got)
	}
	if got := info(t, doc, "secondary"); got == nil || reflect.DeepEqual(got, read) {
		t.Errorf("the secondary slot is %v", got)
	}
	moved := fmt.Sprintf(`"secondary":{"info":%s}`, strings.ToLower(string(text)))
	moved = strings.Replace(moved, "sha256thumbprint", "sha256Thumbprint", 1)
	if got := info(t, l.must(200, "PUT", dev01, x509Body(moved), "If-Match", "*"), "secondary"); !reflect.DeepEqual(got, read) {
		t.Errorf("moved to the other slot it is %v", got)
	}
}
