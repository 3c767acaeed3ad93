package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dpslab/dpslab/internal/lab"
)

func newReference() *cobra.Command {
	group := parent(&cobra.Command{Use: "reference", Short: "Run the reference provisioning service alone"})
	var f labFlags
	var hubs []string
	var database bool
	cmd := &cobra.Command{
		Use:   "serve [flags]",
		Short: "Serve the reference, linked to hubs that run elsewhere",
		Long: `Serve the reference, linked to hubs that run elsewhere.

A hub that another process serves from the same state folder is linked by its number, any
other by its connection string. It is dialled by its name, port 443, or at what is behind
the @. DPSLAB_CONTROL_TOKEN sets the token of the control port.

With --database, enrollments and registrations are in the PostgreSQL whose URL is in
DPSLAB_DATABASE. Concurrent registrations of one id are refused within one process only.`,
		Example: `  dpslab reference serve --link-hub "$DPSLAB_HUB_1_CONNECTION_STRING@127.0.0.1:9443"
  dpslab reference serve --state ./lab --link-hub 1 --link-hub 2@10.0.0.7:8443
  dpslab reference serve --standard-ports --listen 0.0.0.0 --env-file lab.env`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := f.options(cmd)
			if err != nil {
				return err
			}
			o.Reference = true
			if database {
				if o.Database = os.Getenv("DPSLAB_DATABASE"); o.Database == "" {
					return errors.New("--database needs a URL in DPSLAB_DATABASE, such as postgres://user@host/name")
				}
			}
			for _, spec := range hubs {
				linked, err := parseLinkedHub(spec)
				if err != nil {
					return err
				}
				o.Linked = append(o.Linked, linked)
			}
			return serve(cmd, f, o, nil)
		},
	}
	group.Example = cmd.Example
	f.add(cmd.Flags())
	cmd.Flags().StringArrayVar(&hubs, "link-hub", nil, "number or connection string of a hub, with @host:port where it is not at its name")
	cmd.Flags().BoolVar(&database, "database", false, "keep enrollments and registrations in the PostgreSQL of DPSLAB_DATABASE")
	cmd.MarkFlagsMutuallyExclusive("database", "data")
	group.AddCommand(cmd)
	return group
}

// parseLinkedHub splits NUMBER[@host:port] or CONNECTIONSTRING[@host:port]. A key may end
// in = but holds no @.
func parseLinkedHub(spec string) (lab.LinkedHub, error) {
	which, address, at := strings.Cut(spec, "@")
	if at {
		if host, port, err := net.SplitHostPort(address); err != nil || host == "" || port == "" {
			return lab.LinkedHub{}, fmt.Errorf("--link-hub: %q behind the @ is not host:port", address)
		}
	}
	if n, err := strconv.Atoi(which); err == nil && n > 0 {
		return lab.LinkedHub{Number: n, Address: address}, nil
	}
	named := func(part string) bool { return strings.HasPrefix(part, "HostName=") && part != "HostName=" }
	if !slices.ContainsFunc(strings.Split(which, ";"), named) {
		return lab.LinkedHub{}, fmt.Errorf("--link-hub needs a hub's number, or HostName=…;SharedAccessKeyName=…;SharedAccessKey=…")
	}
	return lab.LinkedHub{ConnectionString: which, Address: address}, nil
}

func newHub() *cobra.Command {
	group := parent(&cobra.Command{Use: "hub", Short: "Run fake hubs alone"})
	var f labFlags
	var hubs, only int
	cmd := &cobra.Command{
		Use:   "serve [flags]",
		Short: "Serve hubs that a provisioning service elsewhere is linked to",
		Long: `Serve hubs that a provisioning service elsewhere is linked to.

Processes that share a state folder are one lab: they have its authority, names and keys.
With --hub each serves one of its hubs. DPSLAB_CONTROL_TOKEN sets the token of the control
port.`,
		Example: `  dpslab hub serve --env-file hub.env         one hub; its connection string is in hub.env
  dpslab hub serve --hub 2 --state ./lab      the second hub of a lab, alone
  dpslab hub serve --hubs 3 --standard-ports --listen 0.0.0.0`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := f.options(cmd)
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("hub") && only < 1 {
				return fmt.Errorf("--hub %d is no hub; they count from 1", only)
			}
			o.Fakehub, o.Hubs, o.OnlyHub = true, hubs, only
			return serve(cmd, f, o, nil)
		},
	}
	group.Example = cmd.Example
	f.add(cmd.Flags())
	cmd.Flags().IntVar(&hubs, "hubs", 1, "number of hubs, at most 50")
	cmd.Flags().IntVar(&only, "hub", 0, "serve the hub of this number alone")
	cmd.MarkFlagsMutuallyExclusive("hub", "hubs")
	group.AddCommand(cmd)
	return group
}
