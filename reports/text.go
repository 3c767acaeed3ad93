package reports

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

const (
	redLines  = 12  // a red takes no more lines than this
	lineWidth = 160 // characters
)

// Red tells one failed or broken result in at most 12 lines: id and level, what the
// requirement says and where that is written, what was expected and what came, the wire
// around it, whether something was injected, and the command that runs it again.
func Red(r Result, c Clause) string {
	var lines []string
	put := func(label, text string) {
		if text != "" {
			lines = append(lines, fmt.Sprintf("  %-9s %s", label, oneLine(text, lineWidth)))
		}
	}
	lines = append(lines, strings.ToUpper(r.Outcome.String())+" "+oneLine(r.Name(), lineWidth)+" ("+c.Level+")")
	put("requires", c.Statement)
	put("source", c.Source+" ("+c.Evidence+")")
	put("got", r.Failure)
	put("at", r.At)
	if n := len(r.Steps); n > 0 {
		put("during", r.Steps[n-1])
	}
	injected := strings.Join(r.Exchange.Injected(), "; ")
	if injected == "" {
		injected = "nothing"
	}
	for _, wire := range r.Exchange.around(redLines - len(lines) - 2) {
		put("wire", wire)
	}
	put("injected", injected)
	put("again", r.Rerun)
	return strings.Join(lines, "\n") + "\n"
}

// WriteText writes the summary for a terminal: every red, a line for each family, the
// requirements that no check covers, what was skipped and why, and the verdict. Text that
// is very long is cut; what a terminal would obey becomes U+FFFD.
func WriteText(w io.Writer, r Run) error {
	var b strings.Builder
	writeText(&b, r.bounded())
	_, err := io.WriteString(w, printable(b.String()))
	return err
}

func writeText(w *strings.Builder, r Run) {
	for _, c := range r.Claims {
		if c.Outcome == Failed {
			fmt.Fprintln(w, c.Red())
		}
	}
	for _, k := range r.Stale {
		fmt.Fprintln(w, k.Red())
	}
	for _, one := range r.Results {
		if one.Outcome.Red() && one.Known == "" {
			clause, _ := r.Clause(one.Requirement)
			fmt.Fprintln(w, Red(one, clause))
		}
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "family\tpassed\tfailed\terror\tskipped\tdisabled\trequirements\tnot covered\t")
	for _, f := range r.families() {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", f.name, f.Passed, f.Failed, f.Errors, f.Skipped, f.Disabled, f.Requirements, f.NotCovered)
	}
	table.Flush()
	if len(r.NotCovered) > 0 {
		fmt.Fprintf(w, "no check covers %s\n", strings.Join(r.NotCovered, " "))
	}
	writeUnjudged(w, r)
	if len(r.Target.Defects) > 0 {
		fmt.Fprintf(w, "armed on purpose: %s\n", strings.Join(r.Target.Defects, " "))
	}
	known := ""
	if r.Counts.Known > 0 {
		known = fmt.Sprintf(" (%d known)", r.Counts.Known)
	}
	fmt.Fprintf(w, "%s: %d passed, %d failed%s, %d errors, %d skipped, %d disabled against %s in %v\n",
		strings.ToUpper(r.Verdict().String()), r.Counts.Passed, r.Counts.Failed, known, r.Counts.Errors, r.Counts.Skipped,
		r.Counts.Disabled, r.Target.Host, r.Duration.Round(time.Millisecond))
}

type familyCounts struct {
	name string
	Counts
}

// families sums the run up by family, in catalogue order.
func (r Run) families() []familyCounts {
	var order []string
	parts := map[string]*Run{}
	part := func(family string) *Run {
		if parts[family] == nil {
			parts[family] = &Run{}
			order = append(order, family)
		}
		return parts[family]
	}
	for _, c := range r.Catalogue.Clauses {
		p := part(c.Family())
		p.Catalogue.Clauses = append(p.Catalogue.Clauses, c)
	}
	for _, one := range r.Results {
		p := part(family(one.Requirement))
		p.Results = append(p.Results, one)
	}
	list := make([]familyCounts, len(order))
	for i, name := range order {
		list[i].name = name
		list[i].Counts, _ = sums(*parts[name])
	}
	return list
}
