package interop_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"strconv"
	"sync"
	"testing"

	"github.com/dpslab/dpslab/internal/devwire"
)

// operator enrolls the devices of clients that speak AMQP and nothing else.
var operator = sync.OnceValues(func() (*devwire.ServiceClient, error) {
	roots, err := labRoots()
	if err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(os.Getenv("DPSLAB_HTTPS_PORT"))
	if err != nil {
		return nil, err
	}
	wire := &devwire.Wire{Roots: roots}
	return wire.Service(devwire.Endpoint{Host: os.Getenv("DPSLAB_SERVICE_HOST"), Address: "127.0.0.1", HTTPSPort: port},
		os.Getenv("DPSLAB_SERVICE_CONNECTION_STRING"))
})

// enrolled enrolls a device, and returns it with the key that is then its own, if it is
// enrolled by one.
func enrolled(t *testing.T, id identity, attestation string) identity {
	t.Helper()
	service, err := operator()
	if err != nil {
		t.Fatal(err)
	}
	individual := map[string]any{"registrationId": id.registration, "attestation": map[string]any{"type": "symmetricKey"}}
	ofGroup := map[string]any{"enrollmentGroupId": id.registration + "-group", "attestation": map[string]any{"type": "symmetricKey"}}
	switch attestation {
	case "symmetric-individual":
		id = id.with("SYMMETRIC_KEY", primaryKey(t, answered(t, http.StatusOK)(service.PutEnrollment(t.Context(), individual))))
	case "symmetric-group":
		key := primaryKey(t, answered(t, http.StatusOK)(service.PutGroup(t.Context(), ofGroup)))
		id = id.with("SYMMETRIC_KEY", derivedKey(key, id.registration))
	case "x509-individual":
		individual["attestation"] = byCertificate(t, "clientCertificates", id.value("CERTIFICATE"))
		answered(t, http.StatusOK)(service.PutEnrollment(t.Context(), individual))
	case "x509-group":
		ofGroup["attestation"] = byCertificate(t, "signingCertificates", id.value("ROOT"))
		answered(t, http.StatusOK)(service.PutGroup(t.Context(), ofGroup))
	}
	return id
}

// registration is what the operator reads of a device's registration.
func registration(t *testing.T, id identity) registered {
	t.Helper()
	service, err := operator()
	if err != nil {
		t.Fatal(err)
	}
	var state registered
	if err := json.Unmarshal(answered(t, http.StatusOK)(service.GetRegistration(t.Context(), id.registration)), &state); err != nil {
		t.Fatal(err)
	}
	return state
}

// answered fails the test unless the service answered with a status, and returns the body.
func answered(t *testing.T, status int) func(devwire.HTTPResponse, error) []byte {
	return func(r devwire.HTTPResponse, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if r.Status != status {
			t.Fatalf("the operator was answered %d: %s", r.Status, r.Body)
		}
		return r.Body
	}
}

func primaryKey(t *testing.T, record []byte) string {
	t.Helper()
	var made struct {
		Attestation struct{ SymmetricKey struct{ PrimaryKey string } }
	}
	if err := json.Unmarshal(record, &made); err != nil || made.Attestation.SymmetricKey.PrimaryKey == "" {
		t.Fatalf("the service made no key: %v", err)
	}
	return made.Attestation.SymmetricKey.PrimaryKey
}

// derivedKey is the key of a device of a group: the registration id, signed with the group's.
func derivedKey(groupKey, registration string) string {
	return base64.StdEncoding.EncodeToString(signed(groupKey, registration))
}

// signed is a text's signature by a key in base64.
func signed(key, text string) []byte {
	hash := hmac.New(sha256.New, must(base64.StdEncoding.DecodeString(key)))
	hash.Write([]byte(text))
	return hash.Sum(nil)
}

func byCertificate(t *testing.T, kind, file string) map[string]any {
	t.Helper()
	pem, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]any{"type": "x509", "x509": map[string]any{
		kind: map[string]any{"primary": map[string]any{"certificate": string(pem)}},
	}}
}
