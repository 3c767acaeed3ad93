package strict

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
)

// run is one registration by one SDK.
type run struct {
	sdk    SDK
	over   dps.Transport
	device Device
	out    Outcome
}

func (r *run) register(ctx context.Context) error {
	switch r.over {
	case dps.HTTPS:
		return r.follow(ctx, r.overHTTPS())
	case dps.AMQP, dps.AMQPWebSocket:
		conn, err := r.dialAMQP(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		return r.overAMQP(ctx, conn)
	}
	conn, err := r.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return r.overMQTT(ctx, conn)
}

// exchange is a transport that is open: how a request is asked, and how time passes on it.
type exchange interface {
	ask(ctx context.Context, poll bool, operationID string) (Answer, error)
	pause(ctx context.Context, d time.Duration) error
}

// pollInterval is the wait before a poll when the service names none (device-api.md 5).
const pollInterval = 2 * time.Second

// follow registers and polls until the status is terminal or the service refuses.
func (r *run) follow(ctx context.Context, x exchange) error {
	operation := ""
	for {
		a, err := x.ask(ctx, operation != "", operation)
		if err != nil {
			return err
		}
		more, err := r.judge(a)
		if err != nil || !more {
			return err
		}
		pause := retryAfter(a)
		if operation == "" {
			operation = a.document().text("operationId")
			if r.sdk.hasty {
				pause = 0
			}
		}
		if err := x.pause(ctx, pause); err != nil {
			return err
		}
	}
}

// judge holds an answer against the SDK's rules, and reports whether the registration goes
// on after it.
func (r *run) judge(a Answer) (more bool, err error) {
	r.out.Answers = append(r.out.Answers, a)
	if r.device.Heard != nil {
		r.device.Heard(a)
	}
	for _, rule := range r.sdk.judging() {
		if rule.Requirement(r.over) == "" {
			continue
		}
		if wrong := rule.wrong(a); wrong != "" {
			return false, r.complain(rule, "%s", wrong)
		}
	}
	if a.refuses() {
		r.out.Refused = a.Code
		return false, nil
	}
	doc, state := a.document(), a.state()
	r.out.Status, r.out.Hub, r.out.DeviceID = doc.text("status"), state.text("assignedHub"), state.text("deviceId")
	code, _ := state.unsigned("errorCode")
	r.out.ErrorCode = int(code)
	switch strings.ToLower(r.out.Status) {
	case "assigning", "unassigned", "registering":
		return true, nil
	default:
		return false, nil
	}
}

func (r *run) complain(rule Rule, format string, a ...any) error {
	return &Complaint{SDK: r.sdk.Name, Rule: rule, Requirement: rule.Requirement(r.over), What: fmt.Sprintf(format, a...)}
}

// served is the rule of an SDK that breaks when its connection does.
func served(https, mqtt, amqp string) Rule {
	return Rule{Words: "its connection stands, and every message is well-formed, until the registration has ended", HTTPS: https, MQTT: mqtt, AMQP: amqp}
}

// answersInTime holds for the SDKs that do not wait for ever (device-api.md 5).
var answersInTime = Rule{Words: "the service answers before the client gives up", HTTPS: "DPS-HTTPS-051", MQTT: "DPS-MQTT-056", AMQP: "DPS-AMQP-066"}

// errImpatient ends the context of a wait that takes longer than the SDK waits.
var errImpatient = errors.New("the client waits no longer")

// waiting bounds a wait for an answer by the SDK's patience, on the wire's clock.
func (r *run) waiting(ctx context.Context) (context.Context, func()) {
	if r.sdk.patience == 0 {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	timer := r.device.clock().AfterFunc(r.sdk.patience, func() { cancel(errImpatient) })
	return ctx, func() {
		timer.Stop()
		cancel(nil)
	}
}

// unheard makes a complaint of a wait that brought nothing. ctx is that of the wait.
func (r *run) unheard(ctx context.Context, err error, what string) error {
	var malformed *devwire.Malformed
	switch {
	case errors.Is(context.Cause(ctx), errImpatient):
		return r.complain(answersInTime, "%s did not come within %s", what, r.sdk.patience)
	case ctx.Err() != nil:
		return fmt.Errorf("waiting for %s: %w", what, context.Cause(ctx))
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return r.complain(answersInTime, "%s did not come in the time that this run gives", what)
	case errors.Is(err, io.EOF):
		return r.complain(r.sdk.session, "the connection was closed in place of %s", what)
	case errors.As(err, &malformed), errors.Is(err, io.ErrUnexpectedEOF):
		return r.complain(r.sdk.session, "in place of %s came %v", what, err)
	}
	return fmt.Errorf("waiting for %s: %w", what, err)
}

// retryAfter is how long the service asks to wait.
func retryAfter(a Answer) time.Duration {
	value := a.Header.Get("Retry-After")
	if _, behind, ok := strings.Cut(a.Topic, "retry-after="); ok {
		value, _, _ = strings.Cut(behind, "&")
	}
	seconds, err := strconv.ParseUint(value, 10, 31)
	if err != nil {
		return pollInterval
	}
	return time.Duration(seconds) * time.Second
}
