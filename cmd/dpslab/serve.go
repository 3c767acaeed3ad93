package main

import (
	"fmt"
	"net"
	"strings"

	"github.com/spf13/cobra"
)

func newReference() *cobra.Command {
	group := parent(&cobra.Command{Use: "reference", Short: "Run the reference provisioning service alone"})
	var f labFlags
	var hubs []string
	cmd := &cobra.Command{
		Use:   "serve [flags]",
		Short: "Serve the reference, linked to hubs that run elsewhere",
		Example: `  dpslab reference serve --link-hub "$DPSLAB_HUB_1_CONNECTION_STRING@127.0.0.1:9443"
  dpslab reference serve --standard-ports --listen 0.0.0.0
  dpslab reference serve --state ./lab --env-file lab.env`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := f.options(cmd)
			if err != nil {
				return err
			}
			o.Reference = true
			addresses := map[string]string{}
			for _, spec := range hubs {
				linked, host, address, err := parseLinkedHub(spec)
				if err != nil {
					return err
				}
				o.Linked = append(o.Linked, linked)
				if address != "" {
					addresses[host] = address
				}
			}
			o.HubAddress = func(host string) string {
				if a, ok := addresses[strings.ToLower(host)]; ok {
					return a
				}
				return net.JoinHostPort(host, "443")
			}
			return serve(cmd, f, o, nil)
		},
	}
	group.Example = cmd.Example
	f.add(cmd.Flags())
	cmd.Flags().StringArrayVar(&hubs, "link-hub", nil, "connection string of a hub, with @ip:port where its name does not resolve")
	group.AddCommand(cmd)
	return group
}

// parseLinkedHub splits CONNECTIONSTRING[@ip:port]. A key may end in = but holds no @.
func parseLinkedHub(spec string) (connectionString, host, address string, err error) {
	connectionString, address, _ = strings.Cut(spec, "@")
	if address != "" {
		if _, _, err := net.SplitHostPort(address); err != nil {
			return "", "", "", fmt.Errorf("--link-hub: %q behind the @ is not ip:port", address)
		}
	}
	for part := range strings.SplitSeq(connectionString, ";") {
		if name, value, _ := strings.Cut(part, "="); name == "HostName" {
			host = strings.ToLower(value)
		}
	}
	if host == "" {
		return "", "", "", fmt.Errorf("--link-hub needs HostName=…;SharedAccessKeyName=…;SharedAccessKey=…")
	}
	return connectionString, host, address, nil
}

func newHub() *cobra.Command {
	group := parent(&cobra.Command{Use: "hub", Short: "Run fake hubs alone"})
	var f labFlags
	var hubs int
	cmd := &cobra.Command{
		Use:   "serve [flags]",
		Short: "Serve hubs that a provisioning service elsewhere is linked to",
		Example: `  dpslab hub serve --env-file hub.env         one hub; its connection string is in hub.env
  dpslab hub serve --hubs 3 --state ./lab
  dpslab hub serve --standard-ports --listen 0.0.0.0`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := f.options(cmd)
			if err != nil {
				return err
			}
			o.Fakehub, o.Hubs = true, hubs
			return serve(cmd, f, o, nil)
		},
	}
	group.Example = cmd.Example
	f.add(cmd.Flags())
	cmd.Flags().IntVar(&hubs, "hubs", 1, "number of hubs, at most 50")
	group.AddCommand(cmd)
	return group
}
