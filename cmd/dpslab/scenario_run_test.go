package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/controlapi"
	"github.com/dpslab/dpslab/internal/dps"
	results "github.com/dpslab/dpslab/reports/load"
	"github.com/dpslab/dpslab/scenarios/load"
	scenario "github.com/dpslab/dpslab/scenarios/run"
	"github.com/dpslab/dpslab/simulator/fleet"
	"github.com/dpslab/dpslab/simulator/identity"
)

// firstBoot is a plan of 60 devices of every kind, all powered on within a second.
func firstBoot() scenario.Plan {
	message := fleet.Behaviour{Telemetry: fleet.Telemetry{Count: 1}}
	zero, all := 0.0, 30.0
	return scenario.Plan{
		Tool: tool(), Scenario: results.Scenario{Name: "first-boot", Digest: "sha256:" + strings.Repeat("0", 64)},
		Fleet: fleet.Spec{
			Identities: &identity.Fleet{Seed: "a test", Prefix: "boot"}, Size: 60, Retry: fleet.Retry{Initial: 100 * time.Millisecond, Factor: 2, GiveUpAfter: 20 * time.Second},
			Mix: []fleet.Share{
				{Weight: 2, Attestation: fleet.SymmetricGroup, Transport: dps.HTTPS, Behaviour: message},
				{Weight: 2, Attestation: fleet.X509Group, Transport: dps.MQTT, Behaviour: message},
				{Weight: 1, Attestation: fleet.SymmetricIndividual, Transport: dps.AMQP},
				{Weight: 1, Attestation: fleet.X509Individual, Transport: dps.MQTTWebSocket},
			},
		},
		Schedule: load.Schedule{{Pacer: load.PerSecond(100), Duration: time.Second}}, Most: 1000, Shard: 1, Of: 1,
		Expectations: []results.Expectation{
			{Name: "assigned_within", Asked: "all within 30 s", Bound: results.Bound{Measure: results.TimeToAssigned, Quantile: 1, AtMost: &all}},
			{Name: "invariants", Asked: "none broken", Bound: results.Bound{Measure: results.BrokenInvariants, AtMost: &zero}},
			{Name: "errors", Asked: "none", Bound: results.Bound{Measure: results.RequestErrors, AtMost: &zero}},
		},
	}
}

func runPlan(t *testing.T, ctx context.Context, p scenario.Plan, lab *running) (results.Run, *bytes.Buffer, *bytes.Buffer) {
	t.Helper()
	var flows, requests bytes.Buffer
	r, err := scenario.Run(ctx, p, scenario.Target{Target: lab.target, Kind: embedded, Lab: lab.cmd.Process}, clock.System(), scenario.Files{Flows: &flows, Requests: &requests})
	if err != nil {
		t.Fatal(err)
	}
	return r, &flows, &requests
}

func TestAFleetOfEveryKindIsPoweredOn(t *testing.T) {
	lab := up(t).open(t)
	r, flows, requests := runPlan(t, t.Context(), firstBoot(), lab)
	if r.Verdict != results.Passed && r.Verdict != results.Void { // a machine that is busy makes it void
		t.Errorf("%s: %q", r.Verdict, r.Reasons)
	}
	if a := r.Answer; a.Devices != 60 || a.Assigned.Done != 60 || a.Telemetry.Of != 40 || a.Telemetry.Done != 40 || a.Attempts != 60 || a.GaveUp != 0 {
		t.Errorf("%s; %s; %+v", a.Sentence, a.FirstMessage, a)
	}
	for _, i := range r.Invariants {
		if i.Checked == 0 || i.Broken != 0 {
			t.Errorf("%s: %d checked, %d broken: %q", i.Name, i.Checked, i.Broken, i.Examples)
		}
	}
	if len(r.Flows) != 4 || len(r.Series) == 0 || len(r.Allocation.Hubs) != 3 || r.Health.LabCPU <= 0 || r.Health.GeneratorCPU <= 0 {
		t.Errorf("flows %+v, %d seconds, allocation %+v, health %+v", r.Flows, len(r.Series), r.Allocation, r.Health)
	}
	if n := decoded(t, flows); n != 60 {
		t.Errorf("%d flows in the file", n)
	}
	counted := 0
	for _, k := range r.Requests {
		counted += k.Count
	}
	if n := decoded(t, requests); n != counted || n < 60*3 {
		t.Errorf("%d requests in the file, %d in the result", n, counted)
	}
}

