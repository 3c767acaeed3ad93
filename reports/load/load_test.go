package load_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/schematest"
	"github.com/dpslab/dpslab/reports"
	"github.com/dpslab/dpslab/reports/load"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

var noon = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)

// device is one of those that a test's runs are made of.
type device struct {
	wait     time.Duration // from planned power-on to assigned, or to the end
	assigned bool
	latency  time.Duration
	attempts int
	hub      string
}

// run is a run of shard index of n, of such devices.
func run(devices []device, index, n int) load.Run {
	r := load.Run{
		Schema: load.Schema, Tool: reports.Tool{Version: "test", Go: "go1.26.0", OS: "linux", Arch: "amd64"},
		Scenario:    load.Scenario{Name: "first-boot", Digest: "sha256:" + strings.Repeat("0", 64), Vars: map[string]string{"rate": "200"}},
		Target:      load.Target{Identity: "global.azure-devices-provisioning.net", Kind: "embedded", Hubs: []string{"a", "b"}},
		Environment: load.Environment{CPUs: 2, Descriptors: 20000}, Shard: load.Shard{Indexes: []int{index}, Of: n, Workers: 1},
		Seed: "0011223344556677", Mode: load.Mode{Kind: load.Paced}, Began: noon, Elapsed: 15 * time.Minute,
		Answer:     load.Answer{Assigned: load.Reach{Times: load.Waits(), Waits: load.Waits()}},
		Allocation: &load.Allocation{},
		Timeline:   []load.Event{{At: time.Minute, What: "hub b is stopped"}},
		Health:     load.Health{LateAfter: load.LateAfter(0), Lag: load.Latencies()},
		Invariants: []load.Invariant{{Name: "one device, one hub", Statement: "a device is assigned one hub", Checked: len(devices)}},
	}
	flows := load.Traffic{Kind: "x509 group over mqtt", Errors: map[string]int{}, Corrected: load.Latencies(), Raw: load.Latencies()}
	hubs := map[string]int{}
	second := load.Second{Flows: load.NewWindow(), Requests: load.NewWindow(), Assigned: map[string]int{}}
	for _, d := range devices {
		r.Answer.Devices++
		r.Answer.Started++
		r.Answer.Attempts += d.attempts
		r.Health.Starts++
		r.Health.Lag.Record(100)
		flows.Count++
		flows.Corrected.Record(d.latency.Microseconds())
		flows.Raw.Record(d.latency.Microseconds())
		second.Asked++
		second.Flows.Ended++
		second.Flows.Latency.Record(d.latency.Microseconds())
		if d.assigned {
			r.Answer.Assigned.Times.Record(d.wait.Milliseconds())
			hubs[d.hub]++
		} else {
			r.Answer.Assigned.Waits.Record(d.wait.Milliseconds())
			flows.Failed++
			flows.Errors[load.Unfinished]++
		}
	}
	for _, host := range []string{"a", "b"} {
		r.Allocation.Hubs = append(r.Allocation.Hubs, load.HubShare{Host: host, Devices: hubs[host], Weight: 1})
	}
	r.Flows, r.Series = []load.Traffic{flows}, []load.Second{second}
	most := 60.0
	r.Expectations = []load.Expectation{{
		Name: "assigned_within", Asked: "99 % within 1:00", Bound: load.Bound{Measure: load.TimeToAssigned, Quantile: .99, AtMost: &most},
	}}
	r.Judge()
	return r
}

// fleet are n devices, the same each time.
func fleet(n int) []device {
	chance := rand.New(rand.NewPCG(1, 2))
	devices := make([]device, n)
	for i := range devices {
		devices[i] = device{
			wait: time.Duration(chance.IntN(40_000)) * time.Millisecond, assigned: true, attempts: 1 + i%2,
			latency: time.Duration(chance.ExpFloat64() * float64(20*time.Millisecond)), hub: []string{"a", "b"}[chance.IntN(2)],
		}
	}
	return devices
}

