package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/dpslab/dpslab/internal/devwire"
)

func newEnroll() *cobra.Command {
	var target targetFlags
	group := parent(&cobra.Command{
		Use: "enroll", Short: "Add, list, show and remove enrollments through the service API",
		Example: `  dpslab enroll group line-a --key            devices derive their keys from the group's
  dpslab enroll group plant --new-root ./plant   devices' certificates are signed by a root
  dpslab enroll individual pump-1 --key --hub dpslab-1a2b-hub-2.azure-devices.net --policy static`,
	})
	target.add(group.PersistentFlags())
	group.AddCommand(newEnrollAdd(&target, individuals), newEnrollAdd(&target, groups),
		newEnrollList(&target), newEnrollShow(&target), newEnrollRemove(&target))
	return group
}

// enrollmentKind is one of the two collections, as the service API names it.
type enrollmentKind struct{ word, collection, idMember, certificates string }

var (
	individuals = enrollmentKind{"individual", "enrollments", "registrationId", "clientCertificates"}
	groups      = enrollmentKind{"group", "enrollmentGroups", "enrollmentGroupId", "signingCertificates"}
)

func (k enrollmentKind) path(id string) string {
	if k == groups {
		return devwire.GroupPath(id)
	}
	return devwire.EnrollmentPath(id)
}

func kindNamed(word string) (enrollmentKind, error) {
	for _, k := range []enrollmentKind{individuals, groups} {
		if k.word == word {
			return k, nil
		}
	}
	return individuals, fmt.Errorf("%q is neither individual nor group", word)
}

func newEnrollAdd(target *targetFlags, k enrollmentKind) *cobra.Command {
	var a attestationFlags
	var hubs []string
	var policy, deviceID, tags, desired string
	var disabled, edge bool
	cmd := &cobra.Command{
		Use: k.word + " ID", Short: "Add " + article(k) + " enrollment", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			attestation, err := a.attestation(k, args[0], cmd.InOrStdin())
			if err != nil {
				return err
			}
			record := map[string]any{k.idMember: args[0], "attestation": attestation}
			if len(hubs) > 0 {
				record["iotHubs"] = hubs
			}
			set := map[string]string{"allocationPolicy": policy, "deviceId": deviceID}
			for member, value := range set {
				if value != "" {
					record[member] = value
				}
			}
			if disabled {
				record["provisioningStatus"] = "disabled"
			}
			if edge {
				record["capabilities"] = map[string]any{"iotEdge": true}
			}
			if record["initialTwin"], err = initialTwin(tags, desired); err != nil {
				return err
			}
			if record["initialTwin"] == nil {
				delete(record, "initialTwin")
			}
			answer, err := target.call(cmd.Context(), devwire.ServiceRequest{Method: http.MethodPut, Path: k.path(args[0]), Body: record})
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s %s is enrolled\n", k.word, args[0])
			return a.told(cmd, answer)
		},
	}
	flags := cmd.Flags()
	a.add(flags, k)
	flags.StringArrayVar(&hubs, "hub", nil, "host name of a hub that its devices may go to (default: all linked hubs)")
	flags.StringVar(&policy, "policy", "", "allocation policy: hashed or static (default: the service's)")
	flags.BoolVar(&disabled, "disabled", false, "let nobody in")
	flags.BoolVar(&edge, "edge", false, "devices are IoT Edge devices")
	flags.StringVar(&tags, "tags", "", "tags of the initial twin, a JSON object")
	flags.StringVar(&desired, "desired", "", "desired properties of the initial twin, a JSON object")
	if k == individuals {
		flags.StringVar(&deviceID, "device-id", "", "device id at the hub (default: the registration id)")
	}
	return cmd
}

func article(k enrollmentKind) string {
	if k == groups {
		return "a group"
	}
	return "an individual"
}

