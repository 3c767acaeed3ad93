package x509

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/url"
	"strings"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// serverChecks are about certificates for servers, which a device that is assigned asks for
// in one preview (docs/protocol/device-api.md 7).
var serverChecks = []harness.Check{{
	Requirement: "DPS-X509-026",
	Title:       "a request for a server certificate is answered with an operation",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := server(ctx, env, t)
		response := ask(ctx, t, d, "serverCertificate", request(t, newKey(t), "gateway"))
		t.Expect(response.Status).To(Equal(http.StatusAccepted))
		t.Expect(response.Header.Get("Retry-After")).To(MatchRegexp(`^[0-9]+$`))
		t.Expect(response.Header.Get("Location")).To(HaveSuffix("/devices/" + d.RegistrationID + "/operations/" + operationID(t, response)))
	},
}, {
	Requirement: "DPS-X509-027",
	Title:       "the poll of the operation ends with the location of the certificate",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := server(ctx, env, t)
		id := asked(ctx, t, d, newKey(t))
		response := settled(ctx, t, d, id)
		t.Expect(response.Status).To(Equal(http.StatusOK))
		doc, err := response.JSON()
		t.Answered(err, "read the operation")
		t.Expect(doc).To(HaveKeyWithValue("operationId", id))
		t.Expect(doc).To(HaveKeyWithValue("resourceLocation", ContainSubstring("/devices/"+d.RegistrationID+"/certificates/")))
	},
}, {
	Requirement: "DPS-X509-028",
	Title:       "the certificate is for the requested key and leads to its root",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d, key := server(ctx, env, t), newKey(t)
		response := fetch(ctx, t, d, certificateID(ctx, t, d, asked(ctx, t, d, key)))
		t.Expect(response.Status).To(Equal(http.StatusOK))
		var doc struct {
			IssuedCertificate string
			CertificateChain  []string
		}
		t.Answered(json.Unmarshal(response.Body, &doc), "read the certificate")
		var chain []*x509.Certificate
		for _, text := range append([]string{doc.IssuedCertificate}, doc.CertificateChain...) {
			one, err := pki.ParseCertificates([]byte(text))
			t.Expect(err).NotTo(HaveOccurred(), "%q", text)
			t.Expect(one).To(HaveLen(1), "%q", text)
			chain = append(chain, one[0])
		}
		t.Expect(chain[0].PublicKey).To(Equal(key.Public()))
		t.Expect(len(chain)).To(BeNumerically(">=", 2), "the certificate and its issuers")
		for i, c := range chain {
			t.Expect(c.CheckSignatureFrom(chain[min(i+1, len(chain)-1)])).To(Succeed(), "certificate %d", i)
		}
	},
}, {
	Requirement: "DPS-X509-029",
	Title:       "a request for a server certificate that is none is refused with 400",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := server(ctx, env, t)
		good := request(t, newKey(t), "gateway")
		t.Given("a good request is taken", func() {
			t.Expect(ask(ctx, t, d, "serverCertificate", good).Status).To(Equal(http.StatusAccepted))
		})
		forged := append([]byte{}, good...)
		forged[len(forged)-1] ^= 1
		for _, c := range []struct {
			what, kind string
			der        []byte
		}{
			{"another signature", "serverCertificate", forged}, {"cut off", "serverCertificate", good[:len(good)/2]},
			{"of no type", "none", good}, {"of an unknown type", "clientCertificate", good},
		} {
			t.Expect(ask(ctx, t, d, c.kind, c.der).Status).To(Equal(http.StatusBadRequest), c.what)
		}
	},
}, {
	Requirement: "DPS-X509-030",
	Title:       "another device finds neither the operation nor the certificate",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := server(ctx, env, t)
		id := asked(ctx, t, d, newKey(t))
		certificate := certificateID(ctx, t, d, id)
		other := versioned(env, t, d.Service.SymmetricKeyDevice(ctx, t))
		other.Assigned(ctx, t)
		t.Expect(settled(ctx, t, other, id).Status).To(Equal(http.StatusNotFound))
		t.Expect(fetch(ctx, t, other, certificate).Status).To(Equal(http.StatusNotFound))
	},
}, {
	Requirement: "DPS-X509-031",
	Title:       "another api-version knows no server certificates",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := server(ctx, env, t)
		good := request(t, newKey(t), "gateway")
		t.Given("the request is taken in the one api-version", func() {
			t.Expect(ask(ctx, t, d, "serverCertificate", good).Status).To(Equal(http.StatusAccepted))
		})
		for _, version := range env.Versions(t, "2019-03-31", "2021-10-01", "2025-07-01-preview") {
			of := d.With(func(id *devwire.Identity) { id.APIVersion = version })
			t.Expect(ask(ctx, t, of, "serverCertificate", good).Status).To(Equal(http.StatusNotFound), version)
		}
	},
}, {
	Requirement: "DPS-X509-032",
	Title:       "connectionProfile is left out or text, and left out before 2026-11-02-preview",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, version := range env.Versions(t, "2019-03-31", "2025-07-01-preview", "2026-11-02-preview") {
			d := s.SymmetricKeyDevice(ctx, t).With(func(id *devwire.Identity) { id.APIVersion = version })
			var state map[string]any
			t.Must(json.Unmarshal(registrationState(t, d.Assigned(ctx, t).Raw), &state), "read the registration state")
			profile, given := state["connectionProfile"]
			if version < "2026" {
				t.Expect(given).To(BeFalse(), "connectionProfile in %s", version)
			} else if given {
				t.Expect(profile).To(And(BeAssignableToTypeOf(""), Not(BeEmpty())), "connectionProfile in %s", version)
			}
		}
	},
}}