func TestTheAnswerTellsHowManyAndWhen(t *testing.T) {
	for _, c := range []struct {
		rule, want string
		devices    func() []device
	}{
		{"all assigned", "10,000 of 10,000 assigned; half at 0:41, 99 % at 9:58, last at 11:42; 0 gave up; 1.7 attempts a device", func() []device {
			devices := make([]device, 10_000)
			for i := range devices {
				devices[i] = device{wait: 41 * time.Second, assigned: true, attempts: 1 + min(i%10, 7)/3%2, hub: "a"}
				switch {
				case i >= 9_999:
					devices[i].wait = 702 * time.Second
				case i >= 9_800:
					devices[i].wait = 598 * time.Second
				}
				devices[i].attempts = 1
				if i%10 < 7 {
					devices[i].attempts = 2
				}
			}
			return devices
		}},
		{"some not at the deadline", "3 of 5 assigned; half at 400 ms, 99 % later than 15:00, last later than 15:00; 0 gave up; 1.0 attempts a device", func() []device {
			return []device{
				{wait: 15 * time.Minute, attempts: 1}, {wait: 400 * time.Millisecond, assigned: true, attempts: 1, hub: "a"},
				{wait: 300 * time.Millisecond, assigned: true, attempts: 1, hub: "a"}, {wait: 14 * time.Minute, attempts: 1},
				{wait: 200 * time.Millisecond, assigned: true, attempts: 1, hub: "a"},
			}
		}},
	} {
		r := run(c.devices(), 1, 1)
		if r.Answer.Sentence != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.rule, r.Answer.Sentence, c.want)
		}
	}
}

func TestADeviceThatIsNotDoneIsLaterThanAllOthers(t *testing.T) {
	devices := append(fleet(98), device{wait: time.Second}, device{wait: 2 * time.Second})
	r := run(devices, 1, 1)
	if m := r.Answer.Assigned.At(.98); m.Later {
		t.Errorf("98 of 100 came to it, and the 98th at %s", m)
	}
	if m := r.Answer.Assigned.Most; !m.Later {
		t.Errorf("98 of 100 came to it, and the 99th %s", m)
	}
	if r.Expectations[0].Verdict != load.Failed || r.Verdict != load.Failed {
		t.Errorf("99 %% were to be assigned, 98 were: %+v", r.Expectations[0])
	}
}

func TestFourShardsAddUpToOneRun(t *testing.T) {
	devices := append(fleet(4000), device{wait: 15 * time.Minute})
	parts := make([][]device, 4)
	for i, d := range devices {
		parts[i%4] = append(parts[i%4], d)
	}
	var runs []load.Run
	for i, part := range parts {
		r := run(part, i+1, 4)
		if i > 0 {
			r.Timeline = nil
		}
		runs = append(runs, reread(t, r))
	}
	got, err := load.Merge(runs)
	if err != nil {
		t.Fatal(err)
	}
	want := run(devices, 1, 1)
	want.Shard = load.Shard{Indexes: []int{1, 2, 3, 4}, Of: 4, Workers: 4}
	if a, b := written(t, got), written(t, want); a != b {
		t.Errorf("four shards:\n%s\none run:\n%s", a, b)
	}
}

func TestAMissingShardLeavesTheSumInterrupted(t *testing.T) {
	got, err := load.Merge([]load.Run{run(fleet(10), 1, 3), run(fleet(10), 3, 3)})
	if err != nil {
		t.Fatal(err)
	}
	if got.Verdict != load.Interrupted || got.Reasons[0] != "of 3 shards, [2] are missing" {
		t.Errorf("%s: %q", got.Verdict, got.Reasons)
	}
}

