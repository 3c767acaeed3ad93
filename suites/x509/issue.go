package x509

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"net/http"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// The api-versions that know certificate requests, in the newer form and in the older.
var (
	chainVersions = []string{"2025-07-01-preview", "2026-11-02-preview"}
	pemVersion    = "2021-11-01-preview"
)

// issueChecks are about certificates that the service issues (docs/protocol/device-api.md 7).
var issueChecks = []harness.Check{{
	Requirement: "DPS-X509-018",
	Title:       "a certificate request is answered with a chain for its key, leaf first and root last",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, version := range env.Versions(t, chainVersions...) {
			d := issuing(ctx, env, t, s)
			key := newKey(t)
			assigned := asking(d, version, request(t, key, d.RegistrationID)).Provision(ctx, t)
			t.Expect(assigned.Status).To(Equal(dps.StatusAssigned), "with %s", version)
			chain := issuedChain(t, assigned.Raw)
			t.Expect(len(chain)).To(BeNumerically(">=", 2), "certificates in the chain with %s", version)
			leaf, root := chain[0], chain[len(chain)-1]
			t.Expect(leaf.PublicKey).To(Equal(key.Public()), "with %s", version)
			t.Expect(leaf.Subject.CommonName).To(Equal(d.RegistrationID), "with %s", version)
			for i, c := range chain[:len(chain)-1] {
				t.Expect(c.CheckSignatureFrom(chain[i+1])).To(Succeed(), "certificate %d with %s", i, version)
			}
			t.Expect(root.CheckSignatureFrom(root)).To(Succeed(), "the root with %s", version)
		}
	},
}, {
	Requirement: "DPS-X509-019",
	Title:       "a certificate request for another device is refused with 400",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := issuing(ctx, env, t, env.Service(ctx, t))
		for _, version := range env.Versions(t, chainVersions[0], pemVersion) {
			taken(ctx, t, d, version)
			t.Expect(asking(d, version, request(t, newKey(t), t.Name())).Try(ctx, t)).To(harness.BeRefused(400), "with %s", version)
		}
	},
}, {
	Requirement: "DPS-X509-020",
	Title:       "a certificate request that is none, or that another key signed, is refused with 400",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := issuing(ctx, env, t, env.Service(ctx, t))
		for _, version := range env.Versions(t, chainVersions[0], pemVersion) {
			taken(ctx, t, d, version)
			good := request(t, newKey(t), d.RegistrationID)
			forged := append([]byte{}, good...)
			forged[len(forged)-1] ^= 1
			for what, der := range map[string][]byte{
				"a request with another signature": forged, "a request that is cut off": good[:len(good)/2], "text": []byte("no request"),
			} {
				t.Expect(asking(d, version, der).Try(ctx, t)).To(harness.BeRefused(400), "%s, with %s", what, version)
			}
		}
	},
}, {
	Requirement: "DPS-X509-021",
	Title:       "a certificate request is refused where the enrollment names no credentialPolicyName",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		version := env.Versions(t, chainVersions[0])[0]
		taken(ctx, t, issuing(ctx, env, t, s), version)
		d := s.SymmetricKeyDevice(ctx, t)
		accepted(ctx, t, d.With(func(id *devwire.Identity) { id.APIVersion = version }))
		t.Expect(asking(d, version, request(t, newKey(t), d.RegistrationID)).Try(ctx, t)).To(refused)
	},
}, {
	Requirement: "DPS-X509-022",
	Title:       "a certificate request as PEM is answered with a certificate as PEM for its key",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		version, key := env.Versions(t, pemVersion)[0], newKey(t)
		assigned := asking(d, version, request(t, key, d.RegistrationID)).Provision(ctx, t)
		t.Expect(assigned.Status).To(Equal(dps.StatusAssigned))
		var state struct{ IssuedClientCertificate string }
		t.Must(json.Unmarshal(registrationState(t, assigned.Raw), &state), "read the registration state")
		certificates, err := pki.ParseCertificates([]byte(state.IssuedClientCertificate))
		t.Expect(err).NotTo(HaveOccurred(), "%q", state.IssuedClientCertificate)
		t.Expect(certificates[0].PublicKey).To(Equal(key.Public()))
	},
}, {
	Requirement: "DPS-X509-023",
	Title:       "a status lookup takes no certificate request and shows no certificate",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := issuing(ctx, env, t, env.Service(ctx, t))
		version := env.Versions(t, chainVersions[0])[0]
		with := asking(d, version, request(t, newKey(t), d.RegistrationID))
		t.Given("the device is assigned and given a certificate", func() {
			t.Expect(issuedChain(t, with.Provision(ctx, t).Raw)).NotTo(BeEmpty())
		})
		// The symmetric key opens no hub any more, and the service still.
		without := d.With(func(id *devwire.Identity) { id.APIVersion = version })
		response := lookup(ctx, t, without)
		t.Expect(response.Status).To(Equal(http.StatusOK))
		doc, err := response.JSON()
		t.Answered(err, "read the state")
		t.Expect(doc).NotTo(HaveKey("issuedCertificateChain"))
		t.Expect(lookup(ctx, t, with).Status).To(Equal(http.StatusBadRequest))
	},
}, {
	Requirement: "DPS-X509-024",
	Title:       "a certificate request means nothing in an api-version that knows none",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := issuing(ctx, env, t, env.Service(ctx, t))
		csr := request(t, newKey(t), d.RegistrationID)
		both := asking(asking(d, pemVersion, csr), chainVersions[0], csr).With(func(id *devwire.Identity) {
			id.APIVersion = env.Versions(t, "2019-03-31")[0]
		})
		assigned := both.Provision(ctx, t)
		t.Expect(assigned.Status).To(Equal(dps.StatusAssigned))
		var state map[string]any
		t.Must(json.Unmarshal(registrationState(t, assigned.Raw), &state), "read the registration state")
		for _, name := range []string{"issuedCertificateChain", "issuedClientCertificate"} {
			t.Expect(state).NotTo(HaveKey(name))
		}
	},
}, {
	Requirement: "DPS-X509-025",
	Title:       "the issued certificate opens the hub",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := issuing(ctx, env, t, env.Service(ctx, t))
		version, key := env.Versions(t, chainVersions[0])[0], newKey(t)
		assigned := asking(d, version, request(t, key, d.RegistrationID)).Assigned(ctx, t)
		own := tls.Certificate{PrivateKey: key}
		for _, c := range issuedChain(t, assigned.Raw) {
			own.Certificate = append(own.Certificate, c.Raw)
		}
		by := d.With(func(id *devwire.Identity) { id.Key, id.Certificate = nil, &own })
		t.Expect(by.AtHub(t, assigned).Try(ctx, t)).To(harness.BeAccepted())
	},
}}

