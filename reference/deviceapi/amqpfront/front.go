package amqpfront

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"

	"github.com/dpslab/dpslab/internal/amqpserver"
	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/problem"
	"github.com/dpslab/dpslab/reference/provisioning"
)

// Front answers devices over AMQP. It is an amqpserver.Handler.
type Front struct {
	// Home is the service whose host this is. It answers what names no service.
	Home *provisioning.Service
	// Service finds the service with that id scope, among those that the host serves.
	Service func(scope string) (*provisioning.Service, bool)
	Logger  *slog.Logger
}

// Steps of a device over AMQP, as points and faults name them. Those before have the names
// of package amqpserver.
const (
	stepRegister = "register"
	stepPoll     = "poll"
)

// Properties of a link (device-api.md 3.2).
const apiVersionProperty = "com.microsoft:api-version"

// device is the state of one connection. It is complete before the first request is read.
type device struct {
	service *provisioning.Service
	claim   provisioning.Claim // without an api-version, which is a link's
	tpm     *tpmExchange       // while SASL TPM lasts

	answers atomic.Pointer[amqpserver.Sender] // the latest receiving link of the device
}

// identify makes the connection that of a device.
func (f *Front) identify(c *amqpserver.Conn, a address) (*device, *problem.Error) {
	c.Identify(a.registrationID)
	service, ok := f.Service(a.scope)
	if !ok { // [DPS-AMQP-014]
		return nil, problem.ScopeNotFound()
	}
	d := &device{service: service, claim: provisioning.Claim{
		RegistrationID: a.registrationID, Chain: c.Conn().PeerCertificates(), Client: c.Conn().ClientIP(), PresentedAt: service.Now(),
	}}
	d.claim.At = d.at(c, amqpserver.StepSASL)
	c.Value = d
	return d, nil
}

func (d *device) at(c *amqpserver.Conn, step string) point.At {
	at := c.At(step)
	at.Service = d.service.Name()
	return at
}

// is reports whether the address is the device's own.
func (d *device) is(a address) bool {
	return strings.EqualFold(a.scope, d.service.Scope()) && provisioning.SameRegistration(a.registrationID, d.claim.RegistrationID)
}

// Open lets everybody in: who has proved nothing finds no link.
func (f *Front) Open(context.Context, *amqpserver.Conn, *amqp.Open) *amqp.Error { return nil }

// Closed has nothing to keep.
func (f *Front) Closed(*amqpserver.Conn) {}

// Incoming takes the link of a device's requests.
func (f *Front) Incoming(ctx context.Context, r *amqpserver.Receiver, asked, _ *amqp.Attach) (amqpserver.Receive, *amqp.Error) {
	d, refused := f.attach(ctx, &r.Link, asked)
	if refused != nil {
		return nil, refused
	}
	version := asked.Properties.Text(apiVersionProperty)
	return func(ctx context.Context, delivery *amqpserver.Delivery) { f.receive(ctx, d, version, delivery) }, nil
}

// Outgoing takes the link of a device's answers.
func (f *Front) Outgoing(ctx context.Context, s *amqpserver.Sender, asked, _ *amqp.Attach) *amqp.Error {
	d, refused := f.attach(ctx, &s.Link, asked)
	if refused != nil {
		return refused
	}
	d.answers.Store(s)
	s.OnDetach(func() { d.answers.CompareAndSwap(s, nil) })
	return nil
}

// attach judges a link. The first one of a connection without SASL says whose it is.
func (f *Front) attach(ctx context.Context, l *amqpserver.Link, asked *amqp.Attach) (*device, *amqp.Error) {
	c := l.Conn()
	a, ok := parseAddress(l.Address())
	d, known := c.Value.(*device)
	if ok && !known {
		var refused *problem.Error
		if d, refused = f.identify(c, a); refused != nil {
			return nil, f.refusal(refused, f.Home)
		}
		known = true
	}
	v := Attachment{Asked: asked, Address: l.Address(), Problem: judgeLink(d, a, ok)}
	if known {
		Attaching.Hit(ctx, d.service.Points(), d.at(c, amqpserver.StepAttach), &v)
	}
	if v.Problem != nil {
		f.Logger.InfoContext(ctx, "link refused", "address", v.Address, "problem", v.Problem.Error())
		return nil, f.refusal(v.Problem, f.Home)
	}
	return d, nil
}

// judgeLink judges a link of a device, which is nil for a link of nobody.
func judgeLink(d *device, a address, ok bool) *problem.Error {
	switch {
	case !ok: // [DPS-AMQP-012]
		return problem.ResourceNotFound()
	case !d.is(a): // [DPS-AMQP-011]
		return problem.Unauthorized()
	case d.claim.Token == "" && len(d.claim.Chain) == 0: // [DPS-AMQP-013]
		return problem.Unauthorized()
	}
	return nil
}
