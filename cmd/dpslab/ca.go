package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/lab"
)

func newCA() *cobra.Command {
	group := parent(&cobra.Command{
		Use: "ca", Short: "Export or import the lab's certificate authority",
		Example: `  dpslab ca export > ca.pem                   what devices must trust
  dpslab ca import root.pem root-key.pem --state ./lab
  dpslab up --state ./lab`,
	})
	var state string
	group.PersistentFlags().StringVar(&state, "state", defaultState(), "state folder")
	group.AddCommand(&cobra.Command{
		Use: "export", Short: "Print the root certificate as PEM", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			pem, err := lab.ExportCA(state, clock.System().Now())
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(pem)
			return err
		},
	}, &cobra.Command{
		Use: "import CERTIFICATE KEY", Short: "Begin a state folder with your own root", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			certificate, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			key, err := os.ReadFile(args[1])
			if err != nil {
				return err
			}
			if err := lab.ImportCA(state, certificate, key, clock.System().Now()); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s now has this root; start the lab with --state %s\n", state, state)
			return nil
		},
	})
	return group
}
