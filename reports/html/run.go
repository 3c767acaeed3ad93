package html

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dpslab/dpslab/reports"
)

// What texts may take in a page, in bytes.
const (
	wordBytes     = 300 // a host, a title, a step
	sentenceBytes = 700 // a statement, a source, a reason
)

// WriteRun writes a conformance run.
func WriteRun(w io.Writer, r reports.Run) error {
	v := newRunView(r)
	v.Page = newPage(v.Verdict.Word + ": dpslab conformance of " + v.Host)
	return pages().ExecuteTemplate(w, "run.tmpl", v)
}

// runView is a run as run.tmpl shows it. Its strings are shown already.
type runView struct {
	Page     page
	Host     string
	Identity []string // what tells the target from others, beside its host
	Verdict  verdict
	Started  time.Time
	Took     string
	Armed    []string // defects, on purpose
	Counts   reports.Counts
	Outcomes []sum // of the results, all five
	Levels   []sum // of the red ones

	Grid    grid
	Filters []choice
	Reds    []red
	Known   []red       // failed as is known
	Claims  []claimView // all that the target makes
	Broken  []claimView // those that did not hold
	Stale   []staleView // known failures that did not come
	Skipped []reason
	Passed  []familyView
	Left    []reason // disabled
	Bare    []clauseView
	Facts   []factGroup
}

// verdict is the run in a word and a sentence.
type verdict struct {
	Outcome  string // passed, failed, error or skipped, for its colour
	Word     string
	Sentence string
}

// sum is how many there are of something.
type sum struct {
	Name   string
	Count  int
	Target string // where they are on the page
	Known  int    // how many were expected, of the failed ones
}

// choice is one filter and what it can be set to.
type choice struct {
	Name, Label, All string
	Values           []string
}

// reason is why some checks did not run, and which.
type reason struct {
	Why     string
	Results []row
}

// familyView is a family and those of its checks that passed.
type familyView struct {
	Name    string
	Results []row
}

// row is a result that takes one line.
type row struct {
	Outcome, Family, Transport, Level string
	ID, Title, Took                   string
	Assertions                        int
}

// claimView is what a target says of itself, and what was seen.
type claimView struct{ Name, Claimed, Seen, Outcome, Note, Change string }

// staleView is a known failure that did not come.
type staleView struct{ What, Reason string }

type clauseView struct{ ID, Level, Statement string }

func newRunView(r reports.Run) runView {
	v := runView{
		Host: shown(r.Target.Host, wordBytes), Identity: identity(r.Target), Verdict: judge(r), Started: r.Started.UTC(), Took: took(r.Duration),
		Armed: shownAll(r.Target.Defects), Counts: r.Counts, Outcomes: outcomes(r.Counts),
		Grid: newGrid(r), Filters: filters(r), Facts: facts(r),
	}
	v.Reds, v.Known = reds(r)
	for _, c := range r.Claims {
		view := claimView{
			Name: shown(c.Name, wordBytes), Claimed: yes(c.Claimed), Seen: shown(string(c.Seen), wordBytes), Outcome: c.Outcome.String(),
			Note: shown(c.Note, sentenceBytes), Change: shown(c.Change, sentenceBytes),
		}
		v.Claims = append(v.Claims, view)
		if c.Outcome == reports.Failed {
			v.Broken = append(v.Broken, view)
		}
	}
	for _, k := range r.Stale {
		v.Stale = append(v.Stale, staleView{shown(k.String(), wordBytes), shown(k.Reason, sentenceBytes)})
	}
	clauses := byID(r)
	families, skipped, left := map[string]int{}, map[string]int{}, map[string]int{}
	levels := map[string]int{}
	for _, one := range r.Results {
		clause := clauses[one.Requirement]
		switch one.Outcome {
		case reports.Passed:
			name := family(clause)
			i, ok := families[name]
			if !ok {
				i, families[name] = len(v.Passed), len(v.Passed)
				v.Passed = append(v.Passed, familyView{Name: name})
			}
			v.Passed[i].Results = append(v.Passed[i].Results, newRow(one, clause))
		case reports.Skipped:
			v.Skipped = group(v.Skipped, skipped, one, clause)
		case reports.Disabled:
			v.Left = group(v.Left, left, one, clause)
		default:
			if one.Known == "" {
				levels[clause.Level]++
			}
		}
	}
	for _, level := range []string{"must", "should", "may"} {
		if n := levels[level]; n > 0 {
			v.Levels = append(v.Levels, sum{Name: level, Count: n})
		}
	}
	for _, id := range r.NotCovered {
		clause := clauses[id]
		v.Bare = append(v.Bare, clauseView{shown(id, wordBytes), shown(clause.Level, wordBytes), shown(clause.Statement, sentenceBytes)})
	}
	return v
}

func identity(t reports.Target) []string {
	var parts []string
	if t.ServiceHost != "" && t.ServiceHost != t.Host {
		parts = append(parts, shown(t.ServiceHost, wordBytes))
	}
	if t.IDScope != "" {
		parts = append(parts, "id scope "+shown(t.IDScope, wordBytes))
	}
	return append(parts, shown(t.Source, wordBytes))
}

// group adds a result to those that did not run for the same reason.
func group(list []reason, index map[string]int, one reports.Result, clause reports.Clause) []reason {
	why := shown(one.Reason, sentenceBytes)
	i, ok := index[why]
	if !ok {
		i, index[why] = len(list), len(list)
		list = append(list, reason{Why: why})
	}
	list[i].Results = append(list[i].Results, newRow(one, clause))
	return list
}

