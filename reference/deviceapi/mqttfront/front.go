package mqttfront

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"

	"github.com/dpslab/dpslab/internal/mqttserver"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/deviceapi"
	"github.com/dpslab/dpslab/reference/document"
	"github.com/dpslab/dpslab/reference/problem"
	"github.com/dpslab/dpslab/reference/provisioning"
	"github.com/dpslab/dpslab/reference/registration"
)

// Front answers devices over MQTT. It is a mqttserver.Handler.
type Front struct {
	// Service finds the service with that id scope, among those that the host serves.
	Service func(scope string) (*provisioning.Service, bool)
	Logger  *slog.Logger
}

// maxClientID is the longest registration id.
const maxClientID = 128

// device is the state of one connection.
type device struct {
	service    *provisioning.Service
	claim      provisioning.Claim
	subscribed atomic.Int32 // 0: not; else the granted QoS plus 1
}

// Connect judges the user name and a token. A certificate is not judged here, but one of
// the two must be there (device-api.md 2.4).
func (f *Front) Connect(ctx context.Context, s *mqttserver.Session, c mqttserver.Connect) mqttserver.Accept {
	d, code := f.open(s, c)
	if d == nil {
		f.Logger.InfoContext(ctx, "connection refused", "clientId", c.ClientID, "code", code)
		return mqttserver.Accept{Code: code}
	}
	s.Value = d
	v := Connection{Connect: c, Accept: mqttserver.Accept{Code: f.judge(ctx, d, c)}} // [DPS-MQTT-002] no session is ever present
	Connecting.Hit(ctx, d.service.Points(), d.claim.At, &v)
	return v.Accept
}

// open reads who is calling, or returns the code that refuses a call of nobody.
func (f *Front) open(s *mqttserver.Session, c mqttserver.Connect) (*device, byte) {
	if c.ClientID == "" || len(c.ClientID) > maxClientID { // [DPS-MQTT-029]
		return nil, mqttserver.IdentifierRejected
	}
	u, err := parseUsername(c.Username)
	if err != nil { // [DPS-MQTT-025]
		return nil, mqttserver.BadUsernameOrPassword
	}
	s.Conn().Transcript().Registration(u.registrationID)
	service, ok := f.Service(u.scope)
	if !ok { // [DPS-MQTT-055]
		return nil, mqttserver.NotAuthorized
	}
	at := s.At(stepConnect)
	at.Service = service.Name()
	return &device{service: service, claim: provisioning.Claim{
		RegistrationID: u.registrationID, APIVersion: u.apiVersion, Token: string(c.Password),
		Chain: s.Conn().PeerCertificates(), Client: s.Conn().ClientIP(),
		NoTPM: true, PresentedAt: service.Now(), At: at, // [DPS-TPM-014]
	}}, mqttserver.Accepted
}

func (f *Front) judge(ctx context.Context, d *device, c mqttserver.Connect) byte {
	claim := d.claim
	if claim.APIVersion == "" || !deviceapi.KnowsVersion(ctx, d.service, claim.At, claim.APIVersion) { // [DPS-MQTT-026]
		return mqttserver.BadUsernameOrPassword
	}
	if !provisioning.SameRegistration(c.ClientID, claim.RegistrationID) { // [DPS-MQTT-027]
		return mqttserver.NotAuthorized
	}
	if claim.Token == "" {
		if len(claim.Chain) == 0 { // [DPS-MQTT-028]
			return mqttserver.NotAuthorized
		}
		return mqttserver.Accepted // [DPS-X509-005]
	}
	if _, err := d.service.Attest(ctx, claim); err != nil { // [DPS-SAS-020]
		return mqttserver.NotAuthorized
	}
	return mqttserver.Accepted
}

// errRefused ends a connection that a fault opened although nobody knows whose it is.
var errRefused = errors.New("the device was refused")

// Subscribe grants the one filter that there is, at QoS 1 at most.
func (f *Front) Subscribe(ctx context.Context, s *mqttserver.Session, filter string, qos byte) (byte, error) {
	d, ok := s.Value.(*device)
	if !ok {
		return 0, errRefused
	}
	sub := Subscription{Session: s, Filter: filter, Asked: qos, Granted: min(qos, 1)} // [DPS-MQTT-016]
	if filter != responseFilter {                                                     // [DPS-MQTT-031]
		sub.Granted = mqttserver.SubackFailure
	}
	Subscribing.Hit(ctx, d.service.Points(), s.At("subscribe"), &sub)
	if sub.Granted != mqttserver.SubackFailure {
		d.subscribed.Store(int32(sub.Granted) + 1)
	}
	return sub.Granted, nil
}