func TestRunsThatDoNotBelongTogetherAreRefused(t *testing.T) {
	for rule, change := range map[string]func(*load.Run){
		"the same shard":      func(r *load.Run) { r.Shard.Indexes = []int{1} },
		"another division":    func(r *load.Run) { r.Shard.Of = 3 },
		"another scenario":    func(r *load.Run) { r.Scenario.Digest = "sha256:" + strings.Repeat("1", 64) },
		"another variable":    func(r *load.Run) { r.Scenario.Vars = map[string]string{"rate": "100"} },
		"another seed":        func(r *load.Run) { r.Seed = "1" },
		"another target":      func(r *load.Run) { r.Target.Identity = "other" },
		"another mode":        func(r *load.Run) { r.Mode.Kind = load.Closed },
		"another release":     func(r *load.Run) { r.Tool.Version = "other" },
		"another expectation": func(r *load.Run) { r.Expectations = nil },
	} {
		other := run(fleet(10), 2, 2)
		change(&other)
		if _, err := load.Merge([]load.Run{run(fleet(10), 1, 2), other}); err == nil {
			t.Errorf("%s: merged", rule)
		}
	}
}

func TestALaterShardIsMovedOnTheTimeAxis(t *testing.T) {
	late := run(fleet(10), 2, 2)
	late.Began = noon.Add(2100 * time.Millisecond)
	for _, order := range [][]load.Run{{run(fleet(10), 1, 2), late}, {late, run(fleet(10), 1, 2)}} {
		got, err := load.Merge(order)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Series) != 3 || got.Series[0].Asked != 10 || got.Series[1].Asked != 0 || got.Series[2].Asked != 10 {
			t.Errorf("series %+v", got.Series)
		}
		if !got.Began.Equal(noon) || got.Elapsed != 15*time.Minute+2100*time.Millisecond || got.Timeline[1].At != time.Minute+2100*time.Millisecond {
			t.Errorf("began %s, elapsed %s, timeline %+v", got.Began, got.Elapsed, got.Timeline)
		}
	}
}

func TestTheVerdict(t *testing.T) {
	for _, c := range []struct {
		rule   string
		want   load.Verdict
		change func(*load.Run)
	}{
		{"all well", load.Passed, func(*load.Run) {}},
		{"1 % late", load.Passed, func(r *load.Run) { r.Health.Late = 10 }},
		{"more than 1 % late", load.Void, func(r *load.Run) { r.Health.Late = 11 }},
		{"more than 1 % late in a closed run", load.Passed, func(r *load.Run) { r.Health.Late, r.Mode.Kind = 11, load.Closed }},
		{"an expectation failed", load.Failed, func(r *load.Run) { *r.Expectations[0].Bound.AtMost = .001 }},
		{"an expectation failed and the generator was late", load.Void, func(r *load.Run) { *r.Expectations[0].Bound.AtMost, r.Health.Late = .001, 11 }},
		{"an invariant broken and the generator was late", load.Failed, func(r *load.Run) { r.Invariants[0].Break("dev-1 was at a and at b"); r.Health.Late = 11 }},
		{"interrupted", load.Interrupted, func(r *load.Run) { r.Interrupted = []string{"Ctrl-C"} }},
		{"an unfair spread that nobody asked about", load.Passed, func(r *load.Run) { r.Allocation.Hubs[0].Devices = 1000 }},
		{"an unfair spread", load.Failed, func(r *load.Run) {
			zero := 0.0
			r.Allocation.Hubs[0].Devices = 1000
			r.Expectations = append(r.Expectations, load.Expectation{Name: "distribution", Bound: load.Bound{Measure: load.Unfairness, AtMost: &zero}})
		}},
		{"nothing to measure", load.Failed, func(r *load.Run) {
			most := 1.0
			r.Expectations = append(r.Expectations, load.Expectation{Name: "latency", Bound: load.Bound{Measure: load.RequestLatency, Kind: "poll", Quantile: .5, AtMost: &most}})
		}},
	} {
		r := run(fleet(1000), 1, 1)
		c.change(&r)
		r.Judge()
		if r.Verdict != c.want {
			t.Errorf("%s: %s, %q", c.rule, r.Verdict, r.Reasons)
		}
		if (r.Verdict == load.Passed) != (len(r.Reasons) == 0) {
			t.Errorf("%s: %s with reasons %q", c.rule, r.Verdict, r.Reasons)
		}
	}
}

