package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/dps"
)

// durableWorkers is how many devices register at once where syncs are to be shared.
const durableWorkers = 64

// syncs is how many syncs of the disk are timed before each round.
const syncs = 50

// BenchmarkDurable counts registrations at a lab that keeps its data on the disk and at one
// that keeps it in memory, in turn, and tells how long the same disk takes for a sync. The
// disk is that of TMPDIR.
func BenchmarkDurable(b *testing.B) {
	folder := b.TempDir()
	diskFile, memoryFile := filepath.Join(b.TempDir(), "disk.yaml"), filepath.Join(b.TempDir(), "memory.yaml")
	disk := serving(b, diskFile, "dpslab", "up", "--auto-ports", "--state", filepath.Join(folder, "state"), "--data", filepath.Join(folder, "data"),
		"--target-file", diskFile, "--retry-after", "0s")
	memory := serving(b, memoryFile, "dpslab", "up", "--auto-ports", "--state", "", "--target-file", memoryFile, "--retry-after", "0s")
	groupKey := make([]byte, 64)
	enrollBench(b, disk, groupKey)
	enrollBench(b, memory, groupKey)
	var diskRates, memoryRates, ratios, syncTimes []float64
	for b.Loop() {
		diskRates, memoryRates, ratios, syncTimes = nil, nil, nil, nil
		for i := range rounds {
			syncTimes = append(syncTimes, syncTime(b, filepath.Join(folder, "data")).Seconds()*1000)
			one := register(b, disk, dps.HTTPS, durableWorkers, groupKey, fmt.Sprintf("disk-%d", i))
			two := register(b, memory, dps.HTTPS, durableWorkers, groupKey, fmt.Sprintf("memory-%d", i))
			diskRates, memoryRates, ratios = append(diskRates, one), append(memoryRates, two), append(ratios, one/two)
		}
	}
	b.ReportMetric(median(diskRates), "durable/s")
	b.ReportMetric(median(memoryRates), "memory/s")
	b.ReportMetric(median(ratios), "ratio")
	b.ReportMetric(median(syncTimes), "sync-ms")
	b.ReportMetric(0, "ns/op")
}

// syncTime is what a page's write and its sync take in folder, on average.
func syncTime(b *testing.B, folder string) time.Duration {
	b.Helper()
	f, err := os.CreateTemp(folder, "sync")
	if err != nil {
		b.Fatal(err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	page := make([]byte, os.Getpagesize())
	elapsed := clock.Stopwatch()
	for i := range syncs {
		if _, err := f.WriteAt(page, int64(i*len(page))); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	return elapsed() / syncs
}
