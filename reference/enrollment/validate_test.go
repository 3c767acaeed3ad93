package enrollment_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/problem"
)

func key(n int) []byte { return bytes.Repeat([]byte{1}, n) }

func keys(primary, secondary []byte) enrollment.Attestation {
	return enrollment.Attestation{
		Type:         dps.AttestationSymmetricKey,
		SymmetricKey: enrollment.SymmetricKey{Primary: primary, Secondary: secondary},
	}
}

func certificates(f enrollment.X509Form, primary, secondary *enrollment.Certificate) enrollment.Attestation {
	return enrollment.Attestation{Type: dps.AttestationX509, X509: enrollment.X509{Form: f, Primary: primary, Secondary: secondary}}
}

func TestValidate(t *testing.T) {
	some := new(enrollment.Certificate)
	hook := enrollment.Webhook{URL: "https://web.hook", APIVersion: "2021-10-01"}
	for _, c := range []struct {
		rule   string
		change func(e *enrollment.Enrollment)
		says   string // empty: valid
	}{
		{"an individual enrollment with keys", func(e *enrollment.Enrollment) {}, ""},
		{"a group with keys", func(e *enrollment.Enrollment) { e.Kind = enrollment.Group }, ""},
		{"an id that is none", func(e *enrollment.Enrollment) { e.ID = "a b" }, `"a b" is not valid`},

		{"keys of 16 and 64 bytes", func(e *enrollment.Enrollment) { e.Attestation = keys(key(16), key(64)) }, ""},
		{"a primary key of 15 bytes", func(e *enrollment.Enrollment) { e.Attestation = keys(key(15), key(64)) }, "16 to 64 bytes"},
		{"a secondary key of 65 bytes", func(e *enrollment.Enrollment) { e.Attestation = keys(key(16), key(65)) }, "16 to 64 bytes"},
		{"an empty key", func(e *enrollment.Enrollment) { e.Attestation = keys(key(0), key(64)) }, "16 to 64 bytes"},

		{"no attestation", func(e *enrollment.Enrollment) { e.Attestation = enrollment.Attestation{} }, "attestation mechanism is required"},
		{"a TPM", func(e *enrollment.Enrollment) { e.Attestation = tpm("EK") }, ""},
		{"a TPM without endorsement key", func(e *enrollment.Enrollment) { e.Attestation = tpm("") }, "TPM or X509 attestation is required"},
		{"a group with a TPM", func(e *enrollment.Enrollment) { e.Kind, e.Attestation = enrollment.Group, tpm("EK") }, "not allowed for an enrollment group"},

		{"a client certificate", func(e *enrollment.Enrollment) {
			e.Attestation = certificates(enrollment.ClientCertificates, some, nil)
		}, ""},
		{"a secondary client certificate alone", func(e *enrollment.Enrollment) {
			e.Attestation = certificates(enrollment.ClientCertificates, nil, some)
		}, ""},
		{"no client certificate", func(e *enrollment.Enrollment) {
			e.Attestation = certificates(enrollment.ClientCertificates, nil, nil)
		}, "TPM or X509 attestation is required"},
		{"a signing certificate of one device", func(e *enrollment.Enrollment) {
			e.Attestation = certificates(enrollment.SigningCertificates, some, nil)
		}, "individual enrollment takes"},
		{"a group's signing certificate", func(e *enrollment.Enrollment) {
			e.Kind, e.Attestation = enrollment.Group, certificates(enrollment.SigningCertificates, some, nil)
		}, ""},
		{"a group's client certificate", func(e *enrollment.Enrollment) {
			e.Kind, e.Attestation = enrollment.Group, certificates(enrollment.ClientCertificates, some, nil)
		}, "enrollment group takes"},
		{"the name of a CA certificate", func(e *enrollment.Enrollment) { e.Attestation = reference("", "ca") }, ""},
		{"no name of a CA certificate", func(e *enrollment.Enrollment) { e.Attestation = reference("", "") }, "TPM or X509 attestation is required"},

		{"a custom policy", func(e *enrollment.Enrollment) { e.Policy, e.Webhook = dps.PolicyCustom, &hook }, ""},
		{"a custom policy without webhook", func(e *enrollment.Enrollment) { e.Policy = dps.PolicyCustom }, "CustomAllocationDefinition is required"},
		{"a webhook without its URL", func(e *enrollment.Enrollment) { e.Webhook = &enrollment.Webhook{APIVersion: hook.APIVersion} }, "needs webhookUrl and apiVersion"},
		{"a webhook without its version", func(e *enrollment.Enrollment) { e.Webhook = &enrollment.Webhook{URL: hook.URL} }, "needs webhookUrl and apiVersion"},
		{"a webhook beside another policy", func(e *enrollment.Enrollment) { e.Policy, e.Webhook = dps.PolicyHashed, &hook }, ""},
		{"a static policy without hub", func(e *enrollment.Enrollment) { e.Policy = dps.PolicyStatic }, ""},
		{"a static policy with two hubs", func(e *enrollment.Enrollment) {
			e.Policy, e.Hubs = dps.PolicyStatic, []string{"hub-a", "hub-a"}
		}, "single IoT hub"},
		{"a linked hub", func(e *enrollment.Enrollment) { e.Hubs = []string{"hub-a"} }, ""},
		{"a hub that is not linked", func(e *enrollment.Enrollment) { e.Hubs = []string{"hub-a", "hub-x"} }, `"hub-x" is not linked`},
		{"an older host name that is not linked", func(e *enrollment.Enrollment) { e.HubHostName = "hub-x" }, ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			e := enrollment.Enrollment{Kind: enrollment.Individual, ID: "dev-01", Attestation: keys(key(32), key(32))}
			c.change(&e)
			err := e.Validate(func(host string) bool { return host == "hub-a" })
			if c.says == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			var p *problem.Error
			if !errors.As(err, &p) || p.Code != 400004 || !strings.Contains(p.Message, c.says) {
				t.Errorf("%v, want 400004 that says %q", err, c.says)
			}
		})
	}
}

func tpm(endorsementKey string) enrollment.Attestation {
	return enrollment.Attestation{Type: dps.AttestationTPM, TPM: enrollment.TPM{EndorsementKey: endorsementKey}}
}

func reference(primary, secondary string) enrollment.Attestation {
	return enrollment.Attestation{Type: dps.AttestationX509, X509: enrollment.X509{
		Form: enrollment.CAReferences, PrimaryReference: primary, SecondaryReference: secondary,
	}}
}