func TestAHistogramOutlivesItsFile(t *testing.T) {
	r := run(fleet(1000), 1, 1)
	again := reread(t, r)
	if !r.Flows[0].Corrected.Equals(again.Flows[0].Corrected.Histogram) {
		t.Error("the histogram came back different")
	}
	if empty := again.Health.Pauses; empty.Count() != 0 || empty.At(.99) != 0 {
		t.Error("an empty histogram came back full")
	}
}

func TestAnotherFileIsNotRead(t *testing.T) {
	for _, text := range []string{"", "{}", `{"schema":"dpslab/run/v1"}`, `{"schema":"dpslab/load/v1","flows":[{"corrected":{"count":1,"hdr":"AAAA"}}]}`} {
		if _, err := load.ReadJSON(strings.NewReader(text)); err == nil {
			t.Errorf("%q is read", text)
		}
	}
}

func TestWhatIsWrittenFollowsTheSchema(t *testing.T) {
	s := schematest.Compile(t, load.JSONSchema)
	interrupted := run(nil, 1, 1)
	interrupted.Interrupted = []string{"Ctrl-C"}
	interrupted.Judge()
	for name, r := range map[string]load.Run{"a run": run(fleet(100), 1, 1), "one of nothing": interrupted} {
		if err := s.Validate(document(t, r)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheSchemaRefuses(t *testing.T) {
	s := schematest.Compile(t, load.JSONSchema)
	for rule, change := range map[string]func(map[string]any){
		"another version":           func(d map[string]any) { d["schema"] = "dpslab/load/v2" },
		"no answer":                 func(d map[string]any) { delete(d, "answer") },
		"a verdict that is none":    func(d map[string]any) { d["verdict"] = "fine" },
		"a mode that is none":       func(d map[string]any) { d["mode"].(map[string]any)["kind"] = "open" },
		"a shard that is none":      func(d map[string]any) { d["shard"].(map[string]any)["indexes"] = []any{} },
		"a histogram without value": func(d map[string]any) { delete(d["flows"].([]any)[0].(map[string]any)["raw"].(map[string]any), "hdr") },
	} {
		d := document(t, run(fleet(10), 1, 1))
		change(d)
		if s.Validate(d) == nil {
			t.Errorf("%s is accepted", rule)
		}
	}
}

func TestTheSchemaTellsEveryMember(t *testing.T) {
	schematest.TellsEveryMember[load.Run](t, load.JSONSchema)
}

func TestTheSchemaKnowsEveryMeasure(t *testing.T) {
	for _, m := range []load.Measure{
		load.TimeToAssigned, load.TimeToTelemetry, load.Unprovisioned, load.AttemptsPerDevice, load.FlowLatency, load.RequestLatency,
		load.FlowRate, load.RequestRate, load.FlowErrors, load.RequestErrors, load.BrokenInvariants, load.Unfairness,
	} {
		if !strings.Contains(string(load.JSONSchema), `"`+string(m)+`"`) {
			t.Errorf("%q is not in the schema", m)
		}
	}
}

func written(t *testing.T, r load.Run) string {
	t.Helper()
	var text bytes.Buffer
	if err := load.WriteJSON(&text, r); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func reread(t *testing.T, r load.Run) load.Run {
	t.Helper()
	again, err := load.ReadJSON(strings.NewReader(written(t, r)))
	if err != nil {
		t.Fatal(err)
	}
	return again
}

func document(t *testing.T, r load.Run) map[string]any {
	t.Helper()
	d, err := jsonschema.UnmarshalJSON(strings.NewReader(written(t, r)))
	if err != nil {
		t.Fatal(err)
	}
	return d.(map[string]any)
}

func TestShardsMayComeInAnyOrder(t *testing.T) {
	got, err := load.Merge([]load.Run{run(fleet(1), 3, 3), run(fleet(1), 1, 3), run(fleet(1), 2, 3)})
	if err != nil || !slices.Equal(got.Shard.Indexes, []int{1, 2, 3}) || len(got.Reasons) != 0 {
		t.Errorf("%v, %v, %q", err, got.Shard.Indexes, got.Reasons)
	}
}
