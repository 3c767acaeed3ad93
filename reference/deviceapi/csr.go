package deviceapi

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"

	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/apiversion"
	"github.com/dpslab/dpslab/reference/problem"
	"github.com/dpslab/dpslab/reference/provisioning"
)

// Requesting is passed when a certificate request was judged, before the judgement counts.
var Requesting = point.Define[CertificateRequest]("deviceapi.requesting")

// CertificateRequest is what a body asks to have signed, nil where that is none, and what
// is wrong with it; nil lets it through.
type CertificateRequest struct {
	Request Request
	CSR     *x509.CertificateRequest
	Problem *problem.Error
}

// CSR reads the certificate request in a register body: nil where the body has none, or
// where the api-version knows none (device-api.md 7). What names another device, or does
// not prove that its sender has the key, is refused.
func CSR(ctx context.Context, s *provisioning.Service, at point.At, r Request) (*x509.CertificateRequest, error) {
	der, wrong := requested(r)
	if der == nil && wrong == nil {
		return nil, nil
	}
	c := CertificateRequest{Request: r, Problem: wrong}
	if wrong == nil {
		c.CSR, c.Problem = judgeCSR(der, r)
	}
	Requesting.Hit(ctx, s.Points(), at, &c)
	if c.Problem != nil {
		return nil, c.Problem
	}
	return c.CSR, nil
}

func judgeCSR(der []byte, r Request) (*x509.CertificateRequest, *problem.Error) {
	csr, err := x509.ParseCertificateRequest(der)
	switch {
	case err != nil: // [DPS-X509-020]
		return nil, problem.InvalidArgument("The certificate request is not valid.")
	case csr.CheckSignature() != nil: // [DPS-X509-020]
		return csr, problem.InvalidArgument("The certificate request is not signed by its own key.")
	case r.Lookup: // [DPS-X509-023]
		return csr, problem.InvalidArgument("A status lookup takes no certificate request.")
	case !provisioning.SameRegistration(csr.Subject.CommonName, r.RegistrationID): // [DPS-X509-019]
		return csr, problem.InvalidArgument("The certificate request is for %q, not for %q.", csr.Subject.CommonName, r.RegistrationID)
	}
	return csr, nil
}

// requested is the request in DER: base64 in the newer form, PEM text in the older.
func requested(r Request) ([]byte, *problem.Error) {
	form := apiversion.Issuance(r.APIVersion)
	if form == apiversion.NoIssuance || len(bytes.TrimSpace(r.Body)) == 0 {
		return nil, nil
	}
	var doc struct {
		CSR  []byte `json:"csr"`
		Text string `json:"clientCertificateCsr"`
	}
	if err := json.Unmarshal(r.Body, &doc); err != nil {
		return nil, problem.InvalidArgument("The certificate request is not text in base64 or PEM.")
	}
	if form == apiversion.IssuanceChain {
		return doc.CSR, nil
	}
	if doc.Text == "" {
		return nil, nil
	}
	block, _ := pem.Decode([]byte(doc.Text))
	if block == nil || block.Type != "CERTIFICATE REQUEST" {
		return nil, problem.InvalidArgument("clientCertificateCsr is not a certificate request in PEM.")
	}
	return block.Bytes, nil
}
