package reports

import "fmt"

// Known is a failure that is expected: of every check of a requirement, or of those over
// one transport.
type Known struct {
	Requirement string `json:"requirement"`
	Transport   string `json:"transport,omitempty"` // empty: over any
	Reason      string `json:"reason"`
}

func (k Known) covers(r Result) bool {
	return k.Requirement == r.Requirement && (k.Transport == "" || k.Transport == r.Transport)
}

func (k Known) String() string {
	if k.Transport == "" {
		return k.Requirement
	}
	return k.Requirement + " over " + k.Transport
}

// Expect marks the failures that are known, and lists as stale what is known to fail and
// did not: some of its checks passed and none failed. What was not run is neither.
func (r *Run) Expect(known []Known) {
	r.Stale = nil
	for _, k := range known {
		failed, passed := false, false
		for i := range r.Results {
			one := &r.Results[i]
			switch {
			case !k.covers(*one):
			case one.Outcome == Failed:
				failed, one.Known = true, k.Reason
			case one.Outcome == Passed:
				passed = true
			}
		}
		if passed && !failed {
			r.Stale = append(r.Stale, k)
		}
	}
	r.Tally()
}

// Red tells an entry that is stale.
func (k Known) Red() string {
	return fmt.Sprintf("FAILED to fail: %s\n  %-9s %s\n  %-9s %s\n", k, "known", oneLine(k.Reason, lineWidth),
		"change", "it passes now: remove the entry from the file of known failures")
}
