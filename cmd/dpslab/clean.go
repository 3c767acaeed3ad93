package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dpslab/dpslab/suites/harness"
	"github.com/dpslab/dpslab/suites/sut"
	"github.com/dpslab/dpslab/suites/sweep"
)

// newClean is `conformance clean`, which takes --target and --dry-run from its parent.
func newClean(target *string, dryRun *bool) *cobra.Command {
	return &cobra.Command{
		Use:   "clean",
		Short: "Remove what runs left behind at a target",
		Long: `Remove what runs left behind at a target: enrollments, groups, registrations and hub
identities whose names begin with its prefix (dpslab- unless the target file says another),
and what its hooks made. Nothing else is touched. A run that ends by itself leaves nothing;
one that was killed does. Do not clean while another run is on.`,
		Example: `  dpslab conformance clean --target azure.yaml --dry-run
  dpslab conformance clean --target azure.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if *target == embedded || *target == inContainers {
				return errors.New("which target? --target FILE; a lab that a run starts itself is gone with what was in it")
			}
			t, err := sut.Load(*target)
			if err != nil {
				return err
			}
			t.Control = nil // what control makes is not shared with anybody
			env, err := harness.Open(cmd.Context(), t)
			if err != nil {
				return err
			}
			return clean(cmd, env, *dryRun)
		},
	}
}

func clean(cmd *cobra.Command, env *harness.Env, dryRun bool) error {
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	journal, err := journalFile(env.Target)
	if err != nil {
		return err
	}
	found := sweep.Find(ctx, env, journal)
	defer found.Close()
	problems := []error{found.Err}
	counts := map[string]int{}
	for _, l := range found.Leftovers {
		if dryRun {
			fmt.Fprintf(out, "would remove the %s\n", l)
			counts[l.Kind]++
			continue
		}
		if err := l.Remove(ctx); err != nil {
			problems = append(problems, err)
			continue
		}
		counts[l.Kind]++
	}
	fmt.Fprintln(out, summary(counts, dryRun))
	return errors.Join(problems...)
}

func summary(counts map[string]int, dryRun bool) string {
	var parts []string
	for _, kind := range []string{"enrollment", "enrollment group", "registration", "hub identity"} {
		if n := counts[kind]; n > 0 {
			parts = append(parts, counted(n, kind))
		}
	}
	switch {
	case len(parts) == 0:
		return "nothing to remove"
	case dryRun:
		return "would remove " + strings.Join(parts, ", ")
	}
	return "removed " + strings.Join(parts, ", ")
}

// counted is "1 hub identity", "2 hub identities".
func counted(n int, what string) string {
	switch {
	case n == 1:
	case strings.HasSuffix(what, "y"):
		what = strings.TrimSuffix(what, "y") + "ies"
	default:
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// journalFile is where a journal is kept of what a target's hooks make: beside the state of
// labs, since a target file may be in a folder that is not to be written to. "" for a target
// without hooks.
func journalFile(t sut.Target) (string, error) {
	if len(t.Hooks.DeleteEnrollment) == 0 {
		return "", nil
	}
	path, err := filepath.Abs(t.File)
	if err != nil {
		return "", err
	}
	if defaultState() == "" {
		return "", errors.New("no folder to keep a journal of what hooks make; set XDG_STATE_HOME")
	}
	name := fmt.Sprintf("%x.jsonl", sha256.Sum256([]byte(path)))
	return filepath.Join(filepath.Dir(defaultState()), "dpslab-hooks", name), nil
}

// keepJournal lets the hooks of env keep their journal.
func keepJournal(env *harness.Env) error {
	file, err := journalFile(env.Target)
	if file == "" || err != nil {
		return err
	}
	env.Hooks, err = sweep.Journal(env.Hooks, file)
	return err
}
