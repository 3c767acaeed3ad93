package engine_test

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"github.com/dpslab/dpslab/reports"
	"github.com/dpslab/dpslab/suites/engine"
	"github.com/dpslab/dpslab/suites/harness"
)

var acme = &harness.Requirement{
	ID: "ACME-BOOT-001", Level: "must", Statement: "The service knows our devices.", Source: "our contract, page 3", Evidence: "doc",
}

func TestOwnRequirementsAreReportedLikeTheOthers(t *testing.T) {
	own := []harness.Check{
		{Requirement: "DPS-SVC-001", Title: "passes", Run: passes},
		{Own: acme, Title: "passes", Run: passes},
		{Own: acme, Title: "fails", Run: fails},
	}
	r, err := engine.Run(context.Background(), &harness.Env{}, own, engine.Options{FocusIDs: []string{"ACME-BOOT-001"}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"DPS-SVC-001 none disabled", "ACME-BOOT-001 none failed", "ACME-BOOT-001 none passed"}
	if got := outcomes(r); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	clause, ok := r.Clause("ACME-BOOT-001")
	if !ok || !clause.Own || clause.Statement != acme.Statement || clause.Source != acme.Source {
		t.Errorf("the run has %v, %+v", ok, clause)
	}
	if ours := engine.Catalogue(); r.Counts.Requirements != len(ours.Clauses)+1 || r.Catalogue.Digest != ours.Digest {
		t.Errorf("%d requirements, digest %s", r.Counts.Requirements, r.Catalogue.Digest)
	}
	if slices.ContainsFunc(engine.Catalogue().Clauses, func(c reports.Clause) bool { return c.Own }) {
		t.Error("the catalogue of the next run has it too")
	}
	for _, one := range r.Results {
		if one.Requirement == "ACME-BOOT-001" && one.Rerun != "" {
			t.Errorf("again with %q, which does not have that check", one.Rerun)
		}
	}
	var file bytes.Buffer
	if err := reports.WriteJSON(&file, r); err != nil {
		t.Fatal(err)
	}
	if again, err := reports.ReadJSON(&file); err != nil || again.Counts != r.Counts {
		t.Errorf("read again: %v, %+v", err, again.Counts)
	}
	r.Catalogue = engine.Catalogue()
	if r.Tally(); r.Reconcile() == nil {
		t.Error("a result of no requirement reconciles")
	}
}