// issuing is a device whose enrollment lets it ask for a certificate. Only a lab takes any
// name for a policy.
func issuing(ctx context.Context, env *harness.Env, t *harness.T, s *harness.Service) *harness.Device {
	if env.Target.Foreign {
		t.Skip("needs a credential policy at the target, which this check does not make")
	}
	return s.SymmetricKeyDevice(ctx, t, harness.Members{"credentialPolicyName": "devices"})
}

// asking is the device with a certificate request in the form of the api-version.
func asking(d *harness.Device, version string, der []byte) *harness.Device {
	return d.With(func(id *devwire.Identity) {
		members := map[string]any{}
		for name, value := range id.Members {
			members[name] = value
		}
		if version == pemVersion {
			members["clientCertificateCsr"] = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
		} else {
			members["csr"] = der
		}
		id.APIVersion, id.Members = version, members
	})
}

// taken is the positive twin of a certificate request that is refused.
func taken(ctx context.Context, t *harness.T, d *harness.Device, version string) {
	t.Given("a good certificate request is answered with a certificate with "+version, func() {
		assigned := asking(d, version, request(t, newKey(t), d.RegistrationID)).Provision(ctx, t)
		t.Expect(assigned.Status).To(Equal(dps.StatusAssigned))
		t.Expect(string(assigned.Raw)).To(Or(ContainSubstring("issuedCertificateChain"), ContainSubstring("issuedClientCertificate")))
	})
}

func newKey(t *harness.T) crypto.Signer {
	key, err := pki.NewKey(pki.Options{})
	t.Must(err, "make a key")
	return key
}

// request is a certificate request in DER.
func request(t *harness.T, key crypto.Signer, commonName string) []byte {
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: commonName}}, key)
	t.Must(err, "make a certificate request")
	return der
}

func registrationState(t *harness.T, raw []byte) json.RawMessage {
	var doc struct{ RegistrationState json.RawMessage }
	t.Must(json.Unmarshal(raw, &doc), "read the answer")
	return doc.RegistrationState
}

// issuedChain is the chain in the state of an assigned device.
func issuedChain(t *harness.T, raw []byte) []*x509.Certificate {
	var state struct{ IssuedCertificateChain [][]byte }
	err := json.Unmarshal(registrationState(t, raw), &state)
	t.Answered(err, "read the issued chain")
	var chain []*x509.Certificate
	for _, der := range state.IssuedCertificateChain {
		c, err := x509.ParseCertificate(der)
		t.Answered(err, "read a certificate of the issued chain")
		chain = append(chain, c)
	}
	t.Expect(chain).NotTo(BeEmpty(), "issuedCertificateChain")
	return chain
}

// lookup asks for the state of the device over HTTPS.
func lookup(ctx context.Context, t *harness.T, d *harness.Device) devwire.HTTPResponse {
	body, err := d.Registration(nil)
	t.Must(err, "write the lookup")
	return d.Do(ctx, t, devwire.HTTPRequest{Method: http.MethodPost, Path: devwire.LookupPath(d.Identity), Body: body})
}
