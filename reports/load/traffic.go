package load

import (
	"cmp"
	"maps"
	"slices"
)

// Traffic is what became of the flows, or of the requests, of one kind.
type Traffic struct {
	Kind     string         `json:"kind"`
	Count    int            `json:"count"`    // that ended
	Failed   int            `json:"failed"`   // of these
	Errors   map[string]int `json:"errors"`   // the failed ones by code: the service's six digits, or the status, or NoAnswer, Unfinished
	BytesIn  int64          `json:"bytesIn"`  // bodies; 0 where they are not counted
	BytesOut int64          `json:"bytesOut"` // bodies; 0 where they are not counted
	// Corrected counts from the intended start, Raw from the actual one; µs.
	Corrected Histogram `json:"corrected"`
	Raw       Histogram `json:"raw"`
}

// Codes of what has none.
const (
	NoAnswer   = "no answer"
	Unfinished = "unfinished" // a flow that was under way when the run ended; its latency is as far as it came
)

func (t Traffic) plus(u Traffic) Traffic {
	t.Count += u.Count
	t.Failed += u.Failed
	t.Errors = sum(t.Errors, u.Errors)
	t.BytesIn += u.BytesIn
	t.BytesOut += u.BytesOut
	t.Corrected = t.Corrected.plus(u.Corrected)
	t.Raw = t.Raw.plus(u.Raw)
	return t
}

// total is all of a list; of one kind, when that is not "".
func total(list []Traffic, kind string) Traffic {
	all := Traffic{Kind: kind}
	for _, t := range list {
		if kind == "" || t.Kind == kind {
			all = all.plus(t)
		}
	}
	return all
}

// mergeTraffic adds two lists, kind by kind.
func mergeTraffic(a, b []Traffic) []Traffic {
	kinds := map[string]Traffic{}
	for _, t := range slices.Concat(a, b) {
		if have, ok := kinds[t.Kind]; ok {
			t = have.plus(t)
		}
		kinds[t.Kind] = t
	}
	return slices.SortedFunc(maps.Values(kinds), func(a, b Traffic) int { return cmp.Compare(a.Kind, b.Kind) })
}

// sum adds counts by name and leaves both as they are.
func sum(a, b map[string]int) map[string]int {
	all := map[string]int{}
	for _, m := range []map[string]int{a, b} {
		for name, n := range m {
			all[name] += n
		}
	}
	return all
}
