package device_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/simulator/device"
)

var noon = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)

// reply is what a scripted peer does when it is asked next.
type reply struct {
	answer devwire.Answer
	err    error
	takes  time.Duration // on the clock
	loses  bool          // the connection to the hub ends after it
}

// script is a Transport whose replies are written down. Where nothing is, all is well.
type script struct {
	clock   *clock.Movable
	calls   []string           // what was asked, in order
	replies map[string][]reply // by the name of what is asked, in turn
	methods func(name string, payload json.RawMessage) (int, any)
	lost    chan struct{} // of the next connection to a hub
}

func newScript(replies map[string][]reply) *script {
	return &script{clock: clock.NewMovable(clock.Frozen(noon)), replies: replies}
}

func (s *script) take(name, detail string) reply {
	s.calls = append(s.calls, name+detail)
	list := s.replies[name]
	if len(list) == 0 {
		return reply{}
	}
	s.replies[name] = list[1:]
	s.clock.Advance(list[0].takes)
	if list[0].loses {
		close(s.lost)
	}
	return list[0]
}

func (s *script) Service(context.Context) (device.Service, error) {
	if err := s.take("service", "").err; err != nil {
		return nil, err
	}
	return scriptedService{s}, nil
}

func (s *script) Hub(_ context.Context, host, deviceID string) (device.Hub, error) {
	if err := s.take("hub", " "+host+" "+deviceID).err; err != nil {
		return nil, err
	}
	s.lost = make(chan struct{})
	return scriptedHub{s}, nil
}

type scriptedService struct{ s *script }

func (c scriptedService) Register(_ context.Context, payload json.RawMessage) (devwire.Answer, error) {
	r := c.s.take("register", " "+string(payload))
	return r.answer, r.err
}

func (c scriptedService) Poll(_ context.Context, operationID string) (devwire.Answer, error) {
	r := c.s.take("poll", " "+operationID)
	return r.answer, r.err
}

func (c scriptedService) Close() error { return c.s.take("close", " service").err }

type scriptedHub struct{ s *script }

func (c scriptedHub) SendTelemetry(_ context.Context, payload []byte, properties map[string]string) error {
	return c.s.take("telemetry", fmt.Sprintf(" %s %v at %s", payload, properties, c.s.clock.Now().Sub(noon))).err
}

func (c scriptedHub) Twin(context.Context) (devwire.Twin, error) {
	return devwire.Twin{DesiredVersion: 4, ReportedVersion: 9}, c.s.take("twin", "").err
}

func (c scriptedHub) Report(_ context.Context, patch any) (int64, error) {
	return 10, c.s.take("report", fmt.Sprint(" ", patch)).err
}

func (c scriptedHub) HandleMethods(handle func(string, json.RawMessage) (int, any)) error {
	c.s.methods = handle
	return c.s.take("methods", "").err
}

func (c scriptedHub) Lost() <-chan struct{} { return c.s.lost }

func (c scriptedHub) Close() error { return c.s.take("close", " hub").err }

// The answers of a service.
func assigning(operation string, retryAfter time.Duration) reply {
	return reply{answer: devwire.Answer{Code: 202, OperationID: operation, Status: dps.StatusAssigning, StatusText: "assigning",
		RetryAfter: retryAfter, HasRetryAfter: retryAfter > 0}}
}

func assigned(hub string) reply {
	return reply{answer: devwire.Answer{Code: 200, OperationID: "op", Status: dps.StatusAssigned, StatusText: "assigned",
		State: &devwire.State{Status: dps.StatusAssigned, AssignedHub: hub, DeviceID: "d1"}}}
}

func refusal(code int, retryAfter time.Duration) reply {
	return reply{answer: devwire.Answer{Code: code, RetryAfter: retryAfter, HasRetryAfter: retryAfter > 0,
		Error: &devwire.ErrorDocument{ErrorCode: code * 1000, Message: "no"}}}
}

var errBroken = errors.New("connection broken")

// live drives a device to its end on the script's clock, and returns its steps.
func live(t *testing.T, s *script, p device.Plan) (device.Outcome, []device.Step) {
	t.Helper()
	var steps []device.Step
	d := device.New(s, s.clock, p, func(step device.Step) { steps = append(steps, step) })
	for range 10000 {
		wait, more := d.Step(context.Background())
		if !more {
			return d.Outcome(), steps
		}
		s.clock.Advance(wait)
	}
	t.Fatal("the device never ends")
	return device.Outcome{}, nil
}
