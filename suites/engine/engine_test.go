package engine_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dpslab/dpslab/reports"
	"github.com/dpslab/dpslab/suites/engine"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/dpslab/dpslab/suites/sut"
	. "github.com/onsi/gomega"
)

func passes(_ context.Context, _ *harness.Env, t *harness.T) { t.Expect(1).To(Equal(1)) }
func fails(_ context.Context, _ *harness.Env, t *harness.T)  { t.Expect(1).To(Equal(2)) }

var checks = []harness.Check{
	{Requirement: "DPS-SVC-001", Title: "passes", Run: passes},
	{Requirement: "DPS-MQTT-003", Title: "passes twice", Transports: harness.OverMQTT, Run: passes},
	{Requirement: "DPS-SVC-002", Title: "fails", Run: fails},
	{Requirement: "DPS-ALLOC-005", Title: "cannot run here", Run: passes},
	{Requirement: "DPS-ETAG-016", Title: "inferred", Run: passes},
}

func outcomes(r reports.Run) []string {
	var list []string
	for _, one := range r.Results {
		list = append(list, one.Requirement+" "+one.Transport+" "+one.Outcome.String())
	}
	return list
}

func TestRunReportsEveryCaseOnce(t *testing.T) {
	var observed []string
	env := &harness.Env{Target: sut.Target{File: "lab.yaml", DPS: sut.DPS{Host: "dps.test", IDScope: "0ne1"}}, Defects: []string{"a-defect"}}
	r, err := engine.Run(context.Background(), env, checks, engine.Options{
		Parallel: 3, Observer: func(one reports.Result) { observed = append(observed, one.Name()) },
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"DPS-MQTT-003 mqtt passed", "DPS-MQTT-003 mqtt-ws passed", "DPS-SVC-001 none passed", "DPS-SVC-002 none failed",
		"DPS-ETAG-016 none passed", "DPS-ALLOC-005 none skipped",
	}
	if got := outcomes(r); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if len(observed) != len(want) {
		t.Errorf("observed %q", observed)
	}
	if r.Counts.Passed != 4 || r.Counts.Failed != 1 || r.Counts.Skipped != 1 || r.Counts.Covered != 5 || r.Verdict() != reports.Failed {
		t.Errorf("counts %+v, verdict %s", r.Counts, r.Verdict())
	}
	if r.Counts.Covered+r.Counts.NotCovered != r.Counts.Requirements || slices.Contains(r.NotCovered, "DPS-SVC-001") || !slices.Contains(r.NotCovered, "DPS-SVC-003") {
		t.Errorf("not covered: %d of %d", r.Counts.NotCovered, r.Counts.Requirements)
	}
	if r.Target.Source != "lab.yaml" || r.Target.Host != "dps.test" || len(r.Target.Defects) != 1 {
		t.Errorf("target %+v", r.Target)
	}
	for _, one := range r.Results {
		if one.Requirement == "DPS-SVC-002" && one.Rerun != "dpslab conformance --target lab.yaml --label-filter 'spec:DPS-SVC-002'" {
			t.Errorf("again with %q", one.Rerun)
		}
	}
}

func TestSelection(t *testing.T) {
	for _, c := range []struct {
		rule string
		o    engine.Options
		ran  []string
	}{
		{"a transport", engine.Options{Filter: "transport:mqtt-ws"}, []string{"DPS-MQTT-003 mqtt-ws passed"}},
		{"a set operation, as Ginkgo writes it", engine.Options{Filter: "evidence: containsAny {inferred, capture}"}, []string{"DPS-ETAG-016 none passed"}},
		{"a family and not a requirement", engine.Options{Filter: "family:SVC && !spec:DPS-SVC-002"}, []string{"DPS-SVC-001 none passed"}},
		{"an id", engine.Options{FocusIDs: []string{"DPS-SVC-002"}}, []string{"DPS-SVC-002 none failed"}},
		{"an id and a filter", engine.Options{FocusIDs: []string{"DPS-MQTT-003"}, Filter: "transport:mqtt"}, []string{"DPS-MQTT-003 mqtt passed"}},
		{"the filter of a case", engine.Options{Filter: "spec:DPS-MQTT-003 && transport:mqtt"}, []string{"DPS-MQTT-003 mqtt passed"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			r, err := engine.Run(context.Background(), &harness.Env{}, checks, c.o)
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Results) != 6 || r.Counts.Disabled != 6-len(c.ran) {
				t.Errorf("%d results, %d of them disabled", len(r.Results), r.Counts.Disabled)
			}
			var ran []string
			for _, line := range outcomes(r) {
				if !strings.HasSuffix(line, " disabled") {
					ran = append(ran, line)
				}
			}
			if !slices.Equal(ran, c.ran) {
				t.Errorf("ran %q", ran)
			}
		})
	}
}

func TestASelectionThatCannotBeIsAnError(t *testing.T) {
	for _, o := range []engine.Options{{FocusIDs: []string{"DPS-MQTT-3"}}, {Filter: "level: containsAny"}, {Filter: "a &&"}} {
		if _, err := engine.Run(context.Background(), &harness.Env{}, checks, o); err == nil {
			t.Errorf("accepted %+v", o)
		}
	}
}

func TestAnInterruptedRunStillReconciles(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	first := harness.Check{Requirement: "DPS-SVC-001", Title: "interrupts", Run: func(_ context.Context, _ *harness.Env, t *harness.T) {
		cancel()
		t.Expect(1).To(Equal(1))
	}}
	r, err := engine.Run(ctx, &harness.Env{}, append([]harness.Check{first}, checks[1:]...), engine.Options{Parallel: 1})
	if err != nil {
		t.Fatal(err)
	}
	if r.Counts.Errors != 6 || r.Verdict() != reports.Error {
		t.Fatalf("%+v", r.Counts)
	}
}

func TestCasesRunAtTheSameTime(t *testing.T) {
	var met sync.WaitGroup
	met.Add(2)
	var checks []harness.Check
	for _, title := range []string{"one", "the other"} {
		checks = append(checks, harness.Check{Requirement: "DPS-SVC-001", Title: title, Run: func(_ context.Context, _ *harness.Env, t *harness.T) {
			met.Done()
			met.Wait() // each waits for the other
			t.Expect(1).To(Equal(1))
		}})
	}
	r, err := engine.Run(context.Background(), &harness.Env{}, checks, engine.Options{Parallel: 2})
	if err != nil || r.Counts.Passed != 2 {
		t.Fatalf("%v %+v", err, r.Counts)
	}
}
