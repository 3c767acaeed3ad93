package device_test

import (
	"context"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/simulator/device"
)

// waits are how long the device waited, in order.
func waits(steps []device.Step) []time.Duration {
	var list []time.Duration
	for _, s := range steps {
		if s.Name == device.StepWait {
			list = append(list, s.Elapsed)
		}
	}
	return list
}

func doubling(n int) time.Duration { return time.Second << (n - 1) }

func TestADeviceBacksOffAndNeverAsksBeforeItWasToldTo(t *testing.T) {
	t.Parallel()
	replies := func() map[string][]reply {
		return map[string][]reply{
			"service":  {{err: errBroken}, {err: errBroken}},
			"register": {refusal(429, 10*time.Second), refusal(429, 5*time.Second), assigned("hub-1")},
			"hub":      {{err: errBroken}},
		}
	}
	for want, plan := range map[string]device.Plan{
		"1s 2s 10s 8s 1s": {Backoff: doubling},
		"1s 2s 4s 8s 1s":  {Backoff: doubling, IgnoreRetryAfter: true},
		"2s 2s 10s 5s 2s": {},
		"2s 2s 2s 2s 2s":  {IgnoreRetryAfter: true},
	} {
		outcome, steps := live(t, newScript(replies()), plan)
		got := ""
		for _, w := range waits(steps) {
			got += " " + w.String()
		}
		if got != " "+want || outcome.Err != nil {
			t.Errorf("waited%s, %v; want %s", got, outcome.Err, want)
		}
	}
}

func TestADeviceThatLosesItsHubConnectsAgainAndStaysTheRest(t *testing.T) {
	t.Parallel()
	s := newScript(map[string][]reply{
		"register":  {assigned("hub-1")},
		"telemetry": {{}, {takes: time.Second, loses: true}},
		"hub":       {{}, {err: errBroken}},
	})
	outcome, steps := live(t, s, device.Plan{Telemetry: 3, Interval: time.Minute, Stay: time.Minute, Backoff: doubling})
	if outcome.Err != nil || outcome.Sent != 3 {
		t.Errorf("%d sent, %v", outcome.Sent, outcome.Err)
	}
	lost := slices.IndexFunc(steps, func(s device.Step) bool { return s.Name == device.StepHubLost })
	if lost < 0 {
		t.Fatal("the loss is not told")
	}
	if got, want := waits(steps[lost:]), []time.Duration{time.Second, 2 * time.Second}; !reflect.DeepEqual(got, want) {
		t.Errorf("waited %v, want %v", got, want)
	}
	// This driver looks after a wait, when the third message is due; that is 3 s late then.
	if got, want := s.clock.Now().Sub(noon), 3*time.Minute+3*time.Second; got != want {
		t.Errorf("it left after %s, want %s", got, want)
	}
}

func TestALossDoesNotMakeAStayLonger(t *testing.T) {
	t.Parallel()
	s := newScript(map[string][]reply{"register": {assigned("hub-1")}})
	d := device.New(s, s.clock, device.Plan{Stay: time.Hour, Pause: time.Second}, nil)
	step := func() time.Duration {
		wait, more := d.Step(context.Background())
		if !more {
			t.Fatal(d.Outcome().Err)
		}
		return wait
	}
	for step() != time.Hour {
	}
	s.clock.Advance(20 * time.Minute)
	close(s.lost)
	if pause := step(); pause != time.Second {
		t.Fatalf("a pause of %s", pause)
	}
	if left := step(); left != 40*time.Minute {
		t.Errorf("%s left of its stay", left)
	}
}

func TestPatienceBeginsAnewWithALoss(t *testing.T) {
	t.Parallel()
	s := newScript(map[string][]reply{
		"register": {assigned("hub-1")}, "hub": {{}, {err: errBroken}},
		"telemetry": {{}, {takes: 2 * time.Minute, loses: true}},
	})
	outcome, _ := live(t, s, device.Plan{Telemetry: 2, Patience: time.Minute})
	if outcome.Err != nil || outcome.Sent != 2 {
		t.Errorf("%d sent, %v", outcome.Sent, outcome.Err)
	}
}

func TestADeviceRegistersAnewWhenItsHubIsGoneForLong(t *testing.T) {
	t.Parallel()
	s := newScript(map[string][]reply{
		"register":  {assigned("hub-1"), assigned("hub-2")},
		"telemetry": {{loses: true}},
		"hub":       {{}, {err: errBroken}, {err: errBroken}},
	})
	outcome, _ := live(t, s, device.Plan{Telemetry: 2, Reprovision: 3})
	if outcome.Err != nil || outcome.Hub != "hub-2" || outcome.Sent != 2 {
		t.Errorf("%d sent, hub %s, %v", outcome.Sent, outcome.Hub, outcome.Err)
	}
}

func TestADeviceThatItsHubRefusesRegistersAnew(t *testing.T) {
	t.Parallel()
	refused := reply{err: &devwire.ConnectRefused{Code: 5}}
	s := newScript(map[string][]reply{"register": {assigned("hub-1"), assigned("hub-2")}, "hub": {refused}})
	if outcome, _ := live(t, s, device.Plan{Reprovision: 10}); outcome.Err != nil || outcome.Hub != "hub-2" {
		t.Errorf("hub %s, %v", outcome.Hub, outcome.Err)
	}
	s = newScript(map[string][]reply{"register": {assigned("hub-1")}, "hub": {refused}})
	if outcome, _ := live(t, s, device.Plan{}); outcome.Err == nil {
		t.Error("a device that never registers anew went on")
	}
}

func TestMessagesAreDueWhenThePlanSays(t *testing.T) {
	t.Parallel()
	s := newScript(map[string][]reply{"register": {assigned("hub-1")}})
	var asked []int
	_, steps := live(t, s, device.Plan{Telemetry: 3, Due: func(n int) time.Duration {
		asked = append(asked, n)
		return []time.Duration{0, 0, time.Second, time.Minute}[n]
	}})
	var at []time.Duration
	for _, step := range steps {
		if step.Name == device.StepHubTelemetry {
			at = append(at, step.At.Sub(noon))
		}
	}
	if want := []time.Duration{0, time.Second, time.Minute}; !reflect.DeepEqual(at, want) || !reflect.DeepEqual(asked, []int{1, 2, 3}) {
		t.Errorf("sent at %v, want %v; asked for %v", at, want, asked)
	}
}

func TestStepsTellWhatWasAnswered(t *testing.T) {
	t.Parallel()
	s := newScript(map[string][]reply{"register": {assigning("op", time.Second)}, "poll": {assigned("hub-1")}})
	_, steps := live(t, s, device.Plan{})
	var got []dps.Status
	for _, step := range steps {
		if step.Answer != nil {
			got = append(got, step.Answer.Status)
		}
	}
	if want := []dps.Status{dps.StatusAssigning, dps.StatusAssigned}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestALossEndsAWait(t *testing.T) {
	t.Parallel()
	s := newScript(map[string][]reply{"register": {assigned("hub-1")}})
	d := device.New(s, s.clock, device.Plan{Stay: time.Hour}, nil)
	var wait time.Duration
	for range 3 {
		wait, _ = d.Step(context.Background())
	}
	if wait != time.Hour {
		t.Fatalf("%s to wait at the hub", wait)
	}
	close(s.lost)
	if err := d.Wait(context.Background(), wait); err != nil {
		t.Fatal(err)
	}
	if _, more := d.Step(context.Background()); !more {
		t.Error("it ended")
	}
}
