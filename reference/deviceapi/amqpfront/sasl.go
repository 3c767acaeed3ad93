package amqpfront

import (
	"bytes"
	"context"

	"github.com/dpslab/dpslab/internal/amqpserver"
	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
)

// The mechanisms of SASL (device-api.md 3.1).
const (
	mechanismPlain     amqp.Symbol = "PLAIN"
	mechanismTPM       amqp.Symbol = "TPM"
	mechanismExternal  amqp.Symbol = "EXTERNAL"
	mechanismAnonymous amqp.Symbol = "ANONYMOUS"
)

// Mechanisms are the same for everybody.
func (f *Front) Mechanisms(*amqpserver.Conn) []amqp.Symbol { // [DPS-AMQP-003]
	return []amqp.Symbol{mechanismPlain, mechanismTPM, mechanismExternal, mechanismAnonymous}
}

// Authenticate judges a token, and whether there is a certificate. What the certificate is
// worth shows when the device registers.
func (f *Front) Authenticate(ctx context.Context, c *amqpserver.Conn, step amqpserver.SASLStep) amqpserver.SASLReply {
	switch step.Mechanism {
	case mechanismPlain:
		return f.plain(ctx, c, step.Response)
	case mechanismTPM:
		return f.tpm(ctx, c, step)
	}
	if len(c.Conn().PeerCertificates()) == 0 { // [DPS-AMQP-008]
		return amqpserver.SASLReply{Code: amqp.SASLAuth}
	}
	return amqpserver.SASLReply{Code: amqp.SASLOK}
}

func (f *Front) plain(ctx context.Context, c *amqpserver.Conn, response []byte) amqpserver.SASLReply {
	_, user, password, ok := amqpserver.ParsePlain(response)
	a, named := parseAddress(user)
	if !ok || !named { // [DPS-AMQP-006]
		return amqpserver.SASLReply{Code: amqp.SASLAuth}
	}
	d, refused := f.identify(c, a)
	if refused != nil { // [DPS-AMQP-014]
		return amqpserver.SASLReply{Code: amqp.SASLAuth}
	}
	d.claim.Token = password
	accepted := false
	if password != "" {
		_, err := d.service.Attest(ctx, d.claim)
		accepted = err == nil
	}
	return f.conclude(ctx, c, d, mechanismPlain, accepted) // [DPS-AMQP-005]
}

// conclude ends a SASL exchange of a known scope.
func (f *Front) conclude(ctx context.Context, c *amqpserver.Conn, d *device, m amqp.Symbol, accepted bool) amqpserver.SASLReply {
	login := Login{Mechanism: m, Code: amqp.SASLOK}
	if !accepted {
		login.Code = amqp.SASLAuth
	}
	Authenticating.Hit(ctx, d.service.Points(), d.at(c, amqpserver.StepSASL), &login)
	if login.Code != amqp.SASLOK {
		f.Logger.InfoContext(ctx, "login refused", "registrationId", d.claim.RegistrationID, "mechanism", string(m), "code", int(login.Code))
	}
	return amqpserver.SASLReply{Code: login.Code}
}

// split takes apart what is joined by zero bytes and begins with one: n parts, of which the
// last may hold zero bytes itself.
func split(message []byte, n int) (parts [][]byte, ok bool) {
	parts = bytes.SplitN(message, []byte{0}, n+1)
	if len(parts) != n+1 || len(parts[0]) > 0 {
		return nil, false
	}
	for _, part := range parts[1:] {
		if len(part) == 0 {
			return nil, false
		}
	}
	return parts[1:], true
}
