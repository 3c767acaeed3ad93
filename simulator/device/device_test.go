package device_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/simulator/device"
)

func TestAWholeLife(t *testing.T) {
	s := newScript(map[string][]reply{
		"register": {assigning("op", 3*time.Second)},
		"poll":     {assigning("op", 0), assigned("hub-a")},
		"twin":     {{takes: time.Second}},
	})
	outcome, steps := live(t, s, device.Plan{
		Payload: json.RawMessage(`{"m":1}`), Telemetry: 2, Interval: 10 * time.Second, ReadTwin: true, Report: "fw",
		Methods: func(string, json.RawMessage) (int, any) { return 200, nil }, Stay: time.Minute,
	})
	wantCalls := []string{
		"service", `register {"m":1}`, "poll op", "poll op", "close service",
		"hub hub-a d1", "methods", "twin", "report fw",
		`telemetry {"n":1} map[$.ce:utf-8 $.ct:application/json] at 6s`, `telemetry {"n":2} map[$.ce:utf-8 $.ct:application/json] at 16s`,
		"close hub",
	}
	if !slices.Equal(s.calls, wantCalls) {
		t.Errorf("did\n%s, want\n%s", strings.Join(s.calls, "\n"), strings.Join(wantCalls, "\n"))
	}
	wantSteps := []string{
		"connect 0s 0s ", "register 0s 0s assigning", "wait 0s 3s to poll in 3s", "poll 3s 0s assigning", "wait 3s 2s to poll in 2s",
		"poll 5s 0s assigned to hub-a as d1", "disconnect 5s 0s ", "hub connect 5s 0s hub-a", "hub methods 5s 0s ",
		"hub twin 5s 1s desired version 4, reported version 9", "hub report 6s 0s version 10",
		"hub telemetry 6s 0s 1 of 2", "hub telemetry 16s 0s 2 of 2", "hub disconnect 1m16s 0s ",
	}
	var got []string
	for _, step := range steps {
		if step.Err != nil {
			t.Errorf("%s: %v", step.Name, step.Err)
		}
		got = append(got, fmt.Sprintf("%s %s %s %s", step.Name, step.At.Sub(noon), step.Elapsed, step.Detail))
	}
	if !slices.Equal(got, wantSteps) {
		t.Errorf("told\n%s, want\n%s", strings.Join(got, "\n"), strings.Join(wantSteps, "\n"))
	}
	if outcome.Err != nil || outcome.Status != dps.StatusAssigned || outcome.Hub != "hub-a" || outcome.DeviceID != "d1" ||
		outcome.Assigned != 5*time.Second || outcome.Sent != 2 || outcome.Twin.DesiredVersion != 4 || outcome.Reported != 10 {
		t.Errorf("%+v", outcome)
	}
}

func TestTheZeroPlanOnlyShowsItselfAtItsHub(t *testing.T) {
	s := newScript(map[string][]reply{"register": {assigned("hub-a")}})
	if outcome, _ := live(t, s, device.Plan{}); outcome.Err != nil {
		t.Error(outcome.Err)
	}
	if want := []string{"service", "register ", "close service", "hub hub-a d1", "close hub"}; !slices.Equal(s.calls, want) {
		t.Errorf("did %q", s.calls)
	}
}

