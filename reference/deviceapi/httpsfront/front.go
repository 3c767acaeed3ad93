package httpsfront

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"

	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/deviceapi"
	"github.com/dpslab/dpslab/reference/document"
	"github.com/dpslab/dpslab/reference/httpapi"
	"github.com/dpslab/dpslab/reference/problem"
	"github.com/dpslab/dpslab/reference/provisioning"
	"github.com/dpslab/dpslab/reference/registration"
)

// Replying is passed before an answer is written.
var Replying = point.Define[Reply]("httpsfront.replying")

// Reply is an answer on its way out, and the request that it answers.
type Reply struct {
	Request *http.Request
	Status  int
	Header  http.Header
	Body    []byte
	Chunked bool // a plan may leave out Content-Length
}

// Front answers devices over HTTPS.
type Front struct {
	// Home is the service whose host this is. It answers what names no service.
	Home *provisioning.Service
	// Service finds the service with that id scope, among those that the host serves.
	Service func(scope string) (*provisioning.Service, bool)
	Logger  *slog.Logger
}

// call is one request on its way through the front.
type call struct {
	service  *provisioning.Service
	route    route
	at       point.At
	claim    provisioning.Claim
	tracking string
}

func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{service: f.Home, tracking: document.NewTrackingID()}
	c.at = frontdoor.FromContext(r.Context()).At("")
	reply, err := f.answer(r, c)
	if err != nil {
		reply = f.refuse(r.Context(), c, err)
	}
	f.write(w, r, c, reply)
}

func (f *Front) answer(r *http.Request, c *call) (*Reply, error) {
	var err error
	if c.route, err = parseRoute(r); err != nil {
		return nil, err
	}
	service, ok := f.Service(c.route.scope)
	if !ok { // [DPS-HTTPS-024]
		return nil, problem.ScopeNotFound()
	}
	c.service = service
	c.at.Service, c.at.Registration, c.at.Step = c.service.Name(), c.route.registrationID, c.route.step
	conn := frontdoor.FromContext(r.Context())
	conn.Transcript().Registration(c.route.registrationID)
	request, err := read(r, c.route)
	if err != nil {
		return nil, err
	}
	if err := deviceapi.Check(r.Context(), c.service, c.at, request); err != nil {
		return nil, err
	}
	if c.route.ofServers() && !deviceapi.ServerCertificates(request.APIVersion) { // [DPS-X509-031]
		return nil, problem.ResourceNotFound()
	}
	c.claim = provisioning.Claim{
		RegistrationID: c.route.registrationID, APIVersion: request.APIVersion, Token: r.Header.Get("Authorization"),
		Chain: conn.PeerCertificates(), Client: conn.ClientIP(), PresentedAt: c.service.Now(), At: c.at,
	}
	if c.claim.TPM, err = deviceapi.TPMKeys(request.Body); err != nil {
		return nil, err
	}
	if c.route.ofServers() {
		return f.serve(r.Context(), c, request)
	}
	if c.claim.CSR, err = deviceapi.CSR(r.Context(), c.service, c.at, request); err != nil {
		return nil, err
	}
	c.claim.Payload = deviceapi.Payload(request.Body)
	attested, err := c.service.Attest(r.Context(), c.claim)
	if challenge := (*provisioning.Challenge)(nil); errors.As(err, &challenge) {
		body, err := deviceapi.EncodeChallenge(challenge)
		return &Reply{Status: http.StatusUnauthorized, Header: http.Header{}, Body: body}, err // [DPS-TPM-001]
	}
	if err != nil {
		return nil, err
	}
	switch c.route.step {
	case stepRegister:
		op, err := c.service.Register(r.Context(), attested)
		return operationReply(c, op, err)
	case stepPoll:
		op, err := c.service.Operation(r.Context(), attested, c.route.operationID)
		return operationReply(c, op, err)
	}
	record, err := c.service.Lookup(r.Context(), attested)
	if err != nil {
		return nil, err
	}
	body, err := deviceapi.EncodeRecord(record)
	return &Reply{Status: http.StatusOK, Header: http.Header{}, Body: body}, err
}

// read takes the body of a register call or lookup. A poll's body is never looked at: one
// SDK sends {} with its GET.
func read(r *http.Request, to route) (deviceapi.Request, error) {
	request := deviceapi.Request{
		RegistrationID: to.registrationID, APIVersion: r.URL.Query().Get("api-version"), Lookup: to.step == stepLookup,
	}
	if to.step == stepPoll || to.step == stepIssuing || to.step == stepCertificate {
		return request, nil
	}
	if ct := r.Header.Get("Content-Type"); ct != "" && !httpapi.IsJSON(ct) { // [DPS-HTTPS-032]
		return request, problem.UnsupportedMediaType()
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, deviceapi.MaxMessage+1))
	if err != nil {
		return request, problem.InvalidArgument("The request body could not be read.")
	}
	request.Body, request.TooLarge = body, len(body) > deviceapi.MaxMessage
	return request, nil
}

func operationReply(c *call, op registration.Operation, err error) (*Reply, error) {
	if err != nil {
		return nil, err
	}
	body, err := deviceapi.EncodeOperation(op, c.claim.APIVersion)
	reply := &Reply{Status: http.StatusOK, Header: http.Header{}, Body: body}
	if !op.Record.Status.Terminal() { // [DPS-HTTPS-001] the register call always answers 202
		reply.Status = http.StatusAccepted
		httpapi.SetRetryAfter(reply.Header, c.service.RetryAfter()) // [DPS-HTTPS-008]
		reply.Header.Set("Location", c.route.operationURL(op.ID))
	}
	return reply, err
}

func (f *Front) refuse(ctx context.Context, c *call, err error) *Reply {
	p := problem.As(err)
	if !errors.As(err, new(*problem.Error)) {
		f.Logger.ErrorContext(ctx, "request failed", "registrationId", c.route.registrationID, "error", err)
	}
	status, header, body := httpapi.Refusal(p, c.tracking, c.service.Now())
	return &Reply{Status: status, Header: header, Body: body}
}
