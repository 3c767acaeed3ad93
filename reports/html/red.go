package html

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/dpslab/dpslab/reports"
)

// A page stays below 5 MB with 500 red results, so the red ones share what there is, and
// none takes more than a person reads.
const (
	redsBytes    = 4_000_000
	redBytes     = 160_000
	redLeast     = 4_000
	redMarkup    = 1_400 // what stands around the texts of one
	failureShare = 4     // one part in so many
	stepShare    = 10
	openReds     = 3 // as many are unfolded from the beginning
)

// red is a result that somebody has to look at.
type red struct {
	row
	Anchor       string
	Open         bool
	Statement    string
	Source       string
	Evidence     string
	Known        string // why it was expected
	Failure      failure
	At           string
	Steps        []string
	EarlierSteps int
	Injected     []string
	Rerun        string
	Wire         wire
}

// failure is what an assertion said, taken apart where it can be.
type failure struct {
	About         string // what it was about, when it says
	Got, Expected string
	Text          string // all of it, when it could not be taken apart
}

// reds are the results that are red, those known to fail apart.
func reds(r reports.Run) (list, known []red) {
	n := r.Counts.Failed + r.Counts.Errors
	if n == 0 {
		return nil, nil
	}
	each := max(redLeast, min(redBytes, redsBytes/n)) - redMarkup
	clauses, anchors := byID(r), map[string]int{}
	for _, one := range r.Results {
		if one.Outcome.Red() {
			view := newRed(one, clauses[one.Requirement], each)
			view.Anchor = anchor(one, anchors)
			if one.Known != "" {
				known = append(known, view)
				continue
			}
			view.Open = n-r.Counts.Known <= openReds
			list = append(list, view)
		}
	}
	// What broke comes first: nothing is known of what it would have checked.
	slices.SortStableFunc(list, func(a, b red) int { return strings.Compare(a.Outcome, b.Outcome) })
	return list, known
}

func newRed(one reports.Result, clause reports.Clause, bytes int) red {
	v := red{
		row:       newRow(one, clause),
		Statement: shown(clause.Statement, sentenceBytes), Source: shown(clause.Source, sentenceBytes), Evidence: shown(clause.Evidence, wordBytes),
		Known: shown(one.Known, sentenceBytes),
		At:    shown(one.At, wordBytes), Rerun: shown(one.Rerun, sentenceBytes),
	}
	for _, text := range []string{v.Title, v.Statement, v.Source, v.Rerun} {
		bytes -= len(text)
	}
	text, taken := fit(one.Failure, max(bytes/failureShare, wordBytes))
	v.Failure = newFailure(text)
	bytes -= taken
	v.Steps, v.EarlierSteps, taken = lastSteps(one.Steps, bytes/stepShare)
	bytes -= taken
	for _, id := range one.Exchange.Injected() {
		if len(v.Injected) == manyInjected {
			v.Injected = append(v.Injected, "and more")
			break
		}
		v.Injected = append(v.Injected, shown(id, wordBytes))
		bytes -= len(id)
	}
	v.Wire = newWire(one.Exchange, bytes)
	return v
}

// manyInjected is how many defects and faults a red names.
const manyInjected = 10

// lastSteps are the steps that led to the end, and how many came before them.
func lastSteps(steps []string, bytes int) (shownSteps []string, earlier, taken int) {
	for i := len(steps) - 1; i >= 0; i-- {
		text, n := fit(steps[i], wordBytes)
		n += len("<li></li>")
		if taken+n > bytes && len(shownSteps) > 0 {
			earlier = i + 1
			break
		}
		taken += n
		shownSteps = append(shownSteps, text)
	}
	slices.Reverse(shownSteps)
	return shownSteps, earlier, taken
}

// assertion is how Gomega words a difference: what was got stands behind Expected, indented,
// and what was expected behind the words of the matcher.
var assertion = regexp.MustCompile(`(?s)^(?:(.*)\n)?Expected\n((?:[ \t]+[^\n]*\n)+)((?:not )?to [^\n]*(?:\n.*)?)$`)

func newFailure(text string) failure {
	m := assertion.FindStringSubmatch(text)
	if m == nil {
		return failure{Text: text}
	}
	return failure{About: m[1], Got: outdent(m[2]), Expected: outdent(m[3])}
}

// outdent takes the four spaces away that Gomega puts before values.
func outdent(s string) string {
	return strings.ReplaceAll(strings.TrimPrefix(strings.TrimRight(s, "\n"), "    "), "\n    ", "\n")
}

// anchor is the result's place in the page, the same in each report of it.
func anchor(one reports.Result, used map[string]int) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '-'
	}, fmt.Sprintf("%.40s-%.20s", one.Requirement, one.Transport))
	used[name]++
	if n := used[name]; n > 1 {
		return fmt.Sprintf("%s-%d", name, n)
	}
	return name
}