// How a device meets what goes wrong: what passes is tried again, what does not ends the
// plan at once.
func TestTroubleOnTheWayToAssignment(t *testing.T) {
	for name, tc := range map[string]struct {
		replies map[string][]reply
		calls   string
		after   time.Duration // when it was assigned, 0 when it was not
	}{
		"throttled at register": {
			replies: map[string][]reply{"register": {refusal(429, 5*time.Second), refusal(503, 0), assigned("h")}},
			calls:   "service, register , register , register ", after: 7 * time.Second,
		},
		"throttled at poll keeps its operation": {
			replies: map[string][]reply{"register": {assigning("op", time.Second)}, "poll": {refusal(429, 4*time.Second), assigned("h")}},
			calls:   "service, register , poll op, poll op", after: 5 * time.Second,
		},
		"the operation is forgotten": {
			replies: map[string][]reply{"register": {assigning("op", time.Second), assigned("h")}, "poll": {refusal(404, 0)}},
			calls:   "service, register , poll op, register ", after: 3 * time.Second,
		},
		"no connection at first": {
			replies: map[string][]reply{"service": {{err: errBroken}, {err: errBroken}}, "register": {assigned("h")}},
			calls:   "service, service, service, register ", after: 4 * time.Second,
		},
		"broken at register": {
			replies: map[string][]reply{"register": {{err: errBroken}, assigned("h")}},
			calls:   "service, register , close service, service, register ", after: 2 * time.Second,
		},
		"broken at poll": {
			replies: map[string][]reply{"register": {assigning("op", time.Second)}, "poll": {{err: errBroken}, assigned("h")}},
			calls:   "service, register , poll op, close service, service, poll op", after: 3 * time.Second,
		},
		"server unavailable": {
			replies: map[string][]reply{"service": {{err: &devwire.ConnectRefused{Code: 3}}}, "register": {assigned("h")}},
			calls:   "service, service, register ", after: 2 * time.Second,
		},
		"not authorized":        {replies: map[string][]reply{"service": {{err: &devwire.ConnectRefused{Code: 5}}}}, calls: "service"},
		"upgrade unavailable":   {replies: map[string][]reply{"service": {{err: &devwire.UpgradeRefused{Status: 503}}}, "register": {assigned("h")}}, calls: "service, service, register ", after: 2 * time.Second},
		"no such upgrade":       {replies: map[string][]reply{"service": {{err: &devwire.UpgradeRefused{Status: 404}}}}, calls: "service"},
		"no subscription":       {replies: map[string][]reply{"service": {{err: &devwire.SubscribeRefused{Code: 0x80}}}}, calls: "service"},
		"unauthorized":          {replies: map[string][]reply{"register": {refusal(401, 0)}}, calls: "service, register , close service"},
		"malformed":             {replies: map[string][]reply{"register": {{err: &devwire.Malformed{What: "x"}}}}, calls: "service, register , close service"},
		"failed":                {replies: map[string][]reply{"register": {{answer: devwire.Answer{Code: 200, Status: dps.StatusFailed}}}}, calls: "service, register , close service"},
		"disabled":              {replies: map[string][]reply{"register": {{answer: devwire.Answer{Code: 200, Status: dps.StatusDisabled}}}}, calls: "service, register , close service"},
		"a status nobody knows": {replies: map[string][]reply{"register": {{answer: devwire.Answer{Code: 202}}}}, calls: "service, register , close service"},
		"assigned to no hub":    {replies: map[string][]reply{"register": {assigned("")}}, calls: "service, register , close service"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(tc.replies)
			outcome, _ := live(t, s, device.Plan{})
			want := tc.calls
			if tc.after > 0 {
				want += ", close service, hub h d1, close hub"
			}
			if got := strings.Join(s.calls, ", "); got != want {
				t.Errorf("did %s, want %s", got, want)
			}
			if outcome.Assigned != tc.after || (outcome.Err == nil) != (tc.after > 0) {
				t.Errorf("assigned after %s, %v", outcome.Assigned, outcome.Err)
			}
		})
	}
}

func TestPatienceEnds(t *testing.T) {
	forever := func(r reply) []reply { return slices.Repeat([]reply{r}, 1000) }
	for name, replies := range map[string]map[string][]reply{
		"when it stays throttled":       {"register": forever(refusal(429, 0))},
		"when it stays assigning":       {"register": {assigning("op", 0)}, "poll": forever(assigning("op", 0))},
		"when no connection comes":      {"service": forever(reply{err: errBroken})},
		"when the hub is not there":     {"register": {assigned("h")}, "hub": forever(reply{err: errBroken})},
		"when the hub breaks each time": {"register": {assigned("h")}, "telemetry": forever(reply{err: errBroken})},
		"when the hub stays busy":       {"register": {assigned("h")}, "telemetry": forever(reply{err: &devwire.HubError{Status: 429}})},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(replies)
			outcome, _ := live(t, s, device.Plan{Patience: time.Minute, Telemetry: 1})
			if took := s.clock.Now().Sub(noon); outcome.Err == nil || took < 55*time.Second || took > time.Minute {
				t.Errorf("ended after %s with %v", took, outcome.Err)
			}
			if opened, closed := strings.Count(strings.Join(s.calls, "\n"), "hub h"), strings.Count(strings.Join(s.calls, "\n"), "close hub"); replies["hub"] == nil && opened != closed {
				t.Errorf("%d connections to the hub, %d closed", opened, closed)
			}
		})
	}
}

