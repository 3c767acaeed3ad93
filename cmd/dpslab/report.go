package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/dpslab/dpslab/reports"
	"github.com/dpslab/dpslab/reports/html"
)

func newReport() *cobra.Command {
	cmd := parent(&cobra.Command{
		Use:   "report",
		Short: "Render the result file of a conformance run again, or add up those of a load run",
		Example: `  dpslab conformance --report-dir report      writes run.json, and both others from it
  dpslab report html report/run.json -o report.html
  dpslab report junit report/run.json > junit.xml`,
	})
	cmd.AddCommand(
		newRenderer("html", "Write it as one HTML page", html.WriteRun),
		newRenderer("junit", "Write it as JUnit XML", reports.WriteJUnit),
		newMerge(),
	)
	return cmd
}

func newRenderer(name, short string, render func(io.Writer, reports.Run) error) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: name + " FILE", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			run, err := readRun(args[0])
			if err != nil {
				return err
			}
			if out == "" {
				return render(cmd.OutOrStdout(), run)
			}
			return writeReport(out, run, render)
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "write it to this file instead of standard output")
	return cmd
}

func readRun(file string) (reports.Run, error) {
	f, err := os.Open(file)
	if err != nil {
		return reports.Run{}, fmt.Errorf("result file: %w; conformance --report-dir writes run.json", err)
	}
	defer f.Close()
	run, err := reports.ReadJSON(f)
	if err != nil {
		return reports.Run{}, fmt.Errorf("%s: %w", file, err)
	}
	return run, nil
}

func writeReport(file string, run reports.Run, render func(io.Writer, reports.Run) error) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	return errors.Join(render(f, run), f.Close())
}
