package scenarios

import (
	"fmt"
	"hash/fnv"

	"github.com/dpslab/dpslab/internal/dps"
	results "github.com/dpslab/dpslab/reports/load"
	"github.com/dpslab/dpslab/scenarios/load"
	"github.com/dpslab/dpslab/scenarios/run"
	"github.com/dpslab/dpslab/simulator/fleet"
	"github.com/dpslab/dpslab/simulator/identity"
)

// Plan is the scenario with that many devices, 0 for its own number, as package run takes it.
func (s Scenario) Plan(devices int) run.Plan {
	if devices == 0 {
		devices = s.Fleet.Devices
	}
	p := run.Plan{
		Scenario: results.Scenario{Name: s.Name, Digest: s.digest}, Fleet: s.spec(devices),
		Closed: s.Load.Closed, Most: s.Load.Most, Deadline: s.Deadline.must(), Shard: 1, Of: 1, Expectations: s.Expect.expectations(),
	}
	if p.Most == 0 {
		p.Most = devices
	}
	for _, stage := range s.Load.Stages {
		p.Schedule = append(p.Schedule, stage.schedule(p.Fleet.Identities.Seed))
	}
	return p
}

// spec is the fleet.
func (s Scenario) spec(devices int) fleet.Spec {
	f, r := s.Fleet, s.Fleet.Retry
	id := &identity.Fleet{Seed: f.Seed, Prefix: f.Prefix}
	if id.Seed == "" {
		id.Seed = s.Name
	}
	if id.Prefix == "" {
		id.Prefix = s.Name
	}
	spec := fleet.Spec{Identities: id, Size: devices, Retry: fleet.Retry{
		Initial: r.Initial.must(), Factor: r.Factor, Cap: r.Cap.must(), Jitter: r.Jitter, HonourRetryAfter: r.HonoursRetryAfter,
		GiveUpAfter: r.GivesUpAfter.must(), Reprovision: r.ReprovisionsAfter,
	}}
	for _, share := range f.Mix {
		spec.Mix = append(spec.Mix, share.share())
	}
	return spec
}

func (s Share) share() fleet.Share {
	hub := dps.TransportNone // MQTT, as package fleet has it
	if s.HubTransport != "" {
		hub = transports[s.HubTransport]
	}
	share := fleet.Share{
		Weight: s.Weight, Attestation: attestations[s.Attestation], Transport: transports[s.Transport], HubTransport: hub,
		Behaviour: fleet.Behaviour{
			Twin: s.Twin, Methods: s.Methods, Stay: s.Stay.must(), Reregister: s.Reregister.must(), Reboot: s.Reboot.must(),
			Dark: s.Dark.must(), Rollover: s.Rollover.must(),
		},
	}
	if t := s.Telemetry; t != nil {
		share.Behaviour.Telemetry = fleet.Telemetry{
			Count: t.Count, Interval: t.Interval.must(), Poisson: t.Poisson, MinSize: t.MinBytes, MaxSize: t.MaxBytes,
		}
	}
	return share
}

// schedule leaves to chance what follows from the fleet's seed.
func (s Stage) schedule(seed string) load.Stage {
	stage := load.Stage{Duration: s.For.must()}
	switch {
	case s.Constant != "":
		stage.Pacer = load.PerSecond(s.Constant.must())
	case s.Poisson != "":
		stage.Pacer = load.NewPoisson(s.Poisson.must(), chance(seed))
	case s.Ramp != nil:
		stage.Pacer = load.Ramp(s.Ramp.From.must(), s.Ramp.To.must(), stage.Duration)
	default:
		stage.Pacer = load.Burst{Size: uint64(s.Burst)}
		if stage.Duration == 0 {
			stage.Count = s.Burst
		}
	}
	return stage
}

func chance(seed string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(seed)) // never fails
	return h.Sum64()
}

func (e Expect) expectations() []results.Expectation {
	zero := 0.0
	list := []results.Expectation{{Name: "invariants", Asked: "none broken", Bound: results.Bound{Measure: results.BrokenInvariants, AtMost: &zero}}}
	within := func(name string, m results.Measure, demands []Within) {
		for _, w := range demands {
			most := w.Time.must().Seconds()
			list = append(list, results.Expectation{Name: name, Asked: fmt.Sprintf("%g %% within %s", 100*w.Share, w.Time),
				Bound: results.Bound{Measure: m, Quantile: w.Share, AtMost: &most}})
		}
	}
	atMost := func(name string, m results.Measure, most float64) {
		list = append(list, results.Expectation{Name: name, Asked: fmt.Sprintf("%g at most", most), Bound: results.Bound{Measure: m, AtMost: &most}})
	}
	within("assigned_within", results.TimeToAssigned, e.AssignedWithin)
	within("telemetry_within", results.TimeToTelemetry, e.TelemetryWithin)
	within("request_latency", results.RequestLatency, e.RequestLatency)
	if e.Unprovisioned != nil {
		atMost("unprovisioned", results.Unprovisioned, float64(*e.Unprovisioned))
	}
	if e.AttemptsPerDevice != nil {
		atMost("attempts_per_device", results.AttemptsPerDevice, *e.AttemptsPerDevice)
	}
	if e.RequestErrors != nil {
		atMost("request_errors", results.RequestErrors, *e.RequestErrors)
	}
	return list
}
