package amqpfront

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/amqpserver"
	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/document"
	"github.com/dpslab/dpslab/reference/problem"
	"github.com/dpslab/dpslab/reference/provisioning"
)

// retryAfterNames are the spellings of retry-after: one client looks for the second alone,
// letter by letter (device-api.md 3.4).
var retryAfterNames = []string{"retry-after", "Retry-After"}

// maxDescription bounds an error's description in bytes: the frame of a rejection cannot
// be divided, and a client may take frames of 512 bytes.
const maxDescription = 360

// answer settles the request and sends what it comes to.
func (f *Front) answer(ctx context.Context, d *device, at point.At, delivery *amqpserver.Delivery, a Answer) {
	if p := a.Request.Properties; p != nil { // [DPS-AMQP-023] [DPS-AMQP-024]
		a.CorrelationID = p.CorrelationID
	}
	Answering.Hit(ctx, d.service.Points(), at, &a)
	if a.Code >= 300 { // [DPS-AMQP-037]
		if a.Error == nil {
			a.Error = &amqp.Error{Condition: condition(a.Code), Description: string(a.Body), Info: waitInfo(a)}
		}
		delivery.Reject(a.Error)
		return
	}
	if err := delivery.Accept(); err != nil { // [DPS-AMQP-020] before the answer
		return
	}
	link := d.answers.Load()
	if link == nil { // nobody asked to hear it
		return
	}
	if a.Message == nil {
		a.Message = message(a)
	}
	// No client needs to be waited for; one never settles what it receives (device-api.md 3.4).
	if _, err := link.Send(ctx, a.Message, amqpserver.SendOptions{Settled: true}); err != nil {
		f.Logger.DebugContext(ctx, "answer not delivered", "registrationId", d.claim.RegistrationID, "error", err)
	}
}

// message is an answer on its way out.
func message(a Answer) *amqp.Message {
	m := &amqp.Message{Body: amqp.Data{a.Body}} // [DPS-AMQP-022]
	if a.CorrelationID != nil {
		m.Properties = &amqp.Properties{CorrelationID: a.CorrelationID}
	}
	if a.HasRetryAfter { // [DPS-AMQP-029]
		for _, name := range retryAfterNames {
			m.ApplicationProperties = append(m.ApplicationProperties, amqp.Pair{name, seconds(a.RetryAfter)})
		}
	}
	return m
}

// waitInfo is the info of a rejection that says when to come again.
func waitInfo(a Answer) (info amqp.Map) { // [DPS-AMQP-040]
	if !a.HasRetryAfter {
		return nil
	}
	for _, name := range retryAfterNames {
		info = append(info, amqp.Pair{amqp.Symbol(name), seconds(a.RetryAfter)})
	}
	return info
}

// seconds is an AMQP int: what every client takes.
func seconds(d time.Duration) int32 { return int32(d / time.Second) }

// refuse is the answer to a request that failed.
func (f *Front) refuse(ctx context.Context, d *device, err error) Answer {
	p := problem.As(err)
	if challenge := (*provisioning.Challenge)(nil); errors.As(err, &challenge) {
		p = problem.Unauthorized() // over AMQP a challenge is SASL's
	} else if !errors.As(err, new(*problem.Error)) {
		f.Logger.ErrorContext(ctx, "request failed", "registrationId", d.claim.RegistrationID, "error", err)
	}
	return Answer{Code: p.Class(), HasRetryAfter: p.RetryAfter > 0, RetryAfter: p.RetryAfter, Body: description(p, d.service.Now())}
}

// refusal is a problem as the reason why a link is refused.
func (f *Front) refusal(p *problem.Error, s *provisioning.Service) *amqp.Error {
	return &amqp.Error{Condition: condition(p.Class()), Description: string(description(p, s.Now()))}
}

// description is the error document, whose message is cut where it has to be.
func description(p *problem.Error, now time.Time) []byte { // [DPS-AMQP-037]
	tracking, short := document.NewTrackingID(), *p
	for {
		doc := document.Problem(&short, tracking, now)
		if len(doc) <= maxDescription || short.Message == "" {
			return doc
		}
		short.Message = strings.ToValidUTF8(short.Message[:len(short.Message)/2], "")
	}
}

// condition is the symbol of a class of errors (device-api.md 3.5, inferred).
func condition(class int) amqp.Symbol { // [DPS-AMQP-038]
	switch class {
	case 401:
		return amqp.UnauthorizedAccess
	case 404:
		return amqp.NotFound
	case 409:
		return "com.microsoft:precondition-failed"
	case 413:
		return amqp.MessageSizeExceeded
	case 429:
		return "com.microsoft:device-container-throttled"
	}
	if class >= 500 {
		return amqp.InternalError
	}
	return "com.microsoft:argument-error"
}
