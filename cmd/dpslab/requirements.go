package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dpslab/dpslab/internal/requirement"
)

func newRequirements() *cobra.Command {
	return &cobra.Command{
		Use:   "requirements [ID or FAMILY]",
		Short: "Print the requirement catalogue, a family of it, or one clause",
		Example: `  dpslab requirements                         one line each
  dpslab requirements MQTT
  dpslab requirements DPS-MQTT-003            statement, source, evidence`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			out := cmd.OutOrStdout()
			if len(args) == 1 {
				if r, ok := requirement.Find(strings.ToUpper(args[0])); ok {
					fmt.Fprintf(out, "%s (%s)\n%s\nsource: %s\nevidence: %s\n", r.ID, r.Level, r.Statement, r.Source, r.Evidence)
					return nil
				}
			}
			found := 0
			for _, r := range requirement.All() {
				if len(args) == 0 || strings.EqualFold(args[0], r.Family()) {
					fmt.Fprintf(out, "%-15s %-6s %s\n", r.ID, r.Level, r.Statement)
					found++
				}
			}
			if found == 0 {
				return fmt.Errorf("no requirement and no family %q; try: dpslab requirements", args[0])
			}
			return nil
		},
	}
}
