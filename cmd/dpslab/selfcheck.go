package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dpslab/dpslab/internal/controlapi"
	"github.com/dpslab/dpslab/internal/requirement"
	"github.com/dpslab/dpslab/reports"
	"github.com/dpslab/dpslab/suites"
	"github.com/dpslab/dpslab/suites/engine"
	"github.com/dpslab/dpslab/suites/harness"
)

func newSelfcheck() *cobra.Command {
	var parallel int
	var only []string
	cmd := &cobra.Command{
		Use:   "selfcheck",
		Short: "Check the checks: arm every catalogued defect and see that it is caught",
		Long: `Check the checks. Every defect of the catalogue is armed alone, in services and hubs of
its own, and the checks of the requirements that it names must go red. A closed port and a
server that answers 200 to everything must pass nothing.`,
		Example: `  dpslab selfcheck
  dpslab selfcheck --only mqtt-puback-late --only put-201
  dpslab conformance list                     the checks themselves`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			env, stop, err := openEmbedded(cmd.Context())
			if err != nil {
				return err
			}
			defer stop()
			catalogue, err := env.Control.Catalogue(cmd.Context())
			if err != nil {
				return err
			}
			for _, id := range only {
				if !slices.ContainsFunc(catalogue, func(e controlapi.Entry) bool { return e.ID == id }) {
					return fmt.Errorf("--only %q is no defect of the catalogue; a run without --only names them all", id)
				}
			}
			s := selfcheck{cmd: cmd, env: env, parallel: parallel}
			if err := s.defects(cmd.Context(), catalogue, only); err != nil {
				return err
			}
			if len(only) == 0 {
				if err := s.nullTargets(cmd.Context()); err != nil {
					return err
				}
				s.unproven(catalogue)
			}
			if s.missed > 0 {
				return wrong
			}
			return nil
		},
	}
	cmd.Flags().IntVarP(&parallel, "jobs", "j", 0, "checks at once (default 8)")
	cmd.Flags().StringArrayVar(&only, "only", nil, "check this defect alone (may be repeated)")
	return cmd
}

type selfcheck struct {
	cmd      *cobra.Command
	env      *harness.Env
	parallel int
	caught   int
	missed   int
}

// defects arms one entry after the other.
func (s *selfcheck) defects(ctx context.Context, catalogue []controlapi.Entry, only []string) error {
	for _, entry := range catalogue {
		if len(entry.Params) > 0 || (len(only) > 0 && !slices.Contains(only, entry.ID)) {
			continue // faults with arguments are for devices, not for checks of the service
		}
		green, err := s.green(ctx, entry)
		if err != nil {
			return fmt.Errorf("defect %s: %w", entry.ID, err)
		}
		if len(green) == 0 {
			s.caught++
			fmt.Fprintf(s.cmd.OutOrStdout(), "caught  %-40s %s\n", entry.ID, strings.Join(entry.Catches, " "))
			continue
		}
		s.missed++
		fmt.Fprintf(s.cmd.OutOrStdout(), "MISSED  %-40s %s; still green: %s\n", entry.ID, entry.Summary, strings.Join(green, " "))
	}
	fmt.Fprintf(s.cmd.OutOrStdout(), "\n%d of %d defects caught\n", s.caught, s.caught+s.missed)
	return nil
}

// green lists the requirements that the defect should redden and does not.
func (s *selfcheck) green(ctx context.Context, entry controlapi.Entry) ([]string, error) {
	if len(entry.Catches) == 0 {
		return []string{"(it names no requirement)"}, nil
	}
	env := *s.env
	env.Defects = []string{entry.ID}
	run, err := engine.Run(ctx, &env, suites.All(), engine.Options{Parallel: s.parallel, FocusIDs: entry.Catches})
	if err != nil {
		return nil, err
	}
	var green []string
	for _, id := range entry.Catches {
		red := slices.ContainsFunc(run.Results, func(r reports.Result) bool {
			return r.Requirement == id && r.Outcome == reports.Failed
		})
		if !red {
			green = append(green, id)
		}
	}
	return green, ctx.Err()
}

// unproven lists the musts that have a check, and no defect that it must catch.
func (s *selfcheck) unproven(catalogue []controlapi.Entry) {
	checked, proven := map[string]bool{}, map[string]bool{}
	for _, c := range suites.All() {
		checked[c.Requirement] = true
	}
	for _, entry := range catalogue {
		for _, id := range entry.Catches {
			proven[id] = true
		}
	}
	var unchecked, open []string
	musts := 0
	for _, r := range requirement.All() {
		if r.Level != "must" {
			continue
		}
		musts++
		switch {
		case !checked[r.ID]:
			unchecked = append(unchecked, r.ID)
		case !proven[r.ID]:
			open = append(open, r.ID)
		}
	}
	out := s.cmd.OutOrStdout()
	fmt.Fprintf(out, "%d of %d musts have a check that a defect proves\n", musts-len(unchecked)-len(open), musts)
	fmt.Fprintf(out, "musts without a check (%d): %s\n", len(unchecked), strings.Join(unchecked, " "))
	fmt.Fprintf(out, "musts whose check no defect proves (%d): %s\n", len(open), strings.Join(open, " "))
}
