package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/devwire"
	results "github.com/dpslab/dpslab/reports/load"
	"github.com/dpslab/dpslab/scenarios/load"
	scenario "github.com/dpslab/dpslab/scenarios/run"
	"github.com/dpslab/dpslab/suites/sut"
)

func operations(t testing.TB, p scenario.Plan, o scenario.Operations, target sut.Target) results.Run {
	t.Helper()
	p.Tool, p.Scenario, p.Shard, p.Of, p.Most = tool(), results.Scenario{Name: "service"}, 1, 1, 1000
	r, err := scenario.RunService(t.Context(), p, o, scenario.Target{Target: target, Kind: embedded}, clock.System(), scenario.Files{Flows: io.Discard, Requests: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTheServiceAPIIsLoadedByEveryOperation(t *testing.T) {
	lab := up(t).open(t)
	r := operations(t, scenario.Plan{Schedule: load.Schedule{{Pacer: load.PerSecond(200), Count: 200}}},
		scenario.Operations{Prefix: "ops", Records: 25, Create: 2, Get: 5, Query: 1, Delete: 2}, lab.target)
	counts := map[string]int{}
	for _, k := range r.Flows {
		counts[k.Kind] = k.Count
		if k.Failed > 0 {
			t.Errorf("%s: %v", k.Kind, k.Errors)
		}
	}
	if counts["get"] != 100 || counts["query"] != 20 || counts["create"]+counts["delete"] != 80 || counts["delete"] < 30 {
		t.Errorf("%v", counts)
	}
	if r.Answer.Sentence == "" || len(r.Requests) != 4 {
		t.Errorf("%q, %d kinds of requests", r.Answer.Sentence, len(r.Requests))
	}
}

// BenchmarkServiceAPILoad compares reads of enrollments in a closed loop, through the engine,
// with those of the vegeta command at the same lab in the same run.
func BenchmarkServiceAPILoad(b *testing.B) {
	folder := b.TempDir()
	vegeta := filepath.Join(folder, "vegeta")
	if out, err := exec.Command("go", "build", "-o", vegeta, "github.com/tsenart/vegeta/v12").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	file := filepath.Join(folder, "lab.yaml")
	lab := serving(b, file, "dpslab", "up", "--auto-ports", "--state", "", "--target-file", file)
	o := scenario.Operations{Prefix: "bench", Records: 100, Get: 1}
	var ours, theirs, ratios []float64
	for b.Loop() {
		ours, theirs, ratios = nil, nil, nil
		for i := range rounds {
			o.Prefix = fmt.Sprintf("bench-%d", i)
			run := operations(b, scenario.Plan{Closed: workers, Schedule: load.Schedule{}, Deadline: roundTime}, o, lab)
			one := float64(run.Flows[0].Count-run.Flows[0].Failed) / run.Elapsed.Seconds()
			two := attack(b, vegeta, lab, o.Prefix)
			ours, theirs, ratios = append(ours, one), append(theirs, two), append(ratios, one/two)
		}
	}
	b.ReportMetric(median(ours), "requests/s")
	b.ReportMetric(median(theirs), "vegeta/s")
	b.ReportMetric(median(ratios), "ratio")
	b.ReportMetric(0, "ns/op")
}

// attack counts the reads a second of the vegeta command.
func attack(b *testing.B, vegeta string, lab sut.Target, prefix string) float64 {
	b.Helper()
	client := operator(b, lab)
	defer client.Close()
	var targets bytes.Buffer
	at := fmt.Sprintf("%s:%d", lab.DPS.ServiceHost, lab.DPS.Ports.HTTPS)
	for n := range 100 {
		fmt.Fprintf(&targets, "%s https://%s%s?api-version=%s\n", http.MethodGet, at, devwire.EnrollmentPath(fmt.Sprintf("%s-%06d", prefix, n)), devwire.DefaultServiceAPIVersion)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	shoot := exec.CommandContext(ctx, vegeta, "attack", "-rate", "0", "-max-workers", fmt.Sprint(workers), "-workers", fmt.Sprint(workers), "-duration", roundTime.String(),
		"-http2=false", "-root-certs", lab.CAFile, "-connect-to", fmt.Sprintf("%s:%s:%d", at, lab.DPS.Address, lab.DPS.Ports.HTTPS),
		"-header", "Authorization: "+client.Token())
	shoot.Stdin, shoot.Stderr = &targets, os.Stderr
	shot, err := shoot.Output()
	if err != nil {
		b.Fatal(err)
	}
	report := exec.CommandContext(ctx, vegeta, "report", "-type", "json")
	report.Stdin = bytes.NewReader(shot)
	text, err := report.Output()
	if err != nil {
		b.Fatal(err)
	}
	var seen struct {
		Throughput float64        `json:"throughput"`
		Success    float64        `json:"success"`
		Errors     []string       `json:"errors"`
		Codes      map[string]int `json:"status_codes"`
	}
	if err := json.Unmarshal(text, &seen); err != nil {
		b.Fatal(err)
	}
	if seen.Success < .999 {
		b.Fatalf("vegeta: %.3f succeeded, %v, %q", seen.Success, seen.Codes, slices.Compact(seen.Errors))
	}
	return seen.Throughput
}
