package provisioning

import (
	"context"
	"crypto/x509"
	"time"

	"github.com/google/uuid"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/apiversion"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/problem"
	"github.com/dpslab/dpslab/reference/registration"
)

// Issuer signs certificates for devices (device-api.md 7). The chain that it returns
// begins with the leaf and ends with the root.
type Issuer interface {
	Issue(csr *x509.CertificateRequest, commonName string, now time.Time) ([]*x509.Certificate, error)
	// IssueServer signs a request as it stands, for a device that is a server to others.
	IssueServer(csr *x509.CertificateRequest, now time.Time) ([]*x509.Certificate, error)
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
	return encoded(i.Chain), nil
}

func encoded(chain []*x509.Certificate) [][]byte {
	der := make([][]byte, len(chain))
	for n, c := range chain {
		der[n] = c.Raw
	}
	return der
}

// IssueServer signs a request of a device that is assigned. The operation that it returns
// is over; its id names the certificate too, and no registration (device-api.md 7).
func (s *Service) IssueServer(ctx context.Context, a Attested, csr *x509.CertificateRequest) (registration.Operation, error) {
	record, err := s.Lookup(ctx, a)
	if err == nil && record.Status != dps.StatusAssigned {
		err = problem.RegistrationNotFound()
	}
	if err == nil && s.o.Issuer == nil {
		err = problem.InvalidArgument("The service issues no certificates.")
	}
	if err != nil {
		return registration.Operation{}, err
	}
	now := s.Now()
	chain, err := s.o.Issuer.IssueServer(csr, now)
	if err != nil {
		return registration.Operation{}, err
	}
	i := Issuance{Chain: chain, Leaf: chain[0]}
	Issuing.Hit(ctx, s.o.Points, a.At, &i)
	op := registration.Operation{ID: uuid.NewString(), RegistrationID: a.RegistrationID, Record: registration.Record{
		RegistrationID: a.RegistrationID, Status: dps.StatusAssigned, Issued: encoded(i.Chain), Created: now, Updated: now,
	}}
	return op, s.o.Registrations.PutOperation(ctx, op, now.Add(operationLifetime))
}

// ServerIssue is the operation of an issue call of the device's own. Those of registrations
// have ids of another shape.
func (s *Service) ServerIssue(ctx context.Context, a Attested, id string) (registration.Operation, error) {
	if uuid.Validate(id) != nil {
		return registration.Operation{}, problem.OperationNotFound()
	}
	return s.operation(ctx, a, id)
}
