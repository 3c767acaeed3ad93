package reports

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

// reasonLines is how many reasons for skips a terminal is shown; the rest is in the report.
const reasonLines = 12

// writeUnjudged tells what the verdict does not rest on: failures that were known, what
// was not claimed, and why checks were skipped.
func writeUnjudged(w io.Writer, r Run) {
	for _, one := range r.Results {
		if one.Known != "" {
			fmt.Fprintf(w, "known to fail: %s (%s)\n", oneLine(one.Name(), lineWidth), oneLine(one.Known, lineWidth))
		}
	}
	var absent []string
	for _, c := range r.Claims {
		if !c.Claimed && c.Outcome != Failed {
			absent = append(absent, c.Name)
		}
	}
	if len(absent) > 0 {
		fmt.Fprintf(w, "not claimed, so not checked: %s\n", oneLine(strings.Join(absent, ", "), lineWidth))
	}
	reasons := r.SkipReasons()
	for i, s := range reasons {
		if i == reasonLines {
			fmt.Fprintf(w, "skipped for %d further reasons, which the report tells\n", len(reasons)-i)
			break
		}
		fmt.Fprintf(w, "skipped %d: %s\n", len(s.Results), oneLine(s.Reason, lineWidth))
	}
}

// SkipReason is a reason and the results that were skipped for it.
type SkipReason struct {
	Reason  string
	Results []Result
}

// SkipReasons are the reasons for skips, the most frequent first.
func (r Run) SkipReasons() []SkipReason {
	var list []SkipReason
	at := map[string]int{}
	for _, one := range r.Results {
		if one.Outcome != Skipped {
			continue
		}
		i, ok := at[one.Reason]
		if !ok {
			i = len(list)
			at[one.Reason] = i
			list = append(list, SkipReason{Reason: one.Reason})
		}
		list[i].Results = append(list[i].Results, one)
	}
	slices.SortStableFunc(list, func(a, b SkipReason) int { return cmp.Compare(len(b.Results), len(a.Results)) })
	return list
}
