//go:build unix

package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The tests of abuse are small unless they are told otherwise:
//
//	go test -run '^TestAbuse' -v ./cmd/dpslab -abuse.full -abuse.seed 7
var (
	abuseFull = flag.Bool("abuse.full", false, "10,000 strings a way, 2,000 slow clients of a kind")
	abuseSeed = flag.Uint64("abuse.seed", 0, "of the random strings; 0 chooses one")
)

func init() { roles["watched"] = playWatched }

// playWatched is dpslab, and tells what it holds whenever it is asked by SIGUSR1.
func playWatched() {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	go func() {
		for range asked {
			line, _ := json.Marshal(count())
			fmt.Printf("%s%s\n", holds, line)
		}
	}()
	main()
}

const holds = "it holds "

// holdings is what a server must give back. Memory is what its heap and its stacks keep
// after a collection, in bytes.
type holdings struct {
	Memory                  uint64
	Goroutines, Descriptors int
}

func count() holdings {
	runtime.GC()
	debug.FreeOSMemory() // collects once more: what the first spared in pools
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	open, _ := os.ReadDir("/dev/fd")
	return holdings{Memory: m.HeapAlloc + m.StackInuse, Goroutines: runtime.NumGoroutine(), Descriptors: len(open)}
}

func (h holdings) String() string {
	return fmt.Sprintf("%.1f MiB, %d goroutines, %d descriptors", float64(h.Memory)/(1<<20), h.Goroutines, h.Descriptors)
}

// watchedSeam is a seam whose lab tells what it holds. It records no transcript: that
// would hold what was said, up to its bound.
func watchedSeam(t *testing.T) *seam {
	t.Helper()
	return seamOf(t, serveLabAs(t, environment(t), "watched", "up", "--no-transcript").open(t))
}

// holds asks the lab.
func (s *seam) holds(t *testing.T) holdings {
	t.Helper()
	before, _ := s.stdout.heard()
	told := strings.Count(before, holds)
	if err := s.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	limit := time.After(patience)
	for {
		said, more := s.stdout.heard()
		if lines := strings.Split(said, holds)[1:]; len(lines) > told {
			if line, _, whole := strings.Cut(lines[told], "\n"); whole {
				var h holdings
				if err := json.Unmarshal([]byte(line), &h); err != nil {
					t.Fatal(err)
				}
				return h
			}
		}
		select {
		case <-more:
		case <-s.ended:
			t.Fatalf("the lab ended: %s", s.process)
		case <-limit:
			t.Fatal("the lab does not tell what it holds")
		}
	}
}

// What a server may hold more than before: connections that clients keep for their next
// request, and what it has stored of the devices that registered meanwhile.
const (
	moreMemory      = 4 << 20
	moreGoroutines  = 16
	moreDescriptors = 16
)

// gaveBack waits until the lab holds what it held before.
func (s *seam) gaveBack(t *testing.T, before holdings) {
	t.Helper()
	limit := time.After(patience)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		now := s.holds(t)
		if now.Memory <= before.Memory+moreMemory && now.Goroutines <= before.Goroutines+moreGoroutines &&
			now.Descriptors <= before.Descriptors+moreDescriptors {
			t.Logf("before: %v; after: %v", before, now)
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Errorf("the lab held %v, and now %v", before, now)
			return
		}
	}
}
