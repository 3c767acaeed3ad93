package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/sut"
)

// The benchmarks count whole registrations a second, in a closed loop, against the lab and
// against the bare baseline in turn: a child process each, so that neither shares its
// heap with the generator. The figure to look at is the ratio.
//
//	make bench

// workers is how many devices register at once; rounds alternate between the two servers.
const (
	workers   = 16
	rounds    = 5
	roundTime = 3 * time.Second
)

func BenchmarkRegistrationsHTTPS(b *testing.B) { benchmarkRegistrations(b, dps.HTTPS) }
func BenchmarkRegistrationsMQTT(b *testing.B)  { benchmarkRegistrations(b, dps.MQTT) }
func BenchmarkRegistrationsAMQP(b *testing.B)  { benchmarkRegistrations(b, dps.AMQP) }

func benchmarkRegistrations(b *testing.B, t dps.Transport) {
	labFile, bareFile := filepath.Join(b.TempDir(), "lab.yaml"), filepath.Join(b.TempDir(), "bare.yaml")
	lab := serving(b, labFile, "dpslab", "up", "--auto-ports", "--state", "", "--target-file", labFile, "--retry-after", "0s")
	bare := serving(b, bareFile, "bare", bareFile)
	groupKey := make([]byte, 64)
	enrollBench(b, lab, groupKey)
	var labRates, bareRates, ratios []float64
	for b.Loop() {
		labRates, bareRates, ratios = nil, nil, nil
		for i := range rounds {
			one := register(b, lab, t, workers, groupKey, fmt.Sprintf("lab-%d", i))
			two := register(b, bare, t, workers, groupKey, fmt.Sprintf("bare-%d", i))
			labRates, bareRates, ratios = append(labRates, one), append(bareRates, two), append(ratios, one/two)
		}
	}
	b.ReportMetric(median(labRates), "registrations/s")
	b.ReportMetric(median(bareRates), "bare/s")
	b.ReportMetric(median(ratios), "ratio")
	b.ReportMetric(0, "ns/op")
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

// register counts registrations a second over one round, of so many devices at once.
func register(b *testing.B, target sut.Target, t dps.Transport, devices int, groupKey []byte, prefix string) float64 {
	roots, err := target.Roots()
	if err != nil {
		b.Fatal(err)
	}
	wire := &devwire.Wire{Roots: roots}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var done, next atomic.Int64
	var failure atomic.Pointer[error]
	elapsed := clock.Stopwatch()
	var wg sync.WaitGroup
	for range devices {
		wg.Go(func() {
			for elapsed() < roundTime && failure.Load() == nil {
				id := fmt.Sprintf("%s-%d", prefix, next.Add(1))
				if err := provision(ctx, wire, target, t, id, groupKey); err != nil {
					failure.Store(&err)
					return
				}
				done.Add(1)
			}
		})
	}
	wg.Wait()
	if err := failure.Load(); err != nil {
		b.Fatal(*err)
	}
	return float64(done.Load()) / elapsed().Seconds()
}

func provision(ctx context.Context, wire *devwire.Wire, target sut.Target, t dps.Transport, id string, groupKey []byte) (err error) {
	device, err := wire.Device(ctx, t, target.Device(), devwire.Identity{
		Scope: target.DPS.IDScope, RegistrationID: id, Key: devwire.DeriveKey(groupKey, id),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, device.Close()) }()
	answer, err := wire.Provision(ctx, device, nil)
	if err == nil && answer.Status != dps.StatusAssigned {
		err = fmt.Errorf("%s ended %s", id, answer)
	}
	return err
}

func enrollBench(b *testing.B, target sut.Target, key []byte) {
	client := operator(b, target)
	defer client.Close()
	enrollGroup(b, client, "bench", key)
}

// operator is a client of the target's service API.
func operator(b *testing.B, target sut.Target) *devwire.ServiceClient {
	b.Helper()
	roots, err := target.Roots()
	if err != nil {
		b.Fatal(err)
	}
	client, err := (&devwire.Wire{Roots: roots}).Service(target.Service(), target.DPS.ServiceConnectionString.Reveal())
	if err != nil {
		b.Fatal(err)
	}
	return client
}

// serving starts a server as a process and returns the target that it describes.
func serving(b *testing.B, file, role string, args ...string) sut.Target {
	appears(b, start(b, environment(b), role, args...), file)
	target, err := sut.Load(file)
	if err != nil {
		b.Fatal(err)
	}
	return target
}
