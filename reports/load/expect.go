package load

import (
	"fmt"
	"math"
	"time"
)

// Expectation is what a scenario demands of its run.
type Expectation struct {
	Name    string  `json:"name"`  // as the scenario file has it
	Asked   string  `json:"asked"` // in words
	Got     string  `json:"got"`   // in words
	Bound   Bound   `json:"bound"`
	Verdict Verdict `json:"verdict"` // Passed or Failed
}

// Bound is a limit on a measure of the run. A measure that has no value, since nothing of
// its kind happened, is within no limit.
type Bound struct {
	Measure  Measure  `json:"measure"`
	Kind     string   `json:"kind,omitempty"`     // of flows or requests; all of them when empty
	Code     string   `json:"code,omitempty"`     // of errors, as Traffic has them; all of them when empty
	Quantile float64  `json:"quantile,omitempty"` // of times and latencies; 0 to 1
	AtMost   *float64 `json:"atMost,omitempty"`   // in the measure's unit
	AtLeast  *float64 `json:"atLeast,omitempty"`
}

// Measure is something that a run can be asked for.
type Measure string

const (
	TimeToAssigned    Measure = "time to assigned"        // s, at a quantile of the devices
	TimeToTelemetry   Measure = "time to first telemetry" // s, at a quantile of the devices
	Unprovisioned     Measure = "unprovisioned"           // devices that are not assigned
	AttemptsPerDevice Measure = "attempts per device"     // on average
	FlowLatency       Measure = "flow latency"            // s, corrected, at a quantile
	RequestLatency    Measure = "request latency"         // s, corrected, at a quantile
	FlowRate          Measure = "flow rate"               // that ended without an error, a second
	RequestRate       Measure = "request rate"            // that ended without an error, a second
	FlowErrors        Measure = "flow errors"             // share of all that ended, 0 to 1
	RequestErrors     Measure = "request errors"          // share of all that ended, 0 to 1
	BrokenInvariants  Measure = "broken invariants"       // how often any was broken
	Unfairness        Measure = "unfairness"              // 1 when the spread over hubs is no fair one, 0 when it may be
)

// judge compares the bound with the run.
func (e Expectation) judge(r *Run) Expectation {
	value, later, ok := e.Bound.value(r)
	e.Verdict = Failed
	switch {
	case !ok:
		e.Got = "nothing to measure"
		return e
	case later:
		e.Got = "later than " + span(time.Duration(value*float64(time.Second)))
		return e
	}
	e.Got = e.Bound.tell(r, value)
	if (e.Bound.AtMost == nil || value <= *e.Bound.AtMost) && (e.Bound.AtLeast == nil || value >= *e.Bound.AtLeast) {
		e.Verdict = Passed
	}
	return e
}

// value is what the measure came to. later says that it is more than value, by how much
// nobody knows.
func (b Bound) value(r *Run) (value float64, later, ok bool) {
	flows, requests := total(r.Flows, b.Kind), total(r.Requests, b.Kind)
	at := func(reach Reach) (float64, bool, bool) {
		m := reach.At(b.Quantile)
		return m.Time.Seconds(), m.Later, reach.Of > 0
	}
	switch b.Measure {
	case TimeToAssigned:
		return at(r.Answer.Assigned)
	case TimeToTelemetry:
		return at(r.Answer.Telemetry)
	case Unprovisioned:
		return float64(r.Answer.Assigned.Of - r.Answer.Assigned.Done), false, r.Answer.Devices > 0
	case AttemptsPerDevice:
		return r.Answer.AttemptsPerDevice(), false, r.Answer.Started > 0
	case FlowLatency:
		return float64(flows.Corrected.At(b.Quantile)) / 1e6, false, flows.Count > 0
	case RequestLatency:
		return float64(requests.Corrected.At(b.Quantile)) / 1e6, false, requests.Count > 0
	case FlowRate:
		return perSecond(flows.Count-flows.Failed, r.Elapsed), false, flows.Count > 0
	case RequestRate:
		return perSecond(requests.Count-requests.Failed, r.Elapsed), false, requests.Count > 0
	case FlowErrors:
		return flows.share(b.Code), false, flows.Count > 0
	case RequestErrors:
		return requests.share(b.Code), false, requests.Count > 0
	case BrokenInvariants:
		broken := 0
		for _, i := range r.Invariants {
			broken += i.Broken
		}
		return float64(broken), false, len(r.Invariants) > 0
	case Unfairness:
		if r.Allocation == nil || r.Allocation.Spread == nil {
			return 0, false, false
		}
		if r.Allocation.Spread.Fair {
			return 0, false, true
		}
		return 1, false, true
	}
	return math.NaN(), false, false
}

// share is the part of all that failed, with a code when that is not "".
func (t Traffic) share(code string) float64 {
	failed := t.Failed
	if code != "" {
		failed = t.Errors[code]
	}
	return float64(failed) / float64(max(t.Count, 1))
}

// tell is a value of the measure in words.
func (b Bound) tell(r *Run, value float64) string {
	switch b.Measure {
	case TimeToAssigned, TimeToTelemetry:
		return span(time.Duration(value * float64(time.Second)))
	case FlowLatency, RequestLatency:
		return short(int64(math.Round(value * 1e6)))
	case AttemptsPerDevice:
		return fmt.Sprintf("%.2f", value)
	case FlowRate, RequestRate:
		return fmt.Sprintf("%.1f a second", value)
	case FlowErrors, RequestErrors:
		return fmt.Sprintf("%.2f %%", 100*value)
	case Unfairness:
		return r.Allocation.Spread.Sentence
	}
	return thousands(int(value))
}
