package html

import (
	"slices"

	"github.com/dpslab/dpslab/reports"
)

// grid counts results by family and transport. Its columns are the transports that the run
// has, those of devices first.
type grid struct {
	Transports []string
	Rows       []gridRow
}

type gridRow struct {
	Family string
	Cells  []cell // one for each transport, and the sum
}

// cell is what became of the checks of one family over one transport.
type cell struct {
	Family, Transport string // what a click selects; "" for all
	Target            string // where it leads without the script
	Sums              []sum  // only of outcomes that there are
}

// The marks of the outcomes stand beside their colours.
var marks = map[string]string{"passed": "✓", "failed": "✗", "error": "!", "skipped": "–", "disabled": "·"}

// Mark is the sign of an outcome.
func (s sum) Mark() string { return marks[s.Name] }

// Mark is the sign of the run.
func (v verdict) Mark() string { return marks[v.Outcome] }

// knownTransports are the ones that have a place; others follow, and none comes last.
var knownTransports = []string{"https", "mqtt", "mqtt-ws", "amqp", "amqp-ws"}

func newGrid(r reports.Run) grid {
	type at struct{ family, transport string }
	counts := map[at]*reports.Counts{}
	var families, transports []string
	clauses := byID(r)
	for _, one := range r.Results {
		here := at{family(clauses[one.Requirement]), transport(one)}
		if !slices.Contains(families, here.family) {
			families = append(families, here.family)
		}
		if !slices.Contains(transports, here.transport) {
			transports = append(transports, here.transport)
		}
		for _, in := range []at{here, {here.family, ""}, {"", here.transport}, {}} {
			if counts[in] == nil {
				counts[in] = &reports.Counts{}
			}
			count(counts[in], one.Outcome)
		}
	}
	slices.SortStableFunc(transports, func(a, b string) int { return place(a) - place(b) })
	g := grid{Transports: transports}
	for _, name := range append(families, "") {
		line := gridRow{Family: name}
		for _, over := range append(slices.Clone(transports), "") {
			c := cell{Family: name, Transport: over}
			if n := counts[at{name, over}]; n != nil {
				c.fill(*n)
			}
			line.Cells = append(line.Cells, c)
		}
		g.Rows = append(g.Rows, line)
	}
	return g
}

func count(c *reports.Counts, o reports.Outcome) {
	switch o {
	case reports.Passed:
		c.Passed++
	case reports.Failed:
		c.Failed++
	case reports.Error:
		c.Errors++
	case reports.Skipped:
		c.Skipped++
	case reports.Disabled:
		c.Disabled++
	}
}

// fill puts what is worst first, and leads there.
func (c *cell) fill(n reports.Counts) {
	sums := outcomes(n)
	for _, name := range []string{"failed", "error", "passed", "skipped", "disabled"} {
		i := slices.IndexFunc(sums, func(s sum) bool { return s.Name == name })
		if s := sums[i]; s.Count > 0 {
			c.Sums = append(c.Sums, s)
		}
	}
	if len(c.Sums) > 0 {
		c.Target = c.Sums[0].Target
	}
}

func place(transport string) int {
	switch i := slices.Index(knownTransports, transport); {
	case i >= 0:
		return i
	case transport == "none":
		return len(knownTransports) + 1
	}
	return len(knownTransports)
}
