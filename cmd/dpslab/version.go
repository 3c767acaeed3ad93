package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/dpslab/dpslab/internal/requirement"
	"github.com/dpslab/dpslab/reports"
)

// Version and Commit are set by a build with -X main.Version=v1.2.3 -X main.Commit=….
var Version, Commit string

// version is the release, or the commit that the binary was built from.
func version() string {
	if Version != "" {
		return Version
	}
	if c := commit(); c != "" {
		return "devel-" + c[:min(12, len(c))]
	}
	return "devel"
}

func commit() string {
	if Commit != "" {
		return Commit
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
}

// tool is this program as reports name it.
func tool() reports.Tool {
	return reports.Tool{Version: version(), Commit: commit(), Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
}

func newVersion() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "version", Short: "Print the version of the binary and of its catalogue", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := struct {
				Version   string `json:"version"`
				Commit    string `json:"commit,omitempty"`
				Go        string `json:"go"`
				Platform  string `json:"platform"`
				Catalogue string `json:"catalogue"`
				Digest    string `json:"catalogueDigest"`
			}{version(), commit(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH, requirement.Version, requirement.Digest()}
			if asJSON {
				encoder := json.NewEncoder(cmd.OutOrStdout())
				encoder.SetIndent("", "  ")
				return encoder.Encode(v)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "dpslab %s (%s, %s), catalogue %s %s\n", v.Version, v.Go, v.Platform, v.Catalogue, v.Digest)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
