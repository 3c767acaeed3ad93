package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/dpslab/dpslab/scenarios"
)

func newScenario() *cobra.Command {
	group := parent(&cobra.Command{
		Use: "scenario", Short: "Run a scripted fleet: with five devices a check, with ten thousand a load",
		Example: `  dpslab scenario list                             what comes with dpslab
  dpslab scenario run first-boot --devices 50      at a lab of its own
  dpslab scenario copy first-boot mine.yaml        to begin one of your own`,
	})
	group.AddCommand(newScenarioRun(), newScenarioLint(), newScenarioList(), newScenarioCopy())
	return group
}

func newScenarioList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the scenarios that come with dpslab", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			for _, s := range scenarios.Library() {
				fmt.Fprintf(w, "%s\t%d devices\t%s\n", s.Name, s.Fleet.Devices, s.Title)
			}
			return w.Flush()
		},
	}
}

func newScenarioLint() *cobra.Command {
	return &cobra.Command{
		Use: "lint FILE…", Short: "Tell what is wrong with scenario files, with line and column",
		Example: `  dpslab scenario lint mine.yaml`, Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, files []string) error {
			bad := false
			for _, file := range files {
				text, err := os.ReadFile(file)
				if err == nil {
					_, err = scenarios.Parse(text)
				}
				if err != nil {
					bad = true
					fmt.Fprintf(cmd.OutOrStdout(), "%s:\n%v\n", file, err)
				}
			}
			if bad {
				return &exit{code: exitUntestable}
			}
			return nil
		},
	}
}

func newScenarioCopy() *cobra.Command {
	return &cobra.Command{
		Use: "copy NAME [FILE]", Short: "Write a scenario of the library to a file, to begin one of your own", Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := scenarios.Text(args[0])
			if err != nil {
				return err
			}
			file := args[0] + ".yaml"
			if len(args) == 2 {
				file = args[1]
			}
			f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
			if errors.Is(err, fs.ErrExist) {
				return fmt.Errorf("%s is there already; give another name", file)
			}
			if err != nil {
				return err
			}
			_, err = f.Write(text)
			if err := errors.Join(err, f.Close()); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), file)
			return nil
		},
	}
}
