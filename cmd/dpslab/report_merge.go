package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/dpslab/dpslab/reports/load"
)

func newMerge() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "merge FILE…",
		Short: "Add up the load results of the shards of one run, and judge the sum",
		Long: `Add up the load results of the shards of one run, and judge the sum. Nothing is lost:
counts and histograms add up. Exit code 0: it passed. 1: the target failed. 2: a shard is
missing, or ended before its time. 3: the generator fell behind.`,
		Example: `  dpslab report merge shard-1/run.json shard-2/run.json -o run.json`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, files []string) error {
			var runs []load.Run
			for _, file := range files {
				run, err := readLoad(file)
				if err != nil {
					return err
				}
				runs = append(runs, run)
			}
			sum, err := load.Merge(runs)
			if err != nil {
				return err
			}
			if out == "" {
				err = load.WriteJSON(cmd.OutOrStdout(), sum)
			} else {
				err = writeLoad(cmd, out, sum)
			}
			return errors.Join(err, loadVerdict(sum))
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "write the sum to this file, and only its answer to standard output")
	return cmd
}

func readLoad(file string) (load.Run, error) {
	f, err := os.Open(file)
	if err != nil {
		return load.Run{}, fmt.Errorf("load result: %w", err)
	}
	defer f.Close()
	run, err := load.ReadJSON(f)
	if err != nil {
		return load.Run{}, fmt.Errorf("%s: %w", file, err)
	}
	return run, nil
}

// writeLoad writes the result file and tells the answer, and why it is not passed.
func writeLoad(cmd *cobra.Command, file string, run load.Run) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	if err := errors.Join(load.WriteJSON(f, run), f.Close()); err != nil {
		return err
	}
	tellLoad(cmd, run)
	return nil
}

func tellLoad(cmd *cobra.Command, run load.Run) {
	w := cmd.OutOrStdout()
	fmt.Fprintln(w, run.Answer.Sentence)
	if run.Answer.FirstMessage != "" {
		fmt.Fprintln(w, run.Answer.FirstMessage)
	}
	fmt.Fprintln(w, run.Verdict)
	for _, reason := range run.Reasons {
		fmt.Fprintln(w, "  "+reason)
	}
}

// loadVerdict turns a load run into an exit code.
func loadVerdict(run load.Run) error {
	switch run.Verdict {
	case load.Passed:
		return nil
	case load.Failed:
		return wrong
	case load.Void:
		return &exit{code: exitVoid}
	}
	return &exit{code: exitUntestable}
}