// Unsubscribe stops the answers.
func (f *Front) Unsubscribe(_ context.Context, s *mqttserver.Session, filter string) {
	if d, ok := s.Value.(*device); ok && filter == responseFilter {
		d.subscribed.Store(0)
	}
}

// Publish takes a request. The answer is worked out beside the reader, so that a device
// may have several requests under way.
func (f *Front) Publish(ctx context.Context, s *mqttserver.Session, p mqttserver.Publish) (then func(), err error) {
	d, ok := s.Value.(*device)
	if !ok {
		return nil, errRefused
	}
	r, err := parseTopic(p.Topic)
	j := Judgement{Topic: p.Topic, Retain: p.Retain, Err: err}
	Publishing.Hit(ctx, d.service.Points(), s.At("publish"), &j)
	if j.Err != nil { // [DPS-MQTT-032]
		return nil, j.Err
	}
	if err != nil {
		return nil, nil
	}
	return func() {
		s.Go(func(ctx context.Context) { f.answer(ctx, s, d, r, p) })
	}, nil
}

// Closed has nothing to keep: sessions are never persistent, and a will is never published.
func (f *Front) Closed(s *mqttserver.Session, will *mqttserver.Publish) {
	if d, ok := s.Value.(*device); ok { // [DPS-MQTT-053]
		Leaving.Hit(context.Background(), d.service.Points(), s.At("leave"), &Leave{Will: will})
	}
}

func (f *Front) answer(ctx context.Context, s *mqttserver.Session, d *device, r request, p mqttserver.Publish) {
	at := s.At(r.step)
	at.Service = d.service.Name()
	a, err := f.handle(ctx, d, at, r, p.Payload)
	if err != nil {
		refusal := problem.As(err)
		if !errors.As(err, new(*problem.Error)) {
			f.Logger.ErrorContext(ctx, "request failed", "registrationId", d.claim.RegistrationID, "error", err)
		}
		a = Answer{Code: refusal.Class(), HasRetryAfter: refusal.RetryAfter > 0, RetryAfter: refusal.RetryAfter,
			Body: document.Problem(refusal, document.NewTrackingID(), d.service.Now())}
	}
	a.Request, a.RID = p, r.rid                      // [DPS-MQTT-007]
	if granted := d.subscribed.Load(); granted > 0 { // [DPS-MQTT-047] else nobody asked to hear it
		a.Copies, a.QoS = 1, byte(granted-1)
	}
	Answering.Hit(ctx, d.service.Points(), at, &a)
	if a.Topic == "" {
		a.Topic = responseTopic(a)
	}
	for range a.Copies {
		if err := s.Publish(ctx, a.Topic, a.Body, a.QoS); err != nil {
			f.Logger.DebugContext(ctx, "answer not delivered", "registrationId", d.claim.RegistrationID, "error", err)
			return
		}
	}
}

func (f *Front) handle(ctx context.Context, d *device, at point.At, r request, body []byte) (Answer, error) {
	claim := d.claim
	claim.At = at
	if r.step == stepRegister {
		request := deviceapi.Request{RegistrationID: claim.RegistrationID, APIVersion: claim.APIVersion, Body: body}
		if err := deviceapi.Check(ctx, d.service, at, request); err != nil {
			return Answer{}, err
		}
		var err error
		if claim.CSR, err = deviceapi.CSR(ctx, d.service, at, request); err != nil {
			return Answer{}, err
		}
		claim.Payload = deviceapi.Payload(request.Body)
	}
	attested, err := d.service.Attest(ctx, claim)
	if err != nil {
		return Answer{}, err
	}
	if r.step == stepRegister {
		op, err := d.service.Register(ctx, attested)
		return operationAnswer(d, op, err)
	}
	if r.operationID == "" {
		return Answer{}, problem.InvalidArgument("The topic has no operationId.")
	}
	op, err := d.service.Operation(ctx, attested, r.operationID)
	return operationAnswer(d, op, err)
}

func operationAnswer(d *device, op registration.Operation, err error) (Answer, error) {
	if err != nil {
		return Answer{}, err
	}
	body, err := deviceapi.EncodeOperation(op, d.claim.APIVersion)
	a := Answer{Code: 200, Body: body}
	if !op.Record.Status.Terminal() {
		a.Code, a.HasRetryAfter, a.RetryAfter = 202, true, d.service.RetryAfter()
	}
	return a, err
}