func initialTwin(tags, desired string) (any, error) {
	if tags == "" && desired == "" {
		return nil, nil
	}
	twin := map[string]any{"tags": json.RawMessage("{}"), "properties": map[string]any{"desired": json.RawMessage("{}")}}
	for flag, text := range map[string]string{"--tags": tags, "--desired": desired} {
		if text != "" && !json.Valid([]byte(text)) {
			return nil, fmt.Errorf("%s %q is not JSON; try '{\"site\":\"north\"}'", flag, text)
		}
	}
	if tags != "" {
		twin["tags"] = json.RawMessage(tags)
	}
	if desired != "" {
		twin["properties"] = map[string]any{"desired": json.RawMessage(desired)}
	}
	return twin, nil
}

func newEnrollList(target *targetFlags) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List enrollments and groups", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, k := range []enrollmentKind{individuals, groups} {
				if err := target.each(cmd.Context(), k, func(record map[string]any) {
					attestation, _ := record["attestation"].(map[string]any)
					fmt.Fprintf(cmd.OutOrStdout(), "%-10s %-40v %-13v %v\n", k.word, record[k.idMember], attestation["type"], record["provisioningStatus"])
				}); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// each follows the pages of a query for everything.
func (f *targetFlags) each(ctx context.Context, k enrollmentKind, visit func(map[string]any)) error {
	header := http.Header{}
	for {
		answer, err := f.call(ctx, devwire.ServiceRequest{
			Method: http.MethodPost, Path: "/" + k.collection + "/query", Header: header, Body: map[string]any{"query": "SELECT *"},
		})
		if err != nil {
			return err
		}
		list, err := answer.List()
		if err != nil {
			return err
		}
		for _, record := range list {
			visit(record)
		}
		next := answer.Header.Get("x-ms-continuation")
		if next == "" {
			return nil
		}
		header.Set("x-ms-continuation", next)
	}
}

func newEnrollShow(target *targetFlags) *cobra.Command {
	var keys bool
	cmd := &cobra.Command{
		Use: "show individual|group ID", Short: "Show an enrollment as JSON", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			k, err := kindNamed(args[0])
			if err != nil {
				return err
			}
			r := devwire.ServiceRequest{Method: http.MethodGet, Path: k.path(args[1])}
			if keys {
				r = devwire.ServiceRequest{Method: http.MethodPost, Path: k.path(args[1]) + "/attestationmechanism"}
			}
			answer, err := target.call(cmd.Context(), r)
			if err != nil {
				return err
			}
			return printJSON(cmd, answer.Body)
		},
	}
	cmd.Flags().BoolVar(&keys, "keys", false, "show the attestation mechanism with its keys instead")
	return cmd
}

func newEnrollRemove(target *targetFlags) *cobra.Command {
	return &cobra.Command{
		Use: "rm individual|group ID…", Short: "Remove enrollments", Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			k, err := kindNamed(args[0])
			if err != nil {
				return err
			}
			for _, id := range args[1:] {
				if _, err := target.call(cmd.Context(), devwire.ServiceRequest{Method: http.MethodDelete, Path: k.path(id)}); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s %s is gone\n", k.word, id)
			}
			return nil
		},
	}
}

// call sends one request to the target's service API; a refusal is an error.
func (f *targetFlags) call(ctx context.Context, r devwire.ServiceRequest) (devwire.HTTPResponse, error) {
	t, wire, err := f.load()
	if err != nil {
		return devwire.HTTPResponse{}, err
	}
	client, err := wire.Service(t.Service(), t.DPS.ServiceConnectionString.Reveal())
	if err != nil {
		return devwire.HTTPResponse{}, err
	}
	defer client.Close()
	answer, err := client.Do(ctx, r)
	if err != nil {
		return answer, err
	}
	if answer.Status >= 300 {
		if e := answer.Error(); e != nil {
			return answer, fmt.Errorf("the service answered %d: %s", e.ErrorCode, e.Message)
		}
		return answer, fmt.Errorf("the service answered %d", answer.Status)
	}
	return answer, nil
}

func printJSON(cmd *cobra.Command, body []byte) error {
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return err
	}
	encoder := json.NewEncoder(cmd.OutOrStdout())
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}
