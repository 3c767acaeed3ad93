package amqpfront

import (
	"bytes"
	"context"
	"errors"

	"github.com/dpslab/dpslab/internal/amqpserver"
	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
	"github.com/dpslab/dpslab/reference/problem"
	"github.com/dpslab/dpslab/reference/provisioning"
)

// The control byte before each part of a challenge (device-api.md 4.3).
const (
	controlNone    = 0x00
	controlFirst   = 0x80 // a segment, number 0
	controlSecond  = 0xC1 // a segment, number 1, the last
	challengeParts = 2    // one SDK hard-codes both bytes
)

// tpmExchange is what SASL TPM still has to send.
type tpmExchange struct{ rest []byte }

// tpm goes through the exchange of mechanism TPM. Its client names a registration and shows
// an endorsement key, then a storage root key; it hears a challenge in two segments, and
// answers with a token signed by the key in it.
//
// Whether the endorsement key is enrolled is no question of SASL: the C# client wants to
// hear 404201 of a device that is not, which it does when it registers.
func (f *Front) tpm(ctx context.Context, c *amqpserver.Conn, step amqpserver.SASLStep) amqpserver.SASLReply {
	refused := amqpserver.SASLReply{Code: amqp.SASLAuth}
	if step.N == 0 {
		return f.tpmBegin(c, step.Response)
	}
	d, ok := c.Value.(*device)
	if !ok || d.tpm == nil {
		return refused
	}
	switch step.N {
	case 1:
		return f.tpmChallenge(ctx, d, step.Response)
	case 2:
		if len(step.Response) != 1 || step.Response[0] != controlNone {
			return refused
		}
		return amqpserver.SASLReply{Challenge: append([]byte{controlSecond}, d.tpm.rest...)} // [DPS-TPM-019]
	}
	parts, ok := split(step.Response, 1)
	if !ok {
		return refused
	}
	d.tpm = nil
	d.claim.Token = string(parts[0])
	return f.conclude(ctx, c, d, mechanismTPM, d.service.Answers(ctx, d.claim)) // [DPS-TPM-021]
}

// tpmBegin reads 00 | idScope | 00 | registrationId | 00 | endorsement key.
func (f *Front) tpmBegin(c *amqpserver.Conn, response []byte) amqpserver.SASLReply {
	parts, ok := split(response, 3)
	if !ok {
		return amqpserver.SASLReply{Code: amqp.SASLAuth}
	}
	d, refused := f.identify(c, address{string(parts[0]), string(parts[1])})
	if refused != nil {
		return amqpserver.SASLReply{Code: amqp.SASLAuth}
	}
	d.claim.TPM = &provisioning.TPMKeys{EndorsementKey: bytes.Clone(parts[2])}
	d.tpm = &tpmExchange{}
	return amqpserver.SASLReply{Challenge: []byte{controlNone}} // [DPS-TPM-018]
}

// tpmChallenge reads 00 | storage root key and sends the first half of a challenge.
func (f *Front) tpmChallenge(ctx context.Context, d *device, response []byte) amqpserver.SASLReply {
	parts, ok := split(response, 1)
	if !ok {
		return amqpserver.SASLReply{Code: amqp.SASLAuth}
	}
	d.claim.TPM.StorageRootKey = bytes.Clone(parts[0])
	challenge, err := d.service.Challenge(ctx, d.claim)
	if err != nil {
		f.Logger.InfoContext(ctx, "no challenge", "registrationId", d.claim.RegistrationID, "error", err)
		code := amqp.SASLAuth
		if !errors.As(err, new(*problem.Error)) {
			code = amqp.SASLSystem
		}
		return amqpserver.SASLReply{Code: code}
	}
	half := (len(challenge.Blob) + challengeParts - 1) / challengeParts // [DPS-TPM-020]
	d.tpm.rest = challenge.Blob[half:]
	return amqpserver.SASLReply{Challenge: append([]byte{controlFirst}, challenge.Blob[:half]...)}
}
