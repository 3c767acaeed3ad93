package load

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/shirou/gopsutil/v4/process"

	"github.com/dpslab/dpslab/internal/clock"
	results "github.com/dpslab/dpslab/reports/load"
)

// Watch looks at the process that generates the load, and at the lab's when that is a child
// of it, until the function that it returns is called. That one tells what was seen.
func Watch(c clock.Clock, lab *os.Process) (end func() results.Health) {
	w := &watch{self: find(os.Getpid())}
	if lab != nil {
		w.lab = find(lab.Pid)
	}
	w.health.Pauses = results.Latencies()
	debug.ReadGCStats(&w.collected)
	w.selfBefore, w.labBefore = seconds(w.self), seconds(w.lab)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for clock.Wait(ctx, c, watchEvery) == nil {
			w.look()
		}
	}()
	return func() results.Health {
		cancel()
		<-done
		w.look()
		w.health.GeneratorCPU = seconds(w.self) - w.selfBefore
		w.health.LabCPU = seconds(w.lab) - w.labBefore
		return w.health
	}
}

// watchEvery is well within the time in which the runtime forgets a pause: it keeps 256.
const watchEvery = time.Second

type watch struct {
	self, lab             *process.Process // nil: not to be seen
	selfBefore, labBefore float64
	collected             debug.GCStats
	health                results.Health
}

func (w *watch) look() {
	h := &w.health
	h.Goroutines = max(h.Goroutines, runtime.NumGoroutine())
	if w.self != nil {
		if n, err := w.self.NumFDs(); err == nil {
			h.Descriptors = max(h.Descriptors, int(n))
		}
		if m, err := w.self.MemoryInfo(); err == nil {
			h.Memory = max(h.Memory, int64(m.RSS))
		}
	}
	before := w.collected.NumGC
	debug.ReadGCStats(&w.collected)
	recent := w.collected.Pause
	for _, pause := range recent[:min(len(recent), int(w.collected.NumGC-before))] {
		h.Pauses.Record(pause.Microseconds())
	}
}

// find is a process, nil where it cannot be seen.
func find(pid int) *process.Process {
	p, err := process.NewProcess(int32(pid))
	if err != nil {
		return nil
	}
	return p
}

// seconds is the processor time that a process has used.
func seconds(p *process.Process) float64 {
	if p == nil {
		return 0
	}
	t, err := p.Times()
	if err != nil {
		return 0
	}
	return t.User + t.System
}
