package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
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
	// childStart is how long a server may take to describe itself.
	childStart = 10 * time.Second
)

// childRole makes this test binary play a server instead of running tests.
const childRole = "DPSLAB_BENCH_ROLE"

func TestMain(m *testing.M) {
	role, file, _ := splitRole(os.Getenv(childRole))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	switch role {
	case "":
		os.Exit(m.Run())
	case "lab":
		os.Exit(run(ctx, []string{"up", "--auto-ports", "--state", "", "--target-file", file, "--retry-after", "0s"}, os.Stdout, os.Stderr))
	case "bare":
		if err := serveBare(ctx, file); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(exitUntestable)
		}
	}
}

func splitRole(s string) (role, file string, ok bool) {
	for i := range s {
		if s[i] == ' ' {
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

func BenchmarkRegistrationsHTTPS(b *testing.B) { benchmarkRegistrations(b, dps.HTTPS) }
func BenchmarkRegistrationsMQTT(b *testing.B)  { benchmarkRegistrations(b, dps.MQTT) }

func benchmarkRegistrations(b *testing.B, t dps.Transport) {
	lab, bare := startChild(b, "lab"), startChild(b, "bare")
	groupKey := enrollGroup(b, lab)
	var labRates, bareRates, ratios []float64
	for b.Loop() {
		labRates, bareRates, ratios = nil, nil, nil
		for i := range rounds {
			one := register(b, lab, t, groupKey, fmt.Sprintf("lab-%d", i))
			two := register(b, bare, t, groupKey, fmt.Sprintf("bare-%d", i))
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

// register counts registrations a second over one round.
func register(b *testing.B, target sut.Target, t dps.Transport, groupKey []byte, prefix string) float64 {
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
	for range workers {
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

func enrollGroup(b *testing.B, target sut.Target) []byte {
	roots, err := target.Roots()
	if err != nil {
		b.Fatal(err)
	}
	wire := &devwire.Wire{Roots: roots}
	client, err := wire.Service(target.Service(), target.DPS.ServiceConnectionString.Reveal())
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	key := make([]byte, 64)
	answer, err := client.PutGroup(context.Background(), map[string]any{
		"enrollmentGroupId": "bench", "attestation": map[string]any{
			"type": "symmetricKey", "symmetricKey": map[string]any{"primaryKey": key, "secondaryKey": key},
		},
	})
	if err != nil || answer.Status != 200 {
		b.Fatalf("group not enrolled: %v %v", answer, err)
	}
	return key
}

// startChild runs this binary as a server and returns the target that it describes.
func startChild(b *testing.B, role string) sut.Target {
	file := filepath.Join(b.TempDir(), "target.yaml")
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	child := exec.Command(self)
	child.Env = append(os.Environ(), childRole+"="+role+" "+file)
	child.Stderr = os.Stderr
	if err := child.Start(); err != nil {
		b.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- child.Wait() }()
	b.Cleanup(func() {
		child.Process.Signal(os.Interrupt)
		select {
		case <-ended:
		case <-time.After(childStart):
			child.Process.Kill()
		}
	})
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(childStart)
	for {
		select {
		case err := <-ended:
			b.Fatalf("the %s server ended: %v", role, err)
		case <-limit:
			b.Fatalf("the %s server did not write %s within %s", role, file, childStart)
		case <-tick.C:
		}
		if _, err := os.Stat(file); err == nil {
			target, err := sut.Load(file)
			if err != nil {
				b.Fatal(err)
			}
			return target
		}
	}
}
