package main

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/simulator/device"
	"github.com/dpslab/dpslab/simulator/fleet"
	"github.com/dpslab/dpslab/simulator/identity"
	"github.com/dpslab/dpslab/suites/sut"
)

// connectedDevices is what the benchmark of memory has at their hubs at once; the lab is a
// child process, and the machine's descriptors bound both.
const connectedDevices = 3000

// BenchmarkConnectedDevices reports what a device costs the generator that stands connected
// to its hub, and before it is switched on.
func BenchmarkConnectedDevices(b *testing.B) {
	file := filepath.Join(b.TempDir(), "lab.yaml")
	lab := serving(b, file, "dpslab", "up", "--auto-ports", "--state", "", "--target-file", file, "--retry-after", "0s")
	roots, err := lab.Roots()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		f, err := fleet.New(fleet.Spec{
			Identities: &identity.Fleet{Seed: "bench", Scope: lab.DPS.IDScope, Prefix: "bench"}, Size: connectedDevices,
			Mix: []fleet.Share{
				{Weight: 1, Attestation: fleet.SymmetricGroup, Transport: dps.MQTT, Behaviour: fleet.Behaviour{Stay: time.Hour}},
				{Weight: 1, Attestation: fleet.X509Group, Transport: dps.HTTPS, Behaviour: fleet.Behaviour{Stay: time.Hour}},
			},
		})
		if err != nil {
			b.Fatal(err)
		}
		wire := &devwire.Wire{Roots: roots}
		enrollFleet(b, lab, f)
		before := heap()
		ctx, cancel := context.WithCancel(b.Context())
		site := fleet.Site{Wire: wire, DPS: lab.Device(), Hub: func(host string) (devwire.Endpoint, error) { return hubEndpoint(lab, host), nil }, Clock: clock.System()}
		var connected, lives sync.WaitGroup
		connected.Add(f.Size())
		turns := make(chan struct{}, workers) // how many come up at once
		for i := range f.Size() {
			lives.Go(func() {
				turns <- struct{}{}
				there := sync.OnceFunc(func() { <-turns; connected.Done() })
				life := f.Live(ctx, i, site, func(e fleet.Event) {
					if e.Kind == device.StepHubConnect && e.Err == nil {
						there()
					}
				})
				there()
				if ctx.Err() == nil {
					b.Error(life)
				}
			})
		}
		connected.Wait()
		b.ReportMetric(float64(heap()-before)/connectedDevices, "B/device")
		cancel()
		lives.Wait()
	}
	b.ReportMetric(0, "ns/op")
}

func enrollFleet(b *testing.B, lab sut.Target, f *fleet.Fleet) {
	b.Helper()
	client := operator(b, lab)
	defer client.Close()
	groups, err := f.Groups()
	for _, g := range groups {
		var answer devwire.HTTPResponse
		if answer, err = client.PutGroup(b.Context(), map[string]any{"enrollmentGroupId": g.ID, "attestation": g.Attestation}); err == nil && answer.Status != 200 {
			err = fmt.Errorf("group %s: %d", g.ID, answer.Status)
		}
	}
	if err != nil {
		b.Fatal(err)
	}
}

// heap is what the process has in use, stacks included, once what is garbage is gone.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