// decoded counts the results in a file of vegeta's encoding.
func decoded(t *testing.T, file io.Reader) int {
	t.Helper()
	decode := vegeta.NewDecoder(file)
	for n := 0; ; n++ {
		var r vegeta.Result
		if err := decode(&r); errors.Is(err, io.EOF) {
			return n
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestTwoShardsAreOneFleet(t *testing.T) {
	lab := up(t).open(t)
	var parts []results.Run
	for i := range 2 {
		p := firstBoot()
		p.Shard, p.Of, p.Closed = i+1, 2, 8
		r, _, _ := runPlan(t, t.Context(), p, lab)
		parts = append(parts, r)
	}
	sum, err := results.Merge(parts)
	if err != nil {
		t.Fatal(err)
	}
	if sum.Verdict != results.Passed || sum.Answer.Assigned.Done != 60 || sum.Answer.Devices != 60 {
		t.Errorf("%s: %q; %s", sum.Verdict, sum.Reasons, sum.Answer.Sentence)
	}
}

func TestABrokenInvariantFailsTheRun(t *testing.T) {
	lab := up(t).open(t)
	control := lab.control(t)
	services, err := control.Services(t.Context())
	if err != nil || len(services) != 1 {
		t.Fatal(err, services)
	}
	p := firstBoot()
	p.Fleet.Mix, p.Fleet.Retry.GiveUpAfter = p.Fleet.Mix[:1], time.Second // at a hub that is not there
	if _, err := control.ArmService(t.Context(), services[0].Name, controlapi.Plan{Entry: "assigned-hub-bare"}); err != nil {
		t.Fatal(err)
	}
	r, _, _ := runPlan(t, t.Context(), p, lab)
	if reasons := strings.Join(r.Reasons, "\n"); r.Verdict != results.Failed || !strings.Contains(reasons, "hub among the candidates: broken") {
		t.Errorf("%s: %q", r.Verdict, r.Reasons)
	}
}

func TestAnInterruptedRunKeepsWhatItFound(t *testing.T) {
	lab := up(t).open(t)
	p := firstBoot()
	p.Schedule = load.Schedule{{Pacer: load.Burst{Size: 20}, Duration: time.Hour}, {Pacer: load.Burst{Size: 40}}}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	r, _, _ := runPlan(t, ctx, p, lab)
	if r.Verdict != results.Interrupted || r.Answer.Started != 20 || r.Answer.Devices != 60 || !r.Answer.Assigned.Last.Later {
		t.Errorf("%s: %q; %s", r.Verdict, r.Reasons, r.Answer.Sentence)
	}
}

func TestAnActionIsDoneWhileTheLoadIsOn(t *testing.T) {
	lab := up(t).open(t)
	control := lab.control(t)
	services, err := control.Services(t.Context())
	if err != nil || len(services) != 1 {
		t.Fatal(err, services)
	}
	throttle := func(n int) func(context.Context) error {
		return func(ctx context.Context) error {
			return control.SetLimits(ctx, services[0].Name, controlapi.Limits{RegistrationsPerMinute: n})
		}
	}
	p := firstBoot()
	p.Fleet.Mix, p.Expectations = p.Fleet.Mix[:1], p.Expectations[:2]
	p.Timeline = []scenario.Action{
		{At: 200 * time.Millisecond, What: "1 registration a minute", Do: throttle(1)},
		{At: 2 * time.Second, What: "no limit", Do: throttle(0)},
	}
	r, _, _ := runPlan(t, t.Context(), p, lab)
	if r.Verdict == results.Failed || r.Verdict == results.Interrupted || r.Answer.Assigned.Done != 60 {
		t.Errorf("%s: %q; %s", r.Verdict, r.Reasons, r.Answer.Sentence)
	}
	if len(r.Timeline) != 2 || r.Timeline[1].What != "no limit" || r.Timeline[1].At < 2*time.Second {
		t.Errorf("timeline %+v", r.Timeline)
	}
	if r.Answer.Assigned.Last.Time < time.Second || r.Answer.AttemptsPerDevice() <= 1 {
		t.Errorf("nobody was throttled: %s", r.Answer.Sentence)
	}
	p.Fleet.Identities.Prefix, p.Timeline = "again", []scenario.Action{{What: "the lab is moved", Do: func(context.Context) error { return errors.New("too heavy") }}}
	if r, _, _ := runPlan(t, t.Context(), p, lab); r.Verdict != results.Interrupted || r.Reasons[0] != "the lab is moved: it could not be done: too heavy" {
		t.Errorf("%s: %q", r.Verdict, r.Reasons)
	}
}

func TestConnectedDevicesLeaveWithinFiveSeconds(t *testing.T) {
	lab := up(t).open(t)
	p := firstBoot()
	for i := range p.Fleet.Mix {
		p.Fleet.Mix[i].Behaviour = fleet.Behaviour{Methods: true, Twin: true, Stay: time.Hour, Telemetry: fleet.Telemetry{Interval: 100 * time.Millisecond}}
	}
	ctx, interrupt := context.WithCancel(t.Context())
	p.Timeline = []scenario.Action{{At: 4 * time.Second, What: "Ctrl-C", Do: func(context.Context) error { interrupt(); return nil }}}
	r, _, _ := runPlan(t, ctx, p, lab)
	if r.Verdict != results.Interrupted || r.Answer.Telemetry.Done == 0 {
		t.Errorf("%s: %q; %s; %s", r.Verdict, r.Reasons, r.Answer.Sentence, r.Answer.FirstMessage)
	}
	if took := r.Elapsed - r.Timeline[0].At; took > 5*time.Second {
		t.Errorf("it took them %s", took)
	}
}

func TestOnlyLabsAreLoaded(t *testing.T) {
	lab := up(t).open(t)
	lab.target.DPS.Address = "192.0.2.1"
	if _, err := scenario.Run(t.Context(), firstBoot(), scenario.Target{Target: lab.target}, clock.System(), scenario.Files{Flows: io.Discard, Requests: io.Discard}); err == nil || !strings.Contains(err.Error(), "not on loopback") {
		t.Error(err)
	}
}
