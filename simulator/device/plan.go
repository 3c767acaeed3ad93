package device

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
)

// Plan is what a device does with its life. The zero Plan registers, connects to its hub
// and disconnects.
type Plan struct {
	Payload json.RawMessage // of the registration; nil sends none

	Telemetry int           // how many messages it sends …
	Interval  time.Duration // … and how far apart they begin; late ones follow at once
	// Due is when the nth message is due, counted from 1, after the first; nil is Interval
	// apart. It is called once for each n, in order.
	Due func(n int) time.Duration
	// Message is the nth message, counted from 1; nil sends {"n":n} as application/json.
	Message func(n int) (payload []byte, properties map[string]string)

	ReadTwin bool
	Report   any // reported properties; nil reports nothing
	// Methods answers direct methods; nil leaves them unanswered. It is called on
	// goroutines of the transport.
	Methods func(name string, payload json.RawMessage) (status int, response any)
	Stay    time.Duration // how long it remains connected after all that

	// Patience is how long it goes on trying: until it is assigned, then until it has
	// settled at its hub, then for each message. Default 30 minutes.
	Patience time.Duration
	// Pause is between two tries, and before a poll when the service names no time.
	// Default 2 s, as the SDKs'.
	Pause time.Duration
	// Backoff is how long to wait after the nth try in a row that failed, counted from 1,
	// at least what the service asked for; nil is Pause, or what the service asked for.
	Backoff func(n int) time.Duration
	// IgnoreRetryAfter is what careless firmware does.
	IgnoreRetryAfter bool
	// Reprovision is after how many tries at its hub that failed in a row, or were refused
	// for its credentials, it registers anew; 0 never.
	Reprovision int
}

func (p Plan) withDefaults() Plan {
	if p.Patience == 0 {
		p.Patience = 30 * time.Minute
	}
	if p.Pause == 0 {
		p.Pause = 2 * time.Second
	}
	if p.Due == nil {
		p.Due = func(n int) time.Duration { return time.Duration(n-1) * p.Interval }
	}
	if p.Message == nil {
		p.Message = func(n int) ([]byte, map[string]string) {
			return fmt.Appendf(nil, `{"n":%d}`, n), map[string]string{"$.ct": "application/json", "$.ce": "utf-8"}
		}
	}
	return p
}

// Step is one thing that a device did.
type Step struct {
	Name    StepName
	Detail  string          // one line; holds no secret
	At      time.Time       // when it began
	Elapsed time.Duration   // on the device's clock
	Err     error           // nil for a refusal that was heard: Detail tells it
	Answer  *devwire.Answer // of StepRegister and StepPoll that were answered
}

// StepName is the kind of a Step.
type StepName string

const (
	StepConnect       StepName = "connect"
	StepRegister      StepName = "register"
	StepWait          StepName = "wait" // before another register or poll, or another try
	StepPoll          StepName = "poll"
	StepDisconnect    StepName = "disconnect" // from the service
	StepHubConnect    StepName = "hub connect"
	StepHubMethods    StepName = "hub methods" // subscribed to methods
	StepHubMethod     StepName = "hub method"  // answered one; between any other steps
	StepHubTwin       StepName = "hub twin"
	StepHubReport     StepName = "hub report"
	StepHubTelemetry  StepName = "hub telemetry"
	StepHubLost       StepName = "hub lost" // the connection ended, and not by the device
	StepHubDisconnect StepName = "hub disconnect"
)

// Outcome is how far a device came.
type Outcome struct {
	Status        dps.Status     // of the registration
	Hub, DeviceID string         // as assigned
	Assigned      time.Duration  // from the first step to the answer that assigned it
	Answer        devwire.Answer // the last of the service
	Twin          devwire.Twin   // as last read
	Reported      int64          // version of the reported properties
	Sent          int            // messages that the hub took
	Err           error          // why it ended before its plan
}

// NotAssigned is a registration that ended otherwise: refused (Answer.Error), failed or
// disabled.
type NotAssigned struct{ Answer devwire.Answer }

func (e *NotAssigned) Error() string { return "not assigned: " + tell(e.Answer) }

// tell is an answer on one line.
func tell(a devwire.Answer) string {
	switch {
	case a.Error != nil:
		return fmt.Sprintf("%d, %d %s", a.Code, a.Error.ErrorCode, a.Error.Message)
	case a.State != nil && a.Status == dps.StatusAssigned:
		return fmt.Sprintf("assigned to %s as %s", a.State.AssignedHub, a.State.DeviceID)
	case a.State != nil && a.State.ErrorCode != 0:
		return fmt.Sprintf("%s, %d %s", a.StatusText, a.State.ErrorCode, a.State.ErrorMessage)
	case a.StatusText != "":
		return a.StatusText
	}
	return fmt.Sprintf("code %d", a.Code)
}