// server is a device that is assigned and speaks the one api-version.
func server(ctx context.Context, env *harness.Env, t *harness.T) *harness.Device {
	d := versioned(env, t, env.Service(ctx, t).SymmetricKeyDevice(ctx, t))
	d.Assigned(ctx, t)
	return d
}

func versioned(env *harness.Env, t *harness.T, d *harness.Device) *harness.Device {
	version := env.Versions(t, pemVersion)[0]
	return d.With(func(id *devwire.Identity) { id.APIVersion = version })
}

func devicePath(d *harness.Device, rest string) string {
	return "/" + url.PathEscape(d.Scope) + "/devices/" + url.PathEscape(d.RegistrationID) + "/" + rest + "?api-version=" + d.APIVersion
}

// ask asks for a certificate of that type.
func ask(ctx context.Context, t *harness.T, d *harness.Device, kind string, der []byte) devwire.HTTPResponse {
	body, err := json.Marshal(map[string]string{
		"certificateType": kind, "csr": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})),
	})
	t.Must(err, "write the request")
	return d.Do(ctx, t, devwire.HTTPRequest{Method: http.MethodPost, Path: devicePath(d, "certificates/issue"), Body: body})
}

// asked asks for a certificate on the way to something else and returns the operation.
func asked(ctx context.Context, t *harness.T, d *harness.Device, key crypto.Signer) (id string) {
	t.Given("a server certificate is under way", func() {
		id = operationID(t, ask(ctx, t, d, "serverCertificate", request(t, key, "gateway")))
	})
	return id
}

func operationID(t *harness.T, r devwire.HTTPResponse) string {
	doc, err := r.JSON()
	t.Answered(err, "read the operation")
	t.Expect(doc).To(HaveKeyWithValue("operationId", And(BeAssignableToTypeOf(""), Not(BeEmpty()))))
	return doc["operationId"].(string)
}

// settled polls until the operation runs no more.
func settled(ctx context.Context, t *harness.T, d *harness.Device, id string) (response devwire.HTTPResponse) {
	t.Eventually(ctx, func() int {
		response = d.Do(ctx, t, devwire.HTTPRequest{Method: http.MethodGet, Path: devicePath(d, "operations/"+id)})
		return response.Status
	}).ShouldNot(Equal(http.StatusAccepted))
	return response
}

// certificateID is the id of the certificate, which ends its location.
func certificateID(ctx context.Context, t *harness.T, d *harness.Device, id string) (certificate string) {
	t.Given("the certificate is issued", func() {
		doc, err := settled(ctx, t, d, id).JSON()
		t.Answered(err, "read the operation")
		where, _ := doc["resourceLocation"].(string)
		t.Expect(where).To(ContainSubstring("/certificates/"))
		certificate = where[strings.LastIndex(where, "/")+1:]
	})
	return certificate
}

func fetch(ctx context.Context, t *harness.T, d *harness.Device, id string) devwire.HTTPResponse {
	return d.Do(ctx, t, devwire.HTTPRequest{Method: http.MethodGet, Path: devicePath(d, "certificates/"+id)})
}
