package deviceapi

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"

	"github.com/dpslab/dpslab/reference/apiversion"
	"github.com/dpslab/dpslab/reference/problem"
	"github.com/dpslab/dpslab/reference/provisioning"
)

// CSR reads the certificate request in a register body: nil where the body has none, or
// where the api-version knows none (device-api.md 7). What names another device, or does
// not prove that its sender has the key, is refused.
func CSR(r Request) (*x509.CertificateRequest, error) {
	der, err := requested(r)
	if der == nil || err != nil {
		return nil, err
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil || csr.CheckSignature() != nil { // [DPS-X509-020]
		return nil, problem.InvalidArgument("The certificate request is not valid.")
	}
	if !provisioning.SameRegistration(csr.Subject.CommonName, r.RegistrationID) { // [DPS-X509-019]
		return nil, problem.InvalidArgument("The certificate request is for %q, not for %q.", csr.Subject.CommonName, r.RegistrationID)
	}
	return csr, nil
}

// requested is the request in DER: base64 in the newer form, PEM text in the older.
func requested(r Request) ([]byte, error) {
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
