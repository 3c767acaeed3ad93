package load

import "fmt"

// Judge works out everything that follows from the numbers: the answer's sentences, the
// spread over hubs, each expectation's verdict, and the run's.
func (r *Run) Judge() {
	r.complete()
	r.Answer.tell(total(r.Flows, ""), r.Elapsed)
	r.Allocation.judge()
	for i, e := range r.Expectations {
		r.Expectations[i] = e.judge(r)
	}
	r.Verdict, r.Reasons = r.verdict()
}

// verdict is the run's, with all reasons that speak against it. A broken invariant is the
// target's fault however late the generator was; a latency is not.
func (r *Run) verdict() (Verdict, []string) {
	var reasons []string
	verdict := Passed
	for _, e := range r.Expectations {
		if e.Verdict != Passed {
			verdict = Failed
			reasons = append(reasons, fmt.Sprintf("%s: asked for %s, got %s", e.Name, e.Asked, e.Got))
		}
	}
	if r.Mode.Kind == Paced && r.Health.Void() {
		verdict = Void
		reasons = append(reasons, r.Health.reason())
	}
	for _, i := range r.Invariants {
		if i.Broken > 0 {
			verdict = Failed
			reasons = append(reasons, fmt.Sprintf("%s: broken %s times of %s, as in: %s", i.Name, thousands(i.Broken), thousands(i.Checked), i.Examples[0]))
		}
	}
	if len(r.Interrupted) > 0 {
		return Interrupted, append(r.Interrupted[:len(r.Interrupted):len(r.Interrupted)], reasons...)
	}
	return verdict, reasons
}

// complete has an empty list where there is none, as the schema demands.
func (r *Run) complete() {
	r.Expectations, r.Invariants, r.Timeline, r.Series = some(r.Expectations), some(r.Invariants), some(r.Timeline), some(r.Series)
	r.Flows, r.Requests = some(r.Flows), some(r.Requests)
	if r.Allocation != nil {
		r.Allocation.Hubs = some(r.Allocation.Hubs)
	}
}

func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
