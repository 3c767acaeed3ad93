package device

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
)

func hubConnect(d *Device, ctx context.Context) time.Duration {
	if !d.toHub { // the second half of the plan begins: patience anew
		d.toHub, d.deadline = true, d.clock.Now().Add(d.plan.Patience)
	}
	d.subscribed = false
	return d.atHub(ctx, StepHubConnect, hubConnect, func() (string, error) {
		hub, err := d.transport.Hub(ctx, d.outcome.Hub, d.outcome.DeviceID)
		if err == nil {
			d.hub = hub
		}
		return d.outcome.Hub, err
	})
}

// proceed chooses what to do next at the hub. What was done before a connection broke is
// not done again, but for the subscription to methods.
func (d *Device) proceed() (wait time.Duration) {
	p, now := d.plan, d.clock.Now()
	d.tries, d.hubTries = 0, 0
	switch {
	case p.Methods != nil && !d.subscribed:
		d.next = hubMethods
	case p.ReadTwin && !d.twinRead:
		d.next = hubTwin
	case p.Report != nil && !d.reported:
		d.next = hubReport
	case d.outcome.Sent < p.Telemetry:
		if d.first.IsZero() {
			d.first = now
		}
		d.next = hubTelemetry
		n := d.outcome.Sent + 1
		if n != d.trying {
			d.due = d.first.Add(p.Due(n))
		}
		wait = max(d.due.Sub(now), 0)
		if n != d.trying {
			d.trying, d.deadline = n, now.Add(wait).Add(p.Patience)
		}
	default:
		if d.leaving.IsZero() {
			d.leaving = now.Add(p.Stay)
		}
		d.next = goodbye
		wait = max(d.leaving.Sub(now), 0)
	}
	return wait
}

// hubLost is what follows when the connection ended: patience begins anew.
func hubLost(d *Device, ctx context.Context) time.Duration {
	d.observe(Step{Name: StepHubLost, Detail: d.outcome.Hub, At: d.clock.Now()})
	d.deadline = d.clock.Now().Add(d.plan.Patience)
	d.leaveHub()
	return d.atHubAgain(ctx, errHubLost)
}

var errHubLost = errors.New("the connection to the hub ended")

// atHubAgain connects to the hub once more, or registers anew where the plan says so.
func (d *Device) atHubAgain(ctx context.Context, why error) time.Duration {
	d.hubTries++
	next := hubConnect
	if n := d.plan.Reprovision; n > 0 && (d.hubTries >= n || refused(why)) {
		d.hubTries, next = 0, connect
		if refused(why) {
			why = errHubRefused // which passes: the service may send the device elsewhere
		}
	}
	return d.again(ctx, why, d.pause(unasked), next)
}

var errHubRefused = errors.New("the hub does not take the device's credentials")

func hubMethods(d *Device, ctx context.Context) time.Duration {
	return d.atHub(ctx, StepHubMethods, hubMethods, func() (string, error) {
		err := d.hub.HandleMethods(d.answerMethod)
		d.subscribed = err == nil
		return "", err
	})
}

func (d *Device) answerMethod(name string, payload json.RawMessage) (status int, response any) {
	d.timed(StepHubMethod, func() (string, error) {
		status, response = d.plan.Methods(name, payload)
		return fmt.Sprintf("%s, answered %d", name, status), nil
	})
	return status, response
}

func hubTwin(d *Device, ctx context.Context) time.Duration {
	return d.atHub(ctx, StepHubTwin, hubTwin, func() (string, error) {
		twin, err := d.hub.Twin(ctx)
		if err != nil {
			return "", err
		}
		d.outcome.Twin, d.twinRead = twin, true
		return fmt.Sprintf("desired version %d, reported version %d", twin.DesiredVersion, twin.ReportedVersion), nil
	})
}

func hubReport(d *Device, ctx context.Context) time.Duration {
	return d.atHub(ctx, StepHubReport, hubReport, func() (string, error) {
		version, err := d.hub.Report(ctx, d.plan.Report)
		d.outcome.Reported, d.reported = version, err == nil
		return fmt.Sprintf("version %d", version), err
	})
}

func hubTelemetry(d *Device, ctx context.Context) time.Duration {
	n := d.outcome.Sent + 1
	return d.atHub(ctx, StepHubTelemetry, hubTelemetry, func() (string, error) {
		payload, properties := d.plan.Message(n)
		err := d.hub.SendTelemetry(ctx, payload, properties)
		if err == nil {
			d.outcome.Sent = n
		}
		return fmt.Sprintf("%d of %d", n, d.plan.Telemetry), err
	})
}

func goodbye(d *Device, _ context.Context) time.Duration { return d.end() }

// atHub does one step at the hub and goes on, or tries again: on the same connection when
// the hub said that it is busy, on a new one when it said nothing.
func (d *Device) atHub(ctx context.Context, name StepName, same stage, do func() (string, error)) time.Duration {
	err := d.timed(name, do)
	if err == nil {
		return d.proceed()
	}
	var answer *devwire.HubError
	switch {
	case !errors.As(err, &answer):
		d.leaveHub()
		return d.atHubAgain(ctx, err)
	case busy(answer.Status):
		return d.again(ctx, err, d.pause(unasked), same)
	}
	return d.fail(err)
}
