package serviceapi

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"

	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/problem"
)

// decodeX509 takes exactly one of the three forms.
func decodeX509(doc *x509Doc, had enrollment.X509) (enrollment.X509, error) {
	if doc == nil {
		return enrollment.X509{}, problem.InvalidArgument("TPM or X509 attestation is required.")
	}
	var given []enrollment.X509Form
	var slots *certificatesDoc
	if doc.ClientCertificates != nil {
		given, slots = append(given, enrollment.ClientCertificates), doc.ClientCertificates
	}
	if doc.SigningCertificates != nil {
		given, slots = append(given, enrollment.SigningCertificates), doc.SigningCertificates
	}
	if doc.CAReferences != nil {
		given = append(given, enrollment.CAReferences)
	}
	if len(given) != 1 {
		return enrollment.X509{}, problem.InvalidArgument("x509 takes exactly one of clientCertificates, signingCertificates and caReferences.")
	}
	x := enrollment.X509{Form: given[0]}
	if x.Form == enrollment.CAReferences {
		x.PrimaryReference, x.SecondaryReference = doc.CAReferences.Primary, doc.CAReferences.Secondary
		return x, nil
	}
	var err error
	if x.Primary, err = decodeSlot(slots.Primary, had); err != nil {
		return x, err
	}
	x.Secondary, err = decodeSlot(slots.Secondary, had)
	return x, err
}

// decodeSlot reads a certificate; a slot that only holds info means the stored
// certificate with that thumbprint (service-api.md 2.3).
func decodeSlot(doc *certificateDoc, had enrollment.X509) (*enrollment.Certificate, error) {
	switch {
	case doc == nil:
		return nil, nil
	case doc.Certificate != "":
		return parseCertificate(doc.Certificate)
	case doc.Info == nil:
		return nil, problem.InvalidArgument("TPM or X509 attestation is required.")
	}
	for _, c := range had.Certificates() {
		if strings.EqualFold(c.SHA256, doc.Info.SHA256Thumbprint) {
			return c, nil
		}
	}
	return nil, problem.InvalidArgument("No stored certificate has the sha256Thumbprint %q.", doc.Info.SHA256Thumbprint)
}

// parseCertificate takes PEM text, base64 of PEM text, or base64 of DER.
func parseCertificate(text string) (*enrollment.Certificate, error) {
	der := []byte(text)
	if decoded, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), "")); err == nil {
		der = decoded
	}
	if block, _ := pem.Decode(der); block != nil {
		der = block.Bytes
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, problem.InvalidArgument("The certificate is neither PEM, base64 of PEM, nor base64 of DER.")
	}
	return enrollment.NewCertificate(c), nil
}
