package httpsfront

import (
	"context"
	"net/http"

	"github.com/dpslab/dpslab/reference/deviceapi"
	"github.com/dpslab/dpslab/reference/httpapi"
	"github.com/dpslab/dpslab/reference/registration"
)

// serve answers the calls by which a device gets a certificate for a server of its own: it
// asks for one, polls, and fetches it (device-api.md 7). They issue at once, and say running
// first all the same, as the call that asks has to.
func (f *Front) serve(ctx context.Context, c *call, request deviceapi.Request) (*Reply, error) {
	attested, err := c.service.Attest(ctx, c.claim)
	if err != nil {
		return nil, err
	}
	var op registration.Operation
	if c.route.step == stepIssue {
		csr, wrong := deviceapi.ServerCSR(ctx, c.service, c.at, request) // [DPS-X509-029]
		if wrong != nil {
			return nil, wrong
		}
		op, err = c.service.IssueServer(ctx, attested, csr)
	} else { // [DPS-X509-030]
		op, err = c.service.ServerIssue(ctx, attested, c.route.operationID)
	}
	if err != nil {
		return nil, err
	}
	reply := &Reply{Status: http.StatusOK, Header: http.Header{}}
	switch c.route.step {
	case stepIssue: // [DPS-X509-026]
		reply.Status = http.StatusAccepted
		httpapi.SetRetryAfter(reply.Header, c.service.RetryAfter())
		reply.Header.Set("Location", c.route.deviceURL("operations", op.ID))
		reply.Body, err = deviceapi.EncodeIssuing(op, "")
	case stepIssuing: // [DPS-X509-027]
		reply.Body, err = deviceapi.EncodeIssuing(op, c.route.deviceURL("certificates", op.ID))
	default: // [DPS-X509-028]
		reply.Body, err = deviceapi.EncodeCertificate(op)
	}
	return reply, err
}
