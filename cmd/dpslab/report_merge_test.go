package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/reports/load"
)

// shard writes the result of a shard in which a device took so long.
func shard(t *testing.T, index, of int, took time.Duration, change func(*load.Run)) string {
	t.Helper()
	most := 5.0
	r := load.Run{
		Schema: load.Schema, Tool: tool(), Scenario: load.Scenario{Name: "first-boot", Digest: "sha256:" + strings.Repeat("0", 64)},
		Target: load.Target{Identity: "dps", Kind: "embedded"}, Environment: load.Environment{CPUs: 2}, Shard: load.Shard{Indexes: []int{index}, Of: of, Workers: 1},
		Mode: load.Mode{Kind: load.Paced}, Began: time.Unix(0, 0).UTC(),
		Answer: load.Answer{Devices: 1, Started: 1, Attempts: 1, Assigned: load.Reach{Times: load.Waits()}},
		Expectations: []load.Expectation{{
			Name: "assigned_within", Asked: "all within 5 s", Bound: load.Bound{Measure: load.TimeToAssigned, Quantile: 1, AtMost: &most},
		}},
		Health: load.Health{Starts: 1},
	}
	r.Answer.Assigned.Times.Record(took.Milliseconds())
	if change != nil {
		change(&r)
	}
	r.Judge()
	file := filepath.Join(t.TempDir(), "run.json")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := load.WriteJSON(f, r); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestMergedShardsAreJudgedAsOneRun(t *testing.T) {
	for _, c := range []struct {
		rule  string
		files []string
		code  int
		want  string
	}{
		{"both in time", []string{shard(t, 1, 2, time.Second, nil), shard(t, 2, 2, 3*time.Second, nil)}, exitPassed,
			"2 of 2 assigned; half at 1.00 s, 99 % at 3.00 s, last at 3.00 s; 0 gave up; 1.0 attempts a device\npassed\n"},
		{"one too late", []string{shard(t, 1, 2, time.Second, nil), shard(t, 2, 2, 12*time.Second, nil)}, exitWrong,
			"assigned_within: asked for all within 5 s, got 0:12"},
		{"one missing", []string{shard(t, 1, 2, time.Second, nil)}, exitUntestable, "of 2 shards, [2] are missing"},
		{"one that fell behind", []string{shard(t, 1, 2, time.Second, nil), shard(t, 2, 2, time.Second, func(r *load.Run) { r.Health.Late = 1 })}, exitVoid,
			"the generator fell behind"},
		{"one twice", []string{shard(t, 1, 2, time.Second, nil), shard(t, 1, 2, time.Second, nil)}, exitUntestable, "shard 1 is there twice"},
		{"one that is none", []string{filepath.Join(t.TempDir(), "run.json")}, exitUntestable, "no such file"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			sum := filepath.Join(t.TempDir(), "sum.json")
			p := invoke(t, environment(t), "dpslab", append([]string{"report", "merge", "-o", sum}, c.files...)...)
			if p.code != c.code || !strings.Contains(p.all(), c.want) {
				t.Fatalf("want exit code %d and %q: %s", c.code, c.want, p)
			}
			if _, err := readLoad(sum); (err == nil) != strings.Contains(p.stdout.String(), "assigned;") {
				t.Errorf("the sum: %v", err)
			}
		})
	}
}
