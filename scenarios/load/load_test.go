package load_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"testing"
	"testing/synctest"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/dpslab/dpslab/internal/clock"
	results "github.com/dpslab/dpslab/reports/load"
	"github.com/dpslab/dpslab/scenarios/load"
)

// server answers in so long, except during a stall, whose end all wait for.
type server struct {
	answer       time.Duration
	stall, ended time.Duration // from the beginning
}

// paced runs a schedule at such a server, in the bubble's time.
func paced(schedule load.Schedule, most int, s server) results.Run {
	c := clock.System()
	began := c.Now()
	r := load.NewRecorder(began, 0, io.Discard, io.Discard)
	load.Executor{Clock: c, Most: most, Recorder: r}.Paced(context.Background(), began, schedule.Starts(), func(ctx context.Context, start load.Start) {
		if now := start.Actual.Sub(began); now >= s.stall && now < s.ended {
			clock.Wait(ctx, c, s.ended-now)
		}
		clock.Wait(ctx, c, s.answer)
		r.Flow(load.Sample{Kind: "get", Flow: start.N, Intended: start.Intended, Actual: start.Actual, End: c.Now(), Code: 200})
	})
	run := results.Run{Mode: results.Mode{Kind: results.Paced}, Elapsed: c.Now().Sub(began)}
	if err := r.Result(&run); err != nil {
		panic(err)
	}
	run.Judge()
	return run
}

func TestAStallIsSeenWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run := paced(stage(load.PerSecond(200), 20*time.Second), 1000, server{answer: time.Millisecond, stall: 10 * time.Second, ended: 11 * time.Second})
		if p99 := float64(run.Flows[0].Corrected.At(.99)) / 1e6; math.Abs(p99-.80) > .04 {
			t.Errorf("p99 is %.3f s, want 0.80 s ± 5 %%", p99)
		}
		if run.Verdict != results.Passed {
			t.Errorf("%s: %q", run.Verdict, run.Reasons)
		}
	})
}

func TestAStallIsSeenWholeByAGeneratorWithoutRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run := paced(stage(load.PerSecond(200), 20*time.Second), 8, server{answer: time.Millisecond, stall: 10 * time.Second, ended: 11 * time.Second})
		flows := run.Flows[0]
		if p99 := float64(flows.Corrected.At(.99)) / 1e6; math.Abs(p99-.80) > .04 {
			t.Errorf("p99 is %.3f s, want 0.80 s ± 5 %%", p99)
		}
		if raw := flows.Raw.At(.99); raw > 10_000 {
			t.Errorf("from the actual start the p99 is %d µs; whoever measured so would not have seen the stall", raw)
		}
		if run.Verdict != results.Void {
			t.Errorf("%s: %q", run.Verdict, run.Reasons)
		}
	})
}

// capacity of the next test's server is 64 flows in 0.1 s.
func TestThreeTimesTheCapacityIsVoidAndTwoFifthsAreNot(t *testing.T) {
	const capacity = 640
	for i := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			s := server{answer: 100 * time.Millisecond}
			if run := paced(stage(load.NewPoisson(3*capacity, i), 2*time.Second), 64, s); run.Verdict != results.Void {
				t.Errorf("3 times the capacity, seed %d: %s", i, run.Verdict)
			}
			if run := paced(stage(load.NewPoisson(.4*capacity, i), 2*time.Second), 64, s); run.Verdict != results.Passed {
				t.Errorf("0.4 of the capacity, seed %d: %s, %q", i, run.Verdict, run.Reasons)
			}
		})
	}
}

func TestAClosedRunIsNeverVoid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clock.System()
		began := c.Now()
		r := load.NewRecorder(began, 0, io.Discard, io.Discard)
		most, now := 0, make(chan int, 1)
		now <- 0
		starts := load.Take(load.Schedule{{Pacer: load.Burst{Size: 100}}}.Starts(), 50)
		load.Executor{Clock: c, Recorder: r}.Closed(context.Background(), 5, starts, func(ctx context.Context, s load.Start) {
			n := <-now + 1
			most = max(most, n)
			now <- n
			clock.Wait(ctx, c, time.Second)
			now <- <-now - 1
			r.Flow(load.Sample{Kind: "get", Intended: s.Intended, Actual: s.Actual, End: c.Now(), Code: 200})
		})
		run := results.Run{Mode: results.Mode{Kind: results.Closed, Workers: 5}}
		if err := r.Result(&run); err != nil {
			t.Fatal(err)
		}
		if most != 5 || run.Flows[0].Count != 50 || c.Now().Sub(began) != 10*time.Second || run.Health.Late != 0 {
			t.Errorf("at most %d at once, %d flows in %s, %d late", most, run.Flows[0].Count, c.Now().Sub(began), run.Health.Late)
		}
	})
}

func TestNothingIsStartedOnceTheRunIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clock.System()
		ctx, cancel := context.WithCancel(context.Background())
		r := load.NewRecorder(c.Now(), 0, io.Discard, io.Discard)
		started := 0
		load.Executor{Clock: c, Most: 10, Recorder: r}.Paced(ctx, c.Now(), load.Schedule{{Pacer: load.PerSecond(1)}}.Starts(), func(ctx context.Context, s load.Start) {
			started++
			if started == 3 {
				cancel()
			}
		})
		if started != 3 {
			t.Errorf("%d flows were started", started)
		}
	})
}

func TestTheSeriesAddsUpHoweverLongTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run := paced(stage(load.PerSecond(10), 30*time.Second), 100, server{answer: 5500 * time.Millisecond})
		asked, started, ended := 0, 0, 0
		for i, s := range run.Series {
			if s.Second != i {
				t.Fatalf("row %d is second %d", i, s.Second)
			}
			asked, started, ended = asked+s.Asked, started+s.Started, ended+s.Flows.Ended
			if s.Flows.Latency.Count() != s.Flows.Ended {
				t.Errorf("second %d: %d ended, %d latencies", i, s.Flows.Ended, s.Flows.Latency.Count())
			}
		}
		if asked != 299 || started != 299 || ended != 299 || run.Series[10].InFlight != 55 || run.Series[len(run.Series)-1].InFlight != 0 {
			t.Errorf("asked %d, started %d, ended %d, in flight %d and %d", asked, started, ended, run.Series[10].InFlight, run.Series[len(run.Series)-1].InFlight)
		}
	})
}

func TestWhatFailsIsCountedByCode(t *testing.T) {
	began := clock.System().Now()
	var file bytes.Buffer
	r := load.NewRecorder(began, 0, io.Discard, &file)
	for _, s := range []load.Sample{
		{Code: 200}, {Code: 204}, {Code: 429, ErrorCode: 429001, Err: errors.New("too many")}, {Code: 503}, {Err: errors.New("refused")},
		{Code: 200, ErrorCode: 400207, Operation: "5.1", Device: "dev-1"}, {Code: 200, Unfinished: true},
	} {
		s.Kind, s.Intended, s.Actual, s.End = "register", began, began.Add(time.Millisecond), began.Add(3*time.Millisecond)
		r.Request(s)
	}
	var run results.Run
	if err := r.Result(&run); err != nil {
		t.Fatal(err)
	}
	got := run.Requests[0]
	if got.Count != 7 || got.Failed != 5 || got.Errors["429001"] != 1 || got.Errors["503"] != 1 || got.Errors[results.NoAnswer] != 1 ||
		got.Errors["400207"] != 1 || got.Errors[results.Unfinished] != 1 {
		t.Errorf("%+v", got)
	}
	var m vegeta.Metrics
	var lag, operation string
	decode := vegeta.DecoderFor(&file)
	for {
		var one vegeta.Result
		if err := decode(&one); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		m.Add(&one)
		lag = one.Headers.Get(load.HeaderLag)
		if o := one.Headers.Get(load.HeaderOperation); o != "" {
			operation = o
		}
	}
	m.Close()
	if m.Requests != 7 || math.Abs(m.Success-2./7) > 1e-9 || m.Latencies.Max != 3*time.Millisecond || lag != "1ms" || operation != "5.1" {
		t.Errorf("vegeta sees %d, success %.3f, max %s; lag %s, operation %s", m.Requests, m.Success, m.Latencies.Max, lag, operation)
	}
}

func TestAFileThatCannotBeWrittenIsTold(t *testing.T) {
	r := load.NewRecorder(clock.System().Now(), 0, full{}, io.Discard)
	for range 10_000 {
		r.Flow(load.Sample{Kind: "get", Code: 200})
	}
	if err := r.Result(&results.Run{}); err == nil {
		t.Error("nobody was told")
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestTheWatchSeesThisProcess(t *testing.T) {
	end := load.Watch(clock.System(), nil)
	for x := 0; x < 100_000_000; x++ {
		_ = x * x
	}
	if h := end(); h.Goroutines == 0 || h.Memory == 0 || h.GeneratorCPU <= 0 || h.LabCPU != 0 {
		t.Errorf("%+v", h)
	}
}
