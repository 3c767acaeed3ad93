package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
)

// BenchmarkUpListens is the time from the start of the process to the env file, which is
// there once everything listens: with the lab's keys still to be made, and later.
func BenchmarkUpListens(b *testing.B) {
	b.Run("first", func(b *testing.B) {
		benchmarkUp(b, func() string { return filepath.Join(b.TempDir(), "lab") })
	})
	b.Run("later", func(b *testing.B) {
		state := filepath.Join(b.TempDir(), "lab")
		listens(b, state)
		b.ResetTimer()
		benchmarkUp(b, func() string { return state })
	})
}

func benchmarkUp(b *testing.B, state func() string) {
	var took []float64
	for b.Loop() {
		took = append(took, listens(b, state()).Seconds()*1000)
	}
	b.ReportMetric(median(took), "ms-to-listen")
	b.ReportMetric(0, "ns/op")
}

// listens runs a lab until it listens, and says how long that took.
func listens(b *testing.B, state string) (took time.Duration) {
	file := filepath.Join(b.TempDir(), "lab.env")
	env := environment(b)
	elapsed := clock.Stopwatch()
	p := start(b, env, "dpslab", "up", "--auto-ports", "--state", state, "--env-file", file)
	appears(b, p, file)
	took = elapsed()
	p.interrupt()
	p.wait(b)
	return took
}
