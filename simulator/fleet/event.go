package fleet

import (
	"errors"
	"net/http"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/simulator/device"
)

// Event is one thing that a device did.
type Event struct {
	Device, Share int
	Kind          device.StepName
	Began         time.Time
	Elapsed       time.Duration
	// Code is the answer's HTTP status, or what it would be on another transport; 200 for
	// what needs none, 0 when no answer came. ErrorCode is the service's, of six digits.
	Code, ErrorCode int
	Err             error // 0 and no answer: why
	Attempt         int   // of a connect or register: which one since power-on, from 1
	Status          dps.Status
	// As the service named them; empty where it did not.
	OperationID, RegistrationID, Hub, DeviceID string
	RetryAfter                                 time.Duration
}

// hear keeps the score of the device's life and passes on what happened.
func (l *living) hear(s device.Step) {
	e := Event{Device: l.life.Device, Share: l.life.Share, Kind: s.Name, Began: s.At, Elapsed: s.Elapsed, Code: codeOf(s.Err), Err: s.Err}
	switch {
	case s.Name == device.StepRegister, s.Name == device.StepConnect && s.Err != nil:
		if l.life.Assigned.IsZero() {
			l.life.Attempts++
		}
		e.Attempt = l.life.Attempts
	case s.Name == device.StepHubTelemetry && s.Err == nil:
		l.life.Sent++
		if l.life.FirstTelemetry.IsZero() {
			l.life.FirstTelemetry = s.At.Add(s.Elapsed)
		}
	}
	if a := s.Answer; a != nil {
		e.answered(a)
		if a.Status == dps.StatusAssigned && a.State != nil {
			l.life.Registrations++
			l.life.Hub, l.life.DeviceID = a.State.AssignedHub, a.State.DeviceID
			if l.life.Assigned.IsZero() {
				l.life.Assigned = s.At.Add(s.Elapsed)
			}
		}
	}
	l.observe(e)
}

func (e *Event) answered(a *devwire.Answer) {
	e.Code, e.Status, e.OperationID, e.RetryAfter = a.Code, a.Status, a.OperationID, a.RetryAfter
	if a.Error != nil {
		e.ErrorCode = a.Error.ErrorCode
	}
	if s := a.State; s != nil {
		e.RegistrationID, e.Hub, e.DeviceID = s.RegistrationID, s.AssignedHub, s.DeviceID
		if s.ErrorCode != 0 {
			e.ErrorCode = s.ErrorCode
		}
	}
}

// codeOf is the status that an error stands for, 0 when nobody answered.
func codeOf(err error) int {
	var (
		hub     *devwire.HubError
		connect *devwire.ConnectRefused
		token   *devwire.TokenRefused
		upgrade *devwire.UpgradeRefused
		amqp    *devwire.AMQPError
		sasl    *devwire.SASLRefused
	)
	const serverUnavailable = 3
	switch {
	case err == nil:
		return http.StatusOK
	case errors.As(err, &hub):
		return hub.Status
	case errors.As(err, &connect) && connect.Code == serverUnavailable:
		return http.StatusServiceUnavailable
	case errors.As(err, &connect), errors.As(err, &sasl):
		return http.StatusUnauthorized
	case errors.As(err, &token):
		return token.Status
	case errors.As(err, &upgrade):
		return upgrade.Status
	case errors.As(err, &amqp):
		return amqp.Code()
	}
	return 0
}
