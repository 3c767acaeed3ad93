package svc

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// slot is where a record keeps a certificate: attestation, x509, one of these, and primary
// or secondary.
const (
	client  = "clientCertificates"
	signing = "signingCertificates"
)

// x509 is an attestation whose primary certificate is this text.
func x509(kind, certificate string) harness.Members {
	return harness.Members{"attestation": harness.Members{"type": "x509", "x509": harness.Members{
		kind: harness.Members{"primary": harness.Members{"certificate": certificate}},
	}}}
}

func infoOf(record harness.Members, kind, slot string) harness.Members {
	info, _ := inside(record, "attestation", "x509", kind, slot, "info").(harness.Members)
	return info
}

// show is the certificate whose info this is, whatever the case of its hex.
func show(c tls.Certificate) func(harness.Members) bool {
	return func(info harness.Members) bool {
		sha256, _ := info["sha256Thumbprint"].(string)
		return strings.EqualFold(sha256, harness.Thumbprint(c))
	}
}

// certificateChecks are about how certificates are written and how they are shown.
var certificateChecks = []harness.Check{{
	Requirement: "DPS-SVC-045",
	Title:       "a certificate is accepted as PEM, as base64 of PEM and as base64 DER",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, form := range []struct {
			name  string
			write func(der []byte, pem string) string
		}{
			{"PEM", func(_ []byte, pem string) string { return pem }},
			{"base64 of PEM", func(_ []byte, pem string) string { return base64.StdEncoding.EncodeToString([]byte(pem)) }},
			{"base64 DER", func(der []byte, _ string) string { return base64.StdEncoding.EncodeToString(der) }},
		} {
			record := newEnrollment(t)
			leaf := t.SelfSigned(env, record["registrationId"].(string))
			text := form.write(leaf.Certificate[0], string(pki.PEM(harness.Leaf(leaf))))
			answer := put(ctx, t, s, with(record, x509(client, text)))
			t.Expect(answer.Status).To(Equal(http.StatusOK), form.name)
			t.Expect(infoOf(object(t, answer), client, "primary")).To(Satisfy(show(leaf)), form.name)
		}
	},
}, {
	Requirement: "DPS-SVC-046",
	Title:       "every certificate is sent with an info of all eight members",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		leaf, root := t.SelfSigned(env, t.Name()), t.Authority(env)
		for kind, record := range map[string]harness.Members{
			client:  with(newEnrollment(t), x509(client, string(pki.PEM(harness.Leaf(leaf))))),
			signing: with(newGroup(t), x509(signing, string(pki.PEM(root.Certificate)))),
		} {
			views := seen(ctx, t, s, record)
			views["attestationmechanism"] = harness.Members{
				"attestation": object(t, s.Post(ctx, t, pathOf(record)+"/attestationmechanism", nil)),
			}
			for view, sight := range views {
				info := infoOf(sight, kind, "primary")
				for _, name := range []string{
					"subjectName", "sha1Thumbprint", "sha256Thumbprint", "issuerName", "notBeforeUtc", "notAfterUtc", "serialNumber",
				} {
					t.Expect(info).To(HaveKeyWithValue(name, And(BeAssignableToTypeOf(""), Not(BeEmpty()))), view)
				}
				t.Expect(info).To(HaveKeyWithValue("version", 3.0), view)
			}
		}
	},
}, {
	Requirement: "DPS-SVC-046",
	Title:       "the info of a certificate is true",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		device := env.Service(ctx, t).X509Device(ctx, t)
		leaf := harness.Leaf(*device.Certificate)
		info := infoOf(device.Record, client, "primary")
		t.Expect(info).To(Satisfy(show(*device.Certificate)))
		t.Expect(info).To(HaveKeyWithValue("subjectName", "CN="+device.RegistrationID))
		t.Expect(info).To(HaveKeyWithValue("issuerName", "CN="+device.RegistrationID))
		t.Expect(date(t, info["notBeforeUtc"])).To(BeTemporally("==", leaf.NotBefore))
		t.Expect(date(t, info["notAfterUtc"])).To(BeTemporally("==", leaf.NotAfter))
	},
}, {
	Requirement: "DPS-SVC-047",
	Title:       "a certificate whose slot is written back with nothing but its info is kept",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		device := s.X509Device(ctx, t)
		secondary := t.SelfSigned(env, device.RegistrationID)
		// The Azure CLI adds a secondary certificate to what it read.
		read := object(t, s.Get(ctx, t, pathOf(device.Record)))
		slots := harness.Members{
			"primary":   harness.Members{"info": infoOf(read, client, "primary")},
			"secondary": harness.Members{"certificate": string(pki.PEM(harness.Leaf(secondary)))},
		}
		answer := put(ctx, t, s, with(read, harness.Members{
			"attestation": harness.Members{"type": "x509", "x509": harness.Members{client: slots}},
		}), etagOf(read))
		t.Expect(answer.Status).To(Equal(http.StatusOK))
		kept := object(t, s.Get(ctx, t, pathOf(device.Record)))
		t.Expect(infoOf(kept, client, "primary")).To(Satisfy(show(*device.Certificate)), "primary")
		t.Expect(infoOf(kept, client, "secondary")).To(Satisfy(show(secondary)), "secondary")
		t.Expect(device.Try(ctx, t)).To(harness.BeAccepted(), "the device with its certificate")
	},
}, {
	Requirement: "DPS-SVC-048",
	Title:       "an X.509 enrollment with an empty certificate is answered with 400",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		leaf := t.SelfSigned(env, t.Name())
		accepted(ctx, t, s, "a certificate", with(newEnrollment(t), x509(client, string(pki.PEM(harness.Leaf(leaf))))))
		t.Expect(put(ctx, t, s, with(newEnrollment(t), x509(client, ""))).Status).To(Equal(http.StatusBadRequest), "enrollment")
		t.Expect(put(ctx, t, s, with(newGroup(t), x509(signing, ""))).Status).To(Equal(http.StatusBadRequest), "group")
	},
}}