func newRow(one reports.Result, clause reports.Clause) row {
	return row{
		Outcome: one.Outcome.String(), Family: family(clause), Transport: transport(one), Level: shown(clause.Level, wordBytes),
		ID: shown(one.Requirement, wordBytes), Title: shown(one.Title, wordBytes), Took: took(one.Duration), Assertions: one.Assertions,
	}
}

// family is the row that a result belongs to.
func family(c reports.Clause) string {
	if name := shown(c.Family(), wordBytes); name != "" {
		return name
	}
	return "other" // an id that is none of ours
}

// transport is the column that a result belongs to; none for the service API and the hub's.
func transport(one reports.Result) string {
	if one.Transport == "" {
		return "none"
	}
	return shown(one.Transport, wordBytes)
}

// judge says what the run came to. What did not run is told with it: a run of some checks
// says nothing of the others.
func judge(r reports.Run) verdict {
	c := r.Counts
	ran := c.Passed + c.Failed + c.Errors
	sentence := "No check ran."
	if ran > 0 {
		sentence = fmt.Sprintf("Of %s that ran, %s.", plural(ran, "check"), became(c))
	}
	broken := brokenClaims(r)
	if broken > 0 {
		sentence += " " + plural(broken, "claim") + " of the target did not hold."
	}
	if n := len(r.Stale); n > 0 {
		sentence += " " + plural(n, "failure") + " listed as known did not come."
	}
	sentence += unrun(c)
	switch {
	case c.Failed > c.Known || broken > 0:
		return verdict{"failed", "Does not conform", sentence}
	case c.Errors > 0:
		return verdict{"error", "Could not be tested", sentence}
	case len(r.Stale) > 0:
		return verdict{"failed", "Better than known", sentence}
	case ran == 0:
		return verdict{"skipped", "Nothing was tested", sentence}
	case c.Known > 0:
		return verdict{"passed", "Conforms but for what is known", sentence}
	case c.Disabled > 0 || c.Skipped > 0 || c.NotCovered > 0:
		return verdict{"passed", "Conforms as far as it was checked", sentence}
	}
	return verdict{"passed", "Conforms", sentence}
}

// became says what became of the checks that ran.
func became(c reports.Counts) string {
	var parts []string
	for _, part := range []struct {
		n    int
		what string
	}{{c.Failed - c.Known, "failed"}, {c.Known, "failed as is known"}, {c.Errors, "could not be carried through"}} {
		if part.n > 0 {
			parts = append(parts, number(part.n)+" "+part.what)
		}
	}
	if len(parts) == 0 {
		return "all passed"
	}
	return and(parts)
}

func and(parts []string) string {
	last := len(parts) - 1
	if last == 0 {
		return parts[0]
	}
	return strings.Join(parts[:last], ", ") + " and " + parts[last]
}

func brokenClaims(r reports.Run) (n int) {
	for _, c := range r.Claims {
		if c.Outcome == reports.Failed {
			n++
		}
	}
	return n
}

// unrun says what the verdict does not rest on.
func unrun(c reports.Counts) string {
	var parts []string
	if c.Skipped > 0 {
		parts = append(parts, number(c.Skipped)+" could not apply to this target")
	}
	if c.Disabled > 0 {
		parts = append(parts, number(c.Disabled)+" were not selected")
	}
	said := ""
	if len(parts) > 0 {
		said = " Of all checks, " + and(parts) + "."
	}
	if c.NotCovered > 0 {
		said += " No check covers " + plural(c.NotCovered, "requirement") + "."
	}
	return said
}

func outcomes(c reports.Counts) []sum {
	return []sum{
		{"passed", c.Passed, "passed", 0}, {"failed", c.Failed, "red", c.Known}, {"error", c.Errors, "red", 0},
		{"skipped", c.Skipped, "skipped", 0}, {"disabled", c.Disabled, "disabled", 0},
	}
}

// filters offers what there is to choose from in this run.
func filters(r reports.Run) []choice {
	outcome := choice{Name: "outcome", Label: "Outcome", All: "any outcome"}
	about := choice{Name: "family", Label: "Family", All: "all families"}
	over := choice{Name: "transport", Label: "Transport", All: "all transports"}
	level := choice{Name: "level", Label: "Level", All: "all levels"}
	for _, s := range outcomes(r.Counts) {
		if s.Count > 0 {
			outcome.Values = append(outcome.Values, s.Name)
		}
	}
	clauses := byID(r)
	for _, one := range r.Results {
		clause := clauses[one.Requirement]
		about.add(family(clause))
		over.add(transport(one))
		level.add(shown(clause.Level, wordBytes))
	}
	return []choice{outcome, about, over, level}
}

func (c *choice) add(value string) {
	for _, v := range c.Values {
		if v == value {
			return
		}
	}
	c.Values = append(c.Values, value)
}

func byID(r reports.Run) map[string]reports.Clause {
	clauses := map[string]reports.Clause{}
	for _, c := range r.Catalogue.Clauses {
		clauses[c.ID] = c
	}
	return clauses
}

func shownAll(list []string) []string {
	var all []string
	for _, s := range list {
		all = append(all, shown(s, wordBytes))
	}
	return all
}

// took is a duration as people read it: 12 ms, 3.4 s, 2m5s.
func took(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}
