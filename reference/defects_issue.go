package reference

import (
	"bytes"
	"encoding/pem"
	"net/http"
	"slices"

	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/apiversion"
	"github.com/dpslab/dpslab/reference/deviceapi"
	"github.com/dpslab/dpslab/reference/deviceapi/httpsfront"
	"github.com/dpslab/dpslab/reference/problem"
	"github.com/dpslab/dpslab/reference/provisioning"
)

// onRequesting changes the judgement on a certificate request.
func onRequesting(change func(*deviceapi.CertificateRequest)) func(point.Args) ([]point.Plan, error) {
	return point.Always(deviceapi.Requesting.Plan(func(_ point.Call, r *deviceapi.CertificateRequest) { change(r) }))
}

// onIssuing changes what was issued.
func onIssuing(change func(*provisioning.Issuance)) func(point.Args) ([]point.Plan, error) {
	return point.Always(provisioning.Issuing.Plan(func(_ point.Call, i *provisioning.Issuance) { change(i) }))
}

// issueDefects are about certificates that devices ask for.
var issueDefects = point.Catalogue{{
	ID: "csr-ignored", Summary: "assigns devices that asked for a certificate without one",
	Catches: []string{"DPS-X509-018", "DPS-X509-022", "DPS-X509-025"},
	Build: everyAnswer(func(d object) {
		if s := d.state(); s != nil {
			delete(s, "issuedCertificateChain")
			delete(s, "issuedClientCertificate")
		}
	}),
}, {
	ID: "csr-root-first", Summary: "sends the issued chain with the root first",
	Catches: []string{"DPS-X509-018"},
	Build:   onIssuing(func(i *provisioning.Issuance) { i.Chain = slices.Clone(i.Chain); slices.Reverse(i.Chain) }),
}, {
	ID: "csr-leaf-alone", Summary: "sends an issued certificate without its chain",
	Catches: []string{"DPS-X509-018"},
	Build:   onIssuing(func(i *provisioning.Issuance) { i.Chain = i.Chain[:1] }),
}, {
	ID: "csr-for-anybody", Summary: "signs certificate requests for another device",
	Catches: []string{"DPS-X509-019"},
	Build: onRequesting(func(r *deviceapi.CertificateRequest) {
		if r.CSR != nil && !r.Request.Lookup && r.CSR.CheckSignature() == nil {
			r.Problem = nil
		}
	}),
}, {
	ID: "csr-signature-unchecked", Summary: "signs certificate requests that their own key did not sign",
	Catches: []string{"DPS-X509-020"},
	Build: onRequesting(func(r *deviceapi.CertificateRequest) {
		if r.CSR != nil && r.CSR.CheckSignature() != nil {
			r.Problem = nil
		}
	}),
}, {
	ID: "csr-that-is-none-ignored", Summary: "registers devices whose certificate request is none",
	Catches: []string{"DPS-X509-020"},
	Build: onRequesting(func(r *deviceapi.CertificateRequest) {
		if r.CSR == nil {
			r.Problem = nil
		}
	}),
}, {
	ID: "csr-without-policy", Summary: "issues certificates where the enrollment names no policy",
	Catches: []string{"DPS-X509-021"},
	Build: point.Always(provisioning.Deciding.Plan(func(_ point.Call, c *provisioning.Candidate) {
		c.Enrollment.CredentialPolicy = "any"
	})),
}, {
	ID: "csr-pem-as-der", Summary: "sends an issued certificate as base64 where PEM belongs",
	Catches: []string{"DPS-X509-022"},
	Build: everyAnswer(func(d object) {
		s := d.state()
		if text, ok := s["issuedClientCertificate"].(string); ok {
			block, _ := pem.Decode([]byte(text))
			s["issuedClientCertificate"] = block.Bytes
		}
	}),
}, {
	ID: "csr-in-lookup", Summary: "takes certificate requests in a status lookup",
	Catches: []string{"DPS-X509-023"},
	Build: onRequesting(func(r *deviceapi.CertificateRequest) {
		if r.Request.Lookup {
			r.Problem = nil
		}
	}),
}, {
	ID: "issued-chain-in-lookup", Summary: "shows an issued chain in a status lookup",
	Catches: []string{"DPS-X509-023"},
	Build: onHTTPS("lookup", func(r *httpsfront.Reply) {
		if r.Status == http.StatusOK {
			r.Body = edit(r.Body, func(d object) { d["issuedCertificateChain"] = []string{} })
		}
	}),
}, {
	ID: "csr-refused-in-older-versions", Summary: "refuses certificate requests in api-versions that know none",
	Catches: []string{"DPS-X509-024"},
	Build: point.Always(deviceapi.Decoded.Plan(func(_ point.Call, d *deviceapi.Decoding) {
		if apiversion.Issuance(d.Request.APIVersion) == apiversion.NoIssuance && bytes.Contains(d.Request.Body, []byte(`"csr"`)) {
			d.Problem = problem.InvalidArgument("The member csr is not known.")
		}
	})),
}, {
	ID: "issued-in-every-version", Summary: "answers in every api-version with an issued chain",
	Catches: []string{"DPS-X509-024"},
	Build: everyAnswer(func(d object) {
		if s := d.state(); s != nil {
			s["issuedCertificateChain"] = []string{}
		}
	}),
}, {
	ID: "issued-certificate-not-at-hub", Summary: "tells the hub of another certificate than the issued one",
	Catches: []string{"DPS-X509-025"},
	Build:   onIssuing(func(i *provisioning.Issuance) { i.Leaf = i.Chain[len(i.Chain)-1] }),
}, {
	ID: "server-csr-200", Summary: "answers a request for a server certificate with 200",
	Catches: []string{"DPS-X509-026"},
	Build: onHTTPS("issue", func(r *httpsfront.Reply) {
		if r.Status == http.StatusAccepted {
			r.Status = http.StatusOK
		}
	}),
}, {
	ID: "server-csr-no-location", Summary: "answers a request for a server certificate without Location",
	Catches: []string{"DPS-X509-026"},
	Build:   onHTTPS("issue", func(r *httpsfront.Reply) { r.Header.Del("Location") }),
}, {
	ID: "server-certificate-nowhere", Summary: "does not say where a server certificate is",
	Catches: []string{"DPS-X509-027"},
	Build: onHTTPS("issuing", func(r *httpsfront.Reply) {
		r.Body = edit(r.Body, func(d object) { delete(d, "resourceLocation") })
	}),
}, {
	ID: "server-certificate-without-chain", Summary: "sends a server certificate without its issuers",
	Catches: []string{"DPS-X509-028"},
	Build: onHTTPS("certificate", func(r *httpsfront.Reply) {
		r.Body = edit(r.Body, func(d object) { delete(d, "certificateChain") })
	}),
}, {
	ID: "server-csr-unchecked", Summary: "signs any request for a server certificate",
	Catches: []string{"DPS-X509-029"},
	Build: onRequesting(func(r *deviceapi.CertificateRequest) {
		if r.CSR != nil && bytes.Contains(r.Request.Body, []byte("certificateType")) {
			r.Problem = nil
		}
	}),
}, {
	ID: "server-certificate-of-others", Summary: "shows server certificates to every device",
	Catches: []string{"DPS-X509-030"},
	Build:   point.Always(provisioning.Polled.Plan(func(_ point.Call, p *provisioning.Poll) { p.Own = true })),
}, {
	ID: "server-certificate-in-every-version", Summary: "knows requests for server certificates in every api-version",
	Catches: []string{"DPS-X509-031"},
	Build: onHTTPS("issue", func(r *httpsfront.Reply) {
		if r.Status == http.StatusNotFound {
			refuse(r, http.StatusBadRequest)
		}
	}),
}, {
	ID: "connection-profile-always", Summary: "sends connectionProfile in every api-version",
	Catches: []string{"DPS-X509-032"},
	Build: everyAnswer(func(d object) {
		if s := d.state(); s != nil {
			s["connectionProfile"] = "classic"
		}
	}),
}}
