package amqpfront

import (
	"context"

	"github.com/dpslab/dpslab/internal/amqpserver"
	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/deviceapi"
	"github.com/dpslab/dpslab/reference/problem"
	"github.com/dpslab/dpslab/reference/provisioning"
	"github.com/dpslab/dpslab/reference/registration"
)

// Application properties of a request (device-api.md 3.3).
const (
	operationTypeProperty = "iotdps-operation-type"
	operationIDProperty   = "iotdps-operation-id"

	operationRegister = "iotdps-register"
	operationPoll     = "iotdps-get-operationstatus"
)

// receive takes a request. It is worked out beside the reader, so that a device may have
// several under way.
func (f *Front) receive(ctx context.Context, d *device, version string, delivery *amqpserver.Delivery) {
	j := judge(delivery.Message)
	at := d.at(delivery.Receiver().Conn(), amqpserver.StepReceive)
	Receiving.Hit(ctx, d.service.Points(), at, &j)
	if j.Step != "" {
		at.Step = j.Step
	}
	delivery.Go(func(ctx context.Context) {
		a, err := f.handle(ctx, d, at, version, j)
		if err != nil {
			a = f.refuse(ctx, d, err)
		}
		a.Request = delivery.Message
		f.answer(ctx, d, at, delivery, a)
	})
}

// judge reads what a message asks.
func judge(m *amqp.Message) Judgement {
	j := Judgement{Message: m, OperationID: m.ApplicationProperties.Text(operationIDProperty)}
	switch operation := m.ApplicationProperties.Text(operationTypeProperty); {
	case operation == operationRegister:
		j.Step = stepRegister
	case operation == operationPoll:
		j.Step = stepPoll
		if j.OperationID == "" { // [DPS-AMQP-043]
			j.Problem = problem.InvalidArgument("The request has no %s.", operationIDProperty)
		}
	case operation == "": // [DPS-AMQP-044]
		j.Problem = problem.InvalidArgument("The request has no %s.", operationTypeProperty)
	default:
		j.Problem = problem.InvalidArgument("The %s is not one that is known.", operationTypeProperty)
	}
	return j
}

func (f *Front) handle(ctx context.Context, d *device, at point.At, version string, j Judgement) (Answer, error) {
	if j.Problem != nil {
		return Answer{}, j.Problem
	}
	claim := d.claim
	claim.At, claim.APIVersion = at, version
	request := deviceapi.Request{RegistrationID: claim.RegistrationID, APIVersion: version}
	if j.Step == stepRegister { // [DPS-AMQP-027] a poll's body is never looked at
		var err error
		if request.Body, err = body(j.Message); err != nil {
			return Answer{}, err
		}
	}
	if err := deviceapi.Check(ctx, d.service, at, request); err != nil { // [DPS-AMQP-019]
		return Answer{}, err
	}
	var err error
	if claim.CSR, err = deviceapi.CSR(ctx, d.service, at, request); err != nil {
		return Answer{}, err
	}
	claim.Payload = deviceapi.Payload(request.Body)
	attested, err := d.service.Attest(ctx, claim)
	if err != nil {
		return Answer{}, err
	}
	return f.carryOut(ctx, d, attested, j)
}

func (f *Front) carryOut(ctx context.Context, d *device, a provisioning.Attested, j Judgement) (Answer, error) {
	if j.Step == stepRegister {
		op, err := d.service.Register(ctx, a)
		return operationAnswer(d, op, a.APIVersion, err)
	}
	op, err := d.service.Operation(ctx, a, j.OperationID)
	return operationAnswer(d, op, a.APIVersion, err)
}

// body is a register request's: of data sections, or a value that is text or bytes. A
// client that has no payload sends an empty one, or none.
func body(m *amqp.Message) ([]byte, error) {
	if m.Body == nil {
		return nil, nil
	}
	payload, ok := m.Payload()
	if !ok { // [DPS-AMQP-045]
		return nil, problem.InvalidArgument("The body is neither data nor text.")
	}
	return payload, nil
}

func operationAnswer(d *device, op registration.Operation, version string, err error) (Answer, error) {
	if err != nil {
		return Answer{}, err
	}
	doc, err := deviceapi.EncodeOperation(op, version)
	a := Answer{Code: 200, Body: doc}
	if !op.Record.Status.Terminal() {
		a.Code, a.HasRetryAfter, a.RetryAfter = 202, true, d.service.RetryAfter()
	}
	return a, err
}
