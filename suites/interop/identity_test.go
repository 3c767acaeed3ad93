package interop_test

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/internal/swtpm"
)

// identity is what a program is told of its device: variables that node/lab.js reads.
type identity struct {
	registration string
	variables    []string
}

// identities counts those made, so that a test that runs again in the same lab meets nothing
// of its earlier device.
var identities atomic.Int64

// newIdentity names a device after what it is for and, where it proves itself by certificates, makes them: a
// self-signed one, or for a group a leaf below an intermediate whose root is enrolled. For tpm
// it gives it one.
func newIdentity(t *testing.T, purpose, attestation string) identity {
	t.Helper()
	registration := fmt.Sprintf("%s-%d", purpose, identities.Add(1))
	id := identity{registration: registration}.with("REGISTRATION", registration)
	o := pki.Options{Now: clock.System().Now()}
	switch attestation {
	case "x509-individual":
		id.add(t, "", must(pki.SelfSigned(registration, o)))
		id.add(t, "OTHER_", must(pki.SelfSigned(registration, o)))
	case "x509-group":
		root := must(pki.NewRoot("interop root", o))
		intermediate := must(root.Intermediate("interop intermediate", o))
		id.add(t, "", must(intermediate.Device(registration, o)))
		id.file(t, "ROOT", pki.PEM(root.Certificate))
	case "tpm":
		id = id.with("TPM", swtpm.Start(t, dieWithTest))
	}
	return id
}

const identityPrefix = "DPSLAB_INTEROP_"

// value is what a program is told of its device by a name such as CERTIFICATE: the path of a
// PEM file, or the key itself for SYMMETRIC_KEY. "" is nothing.
func (id identity) value(name string) string {
	for _, v := range slices.Backward(id.variables) {
		if value, ok := strings.CutPrefix(v, identityPrefix+name+"="); ok {
			return value
		}
	}
	return ""
}

// with is the identity with another value.
func (id identity) with(name, value string) identity {
	id.variables = append(slices.Clip(id.variables), identityPrefix+name+"="+value)
	return id
}

// add hands over a certificate with its issuers, and its key.
func (id *identity) add(t *testing.T, prefix string, c tls.Certificate) {
	t.Helper()
	var chain []*x509.Certificate
	for _, der := range c.Certificate {
		chain = append(chain, must(x509.ParseCertificate(der)))
	}
	id.file(t, prefix+"CERTIFICATE", pki.PEM(chain...))
	id.file(t, prefix+"KEY", must(pki.MarshalKey(c.PrivateKey.(crypto.Signer))))
}

func (id *identity) file(t *testing.T, name string, text []byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.pem")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	*id = id.with(name, path)
}

func must[T any](made T, err error) T {
	if err != nil {
		panic(err) // the test's own certificates
	}
	return made
}
