package deviceapi

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"

	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/apiversion"
	"github.com/dpslab/dpslab/reference/document"
	"github.com/dpslab/dpslab/reference/problem"
	"github.com/dpslab/dpslab/reference/provisioning"
	"github.com/dpslab/dpslab/reference/registration"
)

// ServerCertificates reports whether the api-version lets devices ask for certificates that
// are not for their hub (device-api.md 7).
func ServerCertificates(version string) bool {
	return apiversion.Issuance(version) == apiversion.IssuancePEM
}

// ServerCSR reads the certificate request in the body of an issue call. Whom it names is
// the device's business: it is a certificate for a server.
func ServerCSR(ctx context.Context, s *provisioning.Service, at point.At, r Request) (*x509.CertificateRequest, error) {
	c := CertificateRequest{Request: r}
	c.CSR, c.Problem = judgeServerCSR(r.Body)
	Requesting.Hit(ctx, s.Points(), at, &c)
	if c.Problem != nil {
		return nil, c.Problem
	}
	return c.CSR, nil
}

func judgeServerCSR(body []byte) (*x509.CertificateRequest, *problem.Error) {
	var doc struct {
		CertificateType string `json:"certificateType"`
		CSR             string `json:"csr"`
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return nil, problem.InvalidArgument("The request body is not a JSON object with valid members.")
	}
	block, _ := pem.Decode([]byte(doc.CSR))
	if block == nil || block.Type != "CERTIFICATE REQUEST" {
		return nil, problem.InvalidArgument("csr is not a certificate request in PEM.")
	}
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	switch {
	case err != nil:
		return nil, problem.InvalidArgument("The certificate request is not valid.")
	case csr.CheckSignature() != nil:
		return csr, problem.InvalidArgument("The certificate request is not signed by its own key.")
	case doc.CertificateType != "serverCertificate":
		return csr, problem.InvalidArgument("certificateType is %q; serverCertificate is issued.", doc.CertificateType)
	}
	return csr, nil
}

// deviceOperation is DeviceOperationStatusResponse.
type deviceOperation struct {
	OperationID string `json:"operationId"`
	Status      string `json:"status"`
	Created     string `json:"createdDateTimeUtc"`
	LastAction  string `json:"lastActionDateTimeUtc"`
	Resource    string `json:"resourceLocation,omitempty"`
}

// EncodeIssuing renders an issue call's operation, which is over where there is a resource.
func EncodeIssuing(op registration.Operation, resource string) ([]byte, error) {
	status := "running"
	if resource != "" {
		status = "succeeded"
	}
	return json.Marshal(deviceOperation{
		op.ID, status, document.Timestamp(op.Record.Created), document.Timestamp(op.Record.Updated), resource,
	})
}

// EncodeCertificate renders an issued certificate and its issuers, each in PEM.
func EncodeCertificate(op registration.Operation) ([]byte, error) {
	var texts []string
	for _, der := range op.Record.Issued {
		texts = append(texts, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	}
	return json.Marshal(struct {
		Certificate string   `json:"issuedCertificate"`
		Chain       []string `json:"certificateChain"`
	}{texts[0], texts[1:]})
}
