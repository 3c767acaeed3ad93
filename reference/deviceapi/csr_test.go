package deviceapi_test

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/deviceapi"
	"github.com/dpslab/dpslab/reference/problem"
)

const (
	chainVersion = "2025-07-01-preview"
	pemVersion   = "2021-11-01-preview"
)

// csr is a certificate request in DER.
func csr(t testing.TB, commonName string) []byte {
	t.Helper()
	key, err := pki.NewP256(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: commonName}}, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func asPEM(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func member(name string, value any) string {
	b, err := json.Marshal(map[string]any{name: value})
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestCSR(t *testing.T) {
	good, other := csr(t, "dev-01"), csr(t, "dev-02")
	forged := append([]byte{}, good...)
	forged[len(forged)-1] ^= 1
	for _, c := range []struct {
		rule, version, body string
		lookup, found       bool
		refused             bool
	}{
		{rule: "base64 of DER", version: chainVersion, body: member("csr", good), found: true},
		{rule: "the id in another case", version: chainVersion, body: member("csr", csr(t, "DEV-01")), found: true},
		{rule: "the newest version", version: "2026-11-02-preview", body: member("csr", good), found: true},
		{rule: "PEM", version: pemVersion, body: member("clientCertificateCsr", asPEM("CERTIFICATE REQUEST", good)), found: true},
		{rule: "no body", version: chainVersion},
		{rule: "no request", version: chainVersion, body: `{}`},
		{rule: "a request that is null", version: chainVersion, body: `{"csr":null}`},
		{rule: "PEM in the newer form", version: chainVersion, body: member("clientCertificateCsr", asPEM("CERTIFICATE REQUEST", good))},
		{rule: "DER in the older form", version: pemVersion, body: member("csr", good)},
		{rule: "a version that knows none", version: version, body: member("csr", good)},
		{rule: "a version that knows none, and no request", version: version, body: member("csr", "%%%")},
		{rule: "another device", version: chainVersion, body: member("csr", other), refused: true},
		{rule: "another signature", version: chainVersion, body: member("csr", forged), refused: true},
		{rule: "no base64", version: chainVersion, body: member("csr", "%%%"), refused: true},
		{rule: "no DER", version: chainVersion, body: member("csr", []byte("x")), refused: true},
		{rule: "a number", version: chainVersion, body: `{"csr":1}`, refused: true},
		{rule: "no PEM", version: pemVersion, body: member("clientCertificateCsr", "x"), refused: true},
		{rule: "PEM of a certificate", version: pemVersion, body: member("clientCertificateCsr", asPEM("CERTIFICATE", good)), refused: true},
		{rule: "a lookup", version: chainVersion, body: member("csr", good), lookup: true, refused: true},
		{rule: "a lookup without a request", version: chainVersion, body: `{}`, lookup: true},
	} {
		t.Run(c.rule, func(t *testing.T) {
			got, err := deviceapi.CSR(t.Context(), service, point.At{}, deviceapi.Request{
				RegistrationID: "dev-01", APIVersion: c.version, Body: []byte(c.body), Lookup: c.lookup,
			})
			if (err != nil) != c.refused || (got != nil) != c.found {
				t.Fatalf("found: %v, %v", got != nil, err)
			}
			if p := (*problem.Error)(nil); c.refused && (!errors.As(err, &p) || p.Code != 400004) {
				t.Errorf("%v is no problem of the request", err)
			}
		})
	}
}

// Whatever a device sends, what comes back is its own, signed by its own key.
func FuzzCSR(f *testing.F) {
	good := csr(f, "dev-01")
	for _, body := range []string{
		member("csr", good), member("csr", csr(f, "dev-02")), member("clientCertificateCsr", asPEM("CERTIFICATE REQUEST", good)),
		`{"csr":"` + base64.StdEncoding.EncodeToString(good[:40]) + `"}`, `{"csr":[1]}`, `{"csr":""}`, "", "null", "{",
	} {
		f.Add(chainVersion, []byte(body))
		f.Add(pemVersion, []byte(body))
	}
	f.Fuzz(func(t *testing.T, version string, body []byte) {
		got, err := deviceapi.CSR(t.Context(), service, point.At{}, deviceapi.Request{RegistrationID: "dev-01", APIVersion: version, Body: body})
		switch {
		case err != nil && got != nil:
			t.Error("refused, and given")
		case err != nil && !errors.As(err, new(*problem.Error)):
			t.Errorf("%v is no problem of the request", err)
		case got != nil && (got.CheckSignature() != nil || !strings.EqualFold(got.Subject.CommonName, "dev-01")):
			t.Errorf("a request for %q was taken", got.Subject.CommonName)
		}
	})
}
