package device

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
)

func connect(d *Device, ctx context.Context) time.Duration {
	err := d.timed(StepConnect, func() (string, error) {
		service, err := d.transport.Service(ctx)
		if err == nil {
			d.service = service
		}
		return "", err
	})
	if err != nil {
		return d.again(ctx, err, d.pause(unasked), connect)
	}
	d.next = register
	if d.operation != "" {
		d.next = poll
	}
	return 0
}

func register(d *Device, ctx context.Context) time.Duration {
	return d.ask(ctx, StepRegister, register, func() (devwire.Answer, error) {
		return d.service.Register(ctx, d.plan.Payload)
	})
}

func poll(d *Device, ctx context.Context) time.Duration {
	return d.ask(ctx, StepPoll, poll, func() (devwire.Answer, error) {
		return d.service.Poll(ctx, d.operation)
	})
}

// ask puts one question to the service and goes where its answer leads.
func (d *Device) ask(ctx context.Context, name StepName, same stage, question func() (devwire.Answer, error)) time.Duration {
	at := d.clock.Now()
	a, err := question()
	step := Step{Name: name, At: at, Elapsed: d.clock.Now().Sub(at), Err: err}
	if err == nil {
		step.Detail, step.Answer = tell(a), &a
	}
	d.observe(step)
	d.outcome.Answer = a
	if err != nil {
		// The connection may be gone, and what was asked may have been heard: the next
		// connection polls where an operation is known, and registers where not.
		d.leaveService()
		return d.again(ctx, err, d.pause(unasked), connect)
	}
	asked := unasked
	if a.HasRetryAfter {
		asked = a.RetryAfter
	}
	switch {
	case busy(a.Code):
		return d.again(ctx, &NotAssigned{a}, d.pause(asked), same)
	case a.Code == http.StatusNotFound && name == StepPoll:
		d.operation = "" // the service knows the operation no more: from the beginning
		return d.again(ctx, &NotAssigned{a}, d.pause(asked), register)
	case a.Code >= 300:
		return d.fail(&NotAssigned{a})
	}
	d.outcome.Status, d.operation, d.tries = a.Status, a.OperationID, 0
	switch a.Status {
	case dps.StatusAssigning, dps.StatusUnassigned:
		pause := asked
		if pause == unasked {
			pause = d.plan.Pause
		}
		if !d.clock.Now().Add(pause).Before(d.deadline) {
			return d.fail(fmt.Errorf("still %s when patience ended, after %s", a.Status, d.plan.Patience))
		}
		d.waiting, d.next = "to poll in "+pause.String(), poll
		return pause
	case dps.StatusAssigned:
		return d.assigned(a)
	}
	return d.fail(&NotAssigned{a})
}

func (d *Device) assigned(a devwire.Answer) time.Duration {
	if a.State == nil || a.State.AssignedHub == "" || a.State.DeviceID == "" {
		return d.fail(&devwire.Malformed{What: "assigned without assignedHub or deviceId", Raw: a.Raw})
	}
	if d.outcome.Hub == "" {
		d.outcome.Assigned = d.clock.Now().Sub(d.begun)
	}
	d.outcome.Hub, d.outcome.DeviceID, d.operation = a.State.AssignedHub, a.State.DeviceID, ""
	d.leaveService()
	d.next = hubConnect
	return 0
}