func TestANewConnectionToTheHubGoesOnWhereTheOldOneBroke(t *testing.T) {
	s := newScript(map[string][]reply{
		"register":  {assigned("h")},
		"telemetry": {{}, {err: errBroken}},
		"report":    {{err: &devwire.HubError{Status: 429}}},
	})
	outcome, _ := live(t, s, device.Plan{
		Telemetry: 3, Interval: time.Second, ReadTwin: true, Report: "fw",
		Methods: func(string, json.RawMessage) (int, any) { return 200, nil },
		Message: func(n int) ([]byte, map[string]string) { return fmt.Append(nil, n), nil },
	})
	want := "methods, twin, report fw, report fw, telemetry 1 map[] at 2s, telemetry 2 map[] at 3s, close hub, " +
		"hub h d1, methods, telemetry 2 map[] at 5s, telemetry 3 map[] at 5s, close hub"
	if got := strings.Join(s.calls[4:], ", "); got != want {
		t.Errorf("did %s, want %s", got, want)
	}
	if outcome.Err != nil || outcome.Sent != 3 {
		t.Errorf("%+v", outcome)
	}
}

func TestARefusalOfTheHubEndsThePlan(t *testing.T) {
	s := newScript(map[string][]reply{"register": {assigned("h")}, "report": {{err: &devwire.HubError{Status: 400}}}})
	outcome, steps := live(t, s, device.Plan{Report: "x", Telemetry: 1})
	var refused *devwire.HubError
	if !errors.As(outcome.Err, &refused) || s.calls[len(s.calls)-1] != "close hub" {
		t.Errorf("%v after %q", outcome.Err, s.calls)
	}
	if last := steps[len(steps)-2]; last.Name != device.StepHubReport || last.Err == nil {
		t.Errorf("told %+v", last)
	}
}

func TestMethodsAreAnsweredAndTold(t *testing.T) {
	s := newScript(map[string][]reply{"register": {assigned("h")}})
	var told []device.Step
	d := device.New(s, s.clock, device.Plan{
		Methods: func(name string, payload json.RawMessage) (int, any) { return 202, name + string(payload) },
		Stay:    time.Hour,
	}, func(step device.Step) { told = append(told, step) })
	for s.methods == nil {
		if _, more := d.Step(context.Background()); !more {
			t.Fatal("it ended before it subscribed")
		}
	}
	if status, response := s.methods("reboot", json.RawMessage(`1`)); status != 202 || response != "reboot1" {
		t.Errorf("answered %d %v", status, response)
	}
	if last := told[len(told)-1]; last.Name != device.StepHubMethod || last.Detail != "reboot, answered 202" {
		t.Errorf("told %+v", last)
	}
	d.Stop(nil)
	if _, more := d.Step(context.Background()); more || s.calls[len(s.calls)-1] != "close hub" {
		t.Errorf("after Stop: %q", s.calls)
	}
}

func TestRunWaitsOnTheDevicesClock(t *testing.T) {
	s := newScript(map[string][]reply{"register": {assigning("op", 3*time.Second)}, "poll": {assigned("h")}})
	done := make(chan device.Outcome)
	d := device.New(s, s.clock, device.Plan{}, nil)
	go func() { done <- d.Run(context.Background()) }()
	if err := s.clock.BlockUntil(context.Background(), 1); err != nil {
		t.Fatal(err)
	}
	s.clock.Advance(3 * time.Second)
	if outcome := <-done; outcome.Err != nil || outcome.Assigned != 3*time.Second {
		t.Errorf("%+v", outcome)
	}
}

func TestNothingIsTriedAgainOnceTheContextHasEnded(t *testing.T) {
	s := newScript(map[string][]reply{"service": {{err: errBroken}}})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	d := device.New(s, s.clock, device.Plan{}, nil)
	if _, more := d.Step(ctx); more || !errors.Is(d.Outcome().Err, errBroken) {
		t.Errorf("%+v", d.Outcome())
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	s := newScript(map[string][]reply{"register": {assigning("op", 3*time.Second)}})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan device.Outcome)
	d := device.New(s, s.clock, device.Plan{}, nil)
	go func() { done <- d.Run(ctx) }()
	if err := s.clock.BlockUntil(ctx, 1); err != nil {
		t.Fatal(err)
	}
	cancel()
	if outcome := <-done; !errors.Is(outcome.Err, context.Canceled) || s.calls[len(s.calls)-1] != "close service" {
		t.Errorf("%+v after %q", outcome, s.calls)
	}
}
