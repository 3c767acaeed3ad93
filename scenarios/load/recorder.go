package load

import (
	"bufio"
	"errors"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	results "github.com/dpslab/dpslab/reports/load"
)

// Recorder counts what happens and streams it to files. Its methods may be called from any
// goroutine.
type Recorder struct {
	mu        sync.Mutex
	began     time.Time
	lateAfter time.Duration
	flows     stream
	requests  stream
	series    series
	health    results.Health
	inFlight  int
	assigned  map[string]int // devices by hub
}

// NewRecorder returns a recorder of a run that begins at began. P99 is the latency that the
// scenario expects, 0 where it expects none.
func NewRecorder(began time.Time, p99 time.Duration, flows, requests io.Writer) *Recorder {
	return &Recorder{
		began: began, lateAfter: results.LateAfter(p99), flows: newStream(flows), requests: newStream(requests),
		health: results.Health{LateAfter: results.LateAfter(p99), Lag: results.Latencies()}, assigned: map[string]int{},
	}
}

func (r *Recorder) asked(intended time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.series.at(intended.Sub(r.began)).Asked++
}

func (r *Recorder) started(s Start) {
	r.mu.Lock()
	defer r.mu.Unlock()
	lag := s.Actual.Sub(s.Intended)
	r.health.Starts++
	r.health.Lag.Record(lag.Microseconds())
	if lag > r.lateAfter {
		r.health.Late++
	}
	r.inFlight++
	r.series.at(s.Actual.Sub(r.began)).Started++
}

// Flow hears of a flow that has ended; of each that was started once.
func (r *Recorder) Flow(s Sample) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.inFlight--
	r.flows.add(s)
	add(&r.series.at(s.End.Sub(r.began)).Flows, s)
}

// Request hears of a request that has ended.
func (r *Recorder) Request(s Sample) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests.add(s)
	add(&r.series.at(s.End.Sub(r.began)).Requests, s)
}

// Assigned hears that a device was assigned a hub.
func (r *Recorder) Assigned(hub string, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.assigned[hub]++
	r.series.at(at.Sub(r.began)).Assigned[hub]++
}

// Result puts what was recorded into a run, and ends the files.
func (r *Recorder) Result(run *results.Run) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	run.Flows, run.Requests = r.flows.traffic(), r.requests.traffic()
	run.Series = r.series.rows()
	run.Health.Starts, run.Health.Late, run.Health.LateAfter, run.Health.Lag = r.health.Starts, r.health.Late, r.health.LateAfter, r.health.Lag
	return errors.Join(r.flows.end(), r.requests.end())
}

// stream is one of the two files, and its counts.
type stream struct {
	buffer *bufio.Writer
	encode vegeta.Encoder
	seq    uint64
	failed error // to write
	byKind map[string]*results.Traffic
}

func newStream(w io.Writer) stream {
	b := bufio.NewWriterSize(w, 64<<10)
	return stream{buffer: b, encode: vegeta.NewEncoder(b), byKind: map[string]*results.Traffic{}}
}

func (s *stream) add(sample Sample) {
	t := s.byKind[sample.Kind]
	if t == nil {
		t = &results.Traffic{Kind: sample.Kind, Errors: map[string]int{}, Corrected: results.Latencies(), Raw: results.Latencies()}
		s.byKind[sample.Kind] = t
	}
	t.Count++
	if code := sample.failure(); code != "" {
		t.Failed++
		t.Errors[code]++
	}
	t.BytesIn += int64(sample.In)
	t.BytesOut += int64(sample.Out)
	t.Corrected.Record(sample.End.Sub(sample.Intended).Microseconds())
	t.Raw.Record(sample.End.Sub(sample.Actual).Microseconds())
	if err := s.encode(sample.result(s.seq)); err != nil && s.failed == nil {
		s.failed = err
	}
	s.seq++
}

func (s *stream) traffic() []results.Traffic {
	var list []results.Traffic
	for _, kind := range slices.Sorted(maps.Keys(s.byKind)) {
		list = append(list, *s.byKind[kind])
	}
	return list
}

func (s *stream) end() error { return errors.Join(s.failed, s.buffer.Flush()) }
