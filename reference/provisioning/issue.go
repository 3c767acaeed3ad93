package provisioning

import (
	"context"
	"crypto/x509"
	"time"

	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/apiversion"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/problem"
)

// Issuer signs certificates for devices (device-api.md 7). The chain that it returns
// begins with the leaf and ends with the root.
type Issuer interface {
	Issue(csr *x509.CertificateRequest, commonName string, now time.Time) ([]*x509.Certificate, error)
}

// Issuing is passed by every chain that was issued, before the hub learns of it.
var Issuing = point.Define[Issuance]("provisioning.issuing")

// Issuance is a chain on its way to a device; the hub is told of Leaf.
type Issuance struct {
	Chain []*x509.Certificate
	Leaf  *x509.Certificate
}

// mayAskForCertificate refuses a request for a certificate where the enrollment names no
// policy for it. The older form knew no policies. Inferred.
func (s *Service) mayAskForCertificate(a Attested) error { // [DPS-X509-021]
	if a.CSR == nil || apiversion.Issuance(a.APIVersion) != apiversion.IssuanceChain || a.Enrollment.CredentialPolicy != "" {
		return nil
	}
	return problem.InvalidArgument("The enrollment names no credentialPolicyName; no certificate is issued.")
}

// issue signs the device's request. The device proves itself to its hub by what it is
// given, whatever it proved itself by here.
func (s *Service) issue(ctx context.Context, a Attested, id *Identity) ([][]byte, error) {
	if s.o.Issuer == nil {
		return nil, problem.InvalidArgument("The service issues no certificates.")
	}
	chain, err := s.o.Issuer.Issue(a.CSR, a.RegistrationID, s.Now())
	if err != nil {
		return nil, err
	}
	i := Issuance{Chain: chain, Leaf: chain[0]}
	Issuing.Hit(ctx, s.o.Points, a.At, &i)
	id.PrimaryKey, id.SecondaryKey, id.SecondaryThumbprint = nil, nil, ""
	id.PrimaryThumbprint = enrollment.NewCertificate(i.Leaf).SHA256
	der := make([][]byte, len(i.Chain))
	for n, c := range i.Chain {
		der[n] = c.Raw
	}
	return der, nil
}
