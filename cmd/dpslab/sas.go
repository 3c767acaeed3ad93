package main

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/devwire"
)

func newSAS() *cobra.Command {
	var key, policy, group string
	var lifetime time.Duration
	cmd := &cobra.Command{
		Use:   "sas RESOURCE",
		Short: "Sign a shared access signature, or derive a device key",
		Long: `Sign a shared access signature for a resource and print it. The key is read from
--key, or from DPSLAB_KEY, as base64. With --derive, print the key that a device of an
enrollment group derives from the group's key instead.`,
		Example: `  dpslab sas 0ne00DEMO01/registrations/dev-01 --key "$KEY" --policy registration
  dpslab sas dpslab-1a2b.azure-devices-provisioning.net --key "$KEY" --policy provisioningserviceowner
  dpslab sas --derive dev-01 --key "$GROUP_KEY"`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if key == "" {
				key = os.Getenv("DPSLAB_KEY")
			}
			secret, err := base64.StdEncoding.DecodeString(key)
			if err != nil || len(secret) == 0 {
				return fmt.Errorf("the key is not base64; give it with --key or in DPSLAB_KEY")
			}
			if group != "" {
				fmt.Fprintln(cmd.OutOrStdout(), base64.StdEncoding.EncodeToString(devwire.DeriveKey(secret, group)))
				return nil
			}
			if len(args) != 1 {
				return fmt.Errorf("which resource is the token for? such as 0ne00DEMO01/registrations/dev-01")
			}
			token := devwire.SAS{Resource: strings.ReplaceAll(url.QueryEscape(args[0]), "+", "%20"), Key: secret, Expiry: clock.System().Now().Add(lifetime)}
			if policy != "" {
				token.Policy = &policy
			}
			fmt.Fprintln(cmd.OutOrStdout(), token.Token())
			return nil
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "signing key, base64 (default: $DPSLAB_KEY)")
	cmd.Flags().StringVar(&policy, "policy", "", "policy name (skn)")
	cmd.Flags().StringVar(&group, "derive", "", "print the derived key of this registration id")
	cmd.Flags().DurationVar(&lifetime, "lifetime", time.Hour, "how long the token is good")
	return cmd
}
