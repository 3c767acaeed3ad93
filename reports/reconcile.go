package reports

import (
	"cmp"
	"fmt"
	"slices"
)

// Tally puts the results into the catalogue's order and fills in Counts and NotCovered.
// Whoever assembles a run calls it last.
func (r *Run) Tally() {
	order := map[string]int{}
	for i, c := range r.Catalogue.Clauses {
		order[c.ID] = i
	}
	slices.SortStableFunc(r.Results, func(a, b Result) int {
		return cmp.Or(cmp.Compare(order[a.Requirement], order[b.Requirement]),
			cmp.Compare(a.Title, b.Title), cmp.Compare(a.Transport, b.Transport))
	})
	r.Counts, r.NotCovered = sums(*r)
}

func sums(r Run) (Counts, []string) {
	c := Counts{Requirements: len(r.Catalogue.Clauses), Results: len(r.Results)}
	checked := map[string]bool{}
	for _, one := range r.Results {
		checked[one.Requirement] = true
		switch one.Outcome {
		case Disabled:
			c.Disabled++
		case Skipped:
			c.Skipped++
		case Passed:
			c.Passed++
		case Failed:
			c.Failed++
			if one.Known != "" {
				c.Known++
			}
		case Error:
			c.Errors++
		}
	}
	missing := []string{}
	for _, clause := range r.Catalogue.Clauses {
		if !checked[clause.ID] {
			missing = append(missing, clause.ID)
		}
	}
	c.NotCovered = len(missing)
	c.Covered = c.Requirements - c.NotCovered
	return c, missing
}

// Reconcile returns an error when the run does not add up: counts that differ from the
// results, a result of no requirement, a run listed twice, a pass that checked nothing,
// or a skip without a reason. Such a report is invalid and says nothing.
func (r Run) Reconcile() error {
	if r.Schema != Schema {
		return fmt.Errorf("schema is %q; this program reads %q", r.Schema, Schema)
	}
	clauses := map[string]bool{}
	for _, c := range r.Catalogue.Clauses {
		if clauses[c.ID] {
			return fmt.Errorf("%s stands twice in the catalogue", c.ID)
		}
		clauses[c.ID] = true
	}
	names := map[string]bool{}
	for _, one := range r.Results {
		switch {
		case !clauses[one.Requirement]:
			return fmt.Errorf("%q: its requirement is not in the catalogue", one.Name())
		case names[one.Name()]:
			return fmt.Errorf("%q is reported twice", one.Name())
		case one.Outcome == Passed && one.Assertions == 0:
			return fmt.Errorf("%q passed without an assertion", one.Name())
		case one.Outcome < Passed && one.Reason == "":
			return fmt.Errorf("%q is %s without a reason", one.Name(), one.Outcome)
		case one.Known != "" && one.Outcome != Failed:
			return fmt.Errorf("%q is %s and known to fail", one.Name(), one.Outcome)
		case one.Outcome.Red() && one.Failure == "":
			return fmt.Errorf("%q is %s without a failure", one.Name(), one.Outcome)
		}
		names[one.Name()] = true
	}
	for _, c := range r.Claims {
		if err := c.check(); err != nil {
			return err
		}
	}
	counts, missing := sums(r)
	if counts != r.Counts {
		return fmt.Errorf("the counts say %+v, the results %+v", r.Counts, counts)
	}
	if !slices.Equal(missing, r.NotCovered) {
		return fmt.Errorf("listed as not covered are %q, without a check are %q", r.NotCovered, missing)
	}
	return nil
}
