package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/dpslab/dpslab/internal/lab"
	"github.com/dpslab/dpslab/reports"
	"github.com/dpslab/dpslab/reports/html"
	"github.com/dpslab/dpslab/suites"
	"github.com/dpslab/dpslab/suites/containers"
	"github.com/dpslab/dpslab/suites/engine"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/dpslab/dpslab/suites/sut"
)

// embedded is the target that needs nothing: a lab in this process.
const embedded = "embedded"

func newConformance() *cobra.Command {
	var target, filter, reportDir, knownFile string
	var focus []string
	var parallel int
	var dry bool
	run := func(cmd *cobra.Command, _ []string) error {
		known, err := loadKnownFailing(knownFile)
		if err != nil {
			return err
		}
		options := engine.Options{Parallel: parallel, Filter: filter, FocusIDs: focus}
		if dry {
			return dryRun(cmd, target, options)
		}
		env, stop, err := openTarget(cmd.Context(), target, cmd.ErrOrStderr())
		if err != nil {
			return err
		}
		defer stop()
		if err := errors.Join(env.Probe(cmd.Context()), keepJournal(env)); err != nil {
			return err
		}
		progress := newProgress(cmd.ErrOrStderr())
		options.Observer = progress.saw
		result, err := engine.Run(cmd.Context(), env, suites.All(), options)
		progress.end()
		if err != nil {
			return err
		}
		result.Tool = tool()
		result.Expect(known)
		if err := writeReports(reportDir, result); err != nil {
			return err
		}
		if cmd.Context().Err() != nil {
			return interrupted(cmd, result)
		}
		if err := reports.WriteText(cmd.OutOrStdout(), result); err != nil {
			return err
		}
		if reportDir != "" {
			fmt.Fprintf(cmd.OutOrStdout(), "report: %s\n", filepath.Join(reportDir, pageName))
		}
		return verdict(result)
	}
	cmd := &cobra.Command{
		Use:   "conformance",
		Short: "Check a provisioning service against every requirement",
		Long: `Check a provisioning service against every requirement. Exit code 0: it conforms. 1: it
does not. 2: it could not be tested. --target containers starts a lab in containers, each
process in its own. --dry-run tells what a run at a target file would create, be billed for
and skip.`,
		Example: `  dpslab conformance                          the reference, in this process
  dpslab conformance --target lab.yaml --report-dir report
  dpslab conformance --focus-id DPS-MQTT-003`,
		Args: cobra.NoArgs, RunE: run,
	}
	flags := cmd.PersistentFlags()
	flags.StringVar(&target, "target", embedded, "embedded, containers, or a target file")
	flags.StringVar(&filter, "label-filter", "", "Ginkgo label filter, such as 'family:MQTT && level:must'")
	flags.StringArrayVar(&focus, "focus-id", nil, "check this requirement alone (may be repeated)")
	flags.IntVarP(&parallel, "jobs", "j", 0, "checks at once (default 8, and 4 at a target with quotas)")
	flags.StringVar(&knownFile, "known-failing", "", "file of failures that are expected")
	flags.BoolVar(&dry, "dry-run", false, "send nothing to the target; tell what would be done")
	flags.StringVar(&reportDir, "report-dir", "", "write run.json, junit.xml and report.html here")
	cmd.AddCommand(
		&cobra.Command{Use: "run", Short: "Run the checks (what conformance does by itself)", Args: cobra.NoArgs, RunE: run},
		&cobra.Command{Use: "list", Short: "List the checks", Args: cobra.NoArgs, RunE: listChecks},
		&cobra.Command{Use: "init [FILE]", Short: "Write a target file to fill in", Args: cobra.MaximumNArgs(1), RunE: initTarget},
		&cobra.Command{Use: "schema", Short: "Print the JSON Schema of target files, for an editor", Args: cobra.NoArgs, RunE: printSchema},
		newClean(&target, &dry),
	)
	return cmd
}

// openTarget opens a target file, or starts a lab: in this process or in containers. What
// goes wrong when stop ends it is told to complaints.
func openTarget(ctx context.Context, target string, complaints io.Writer) (env *harness.Env, stop func(), err error) {
	switch target {
	case embedded:
		return openEmbedded(ctx)
	case inContainers:
		return openContainers(ctx, complaints)
	}
	t, err := sut.Load(target)
	if err != nil {
		return nil, nil, err
	}
	if env, err = harness.Open(ctx, t); err != nil {
		return nil, nil, err
	}
	env.Containers = containers.Attach(t)
	return env, func() {}, nil
}

func openEmbedded(ctx context.Context) (*harness.Env, func(), error) {
	l, err := lab.Start(lab.Options{AutoPorts: true, Reference: true, Fakehub: true, Hubs: 3, ServerKey: lab.P256, RetryAfter: time.Second, Version: version()})
	if err != nil {
		return nil, nil, err
	}
	d, err := describe(l, "")
	if err != nil {
		return nil, nil, errors.Join(err, l.Close())
	}
	env, err := harness.Open(ctx, d.target())
	stop := func() {
		if env != nil {
			env.Close() // or the control port waits for its idle connections
		}
		l.Close()
		d.remove()
	}
	if err != nil {
		stop()
	}
	return env, stop, err
}

// verdict turns a run into an exit code: a check that broke outweighs one that failed,
// since what is behind it is not known.
func verdict(run reports.Run) error {
	switch run.Verdict() {
	case reports.Error:
		return &exit{code: exitUntestable}
	case reports.Failed:
		return wrong
	case reports.Skipped, reports.Disabled:
		return errors.New("no check passed and none failed: nothing was tested; look at the skips and at --label-filter")
	}
	return nil
}

// interrupted tells what is worth reading of a run that was not let come to its end: every
// check that did not is an error then.
func interrupted(cmd *cobra.Command, run reports.Run) error {
	for _, r := range run.Results {
		if r.Outcome == reports.Failed {
			clause, _ := run.Clause(r.Requirement)
			fmt.Fprintln(cmd.OutOrStdout(), reports.Red(r, clause))
		}
	}
	c := run.Counts
	return fmt.Errorf("interrupted: %d checks passed, %d failed, %d did not come to their end; --label-filter runs some of them", c.Passed, c.Failed, c.Errors)
}

// pageName is the report that people open.
const pageName = "report.html"

func writeReports(folder string, run reports.Run) error {
	if folder == "" {
		return nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("report folder: %w", err)
	}
	for name, render := range map[string]func(io.Writer, reports.Run) error{
		"run.json": reports.WriteJSON, "junit.xml": reports.WriteJUnit, pageName: html.WriteRun,
	} {
		if err := writeReport(filepath.Join(folder, name), run, render); err != nil {
			return err
		}
	}
	return nil
}

func listChecks(cmd *cobra.Command, _ []string) error {
	cases, err := harness.Cases(suites.All())
	if err != nil {
		return err
	}
	for _, c := range cases {
		fmt.Fprintf(cmd.OutOrStdout(), "%-15s %-6s %-8s %s\n", c.Requirement, c.Clause.Level, c.Transport, c.Title)
	}
	return nil
}

// targetTemplate is what init writes; the format is told in suites/sut.
const targetTemplate = `# yaml-language-server: $schema=target.schema.json
# That file tells an editor every field: dpslab conformance schema > target.schema.json
dpslab: target/v1
dps:
  host: global.azure-devices-provisioning.net     # what devices call
  service_host: NAME.azure-devices-provisioning.net
  id_scope: 0ne00000000
  address: 127.0.0.1                              # what is dialled
  ports: {https: 443, mqtts: 8883, amqps: 5671}
  service_connection_string: ${DPSLAB_SERVICE_CONNECTION_STRING}
ca_file: ca.pem
hubs:
  - host: HUB.azure-devices.net
    connection_string: ${DPSLAB_HUB_1_CONNECTION_STRING}
`

func printSchema(cmd *cobra.Command, _ []string) error {
	_, err := cmd.OutOrStdout().Write(sut.Schema)
	return err
}

func initTarget(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		_, err := io.WriteString(cmd.OutOrStdout(), targetTemplate)
		return err
	}
	f, err := os.OpenFile(args[0], os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("target file: %w; give the name of a new file", err)
	}
	_, err = io.WriteString(f, targetTemplate)
	return errors.Join(err, f.Close())
}

// progress tells a person how far a run is: one line that is rewritten on a terminal,
// nothing elsewhere, where the summary comes soon enough.
type progress struct {
	to    io.Writer
	seen  int
	reds  int
	shown bool
}

func newProgress(to io.Writer) *progress {
	f, ok := to.(*os.File)
	return &progress{to: to, shown: ok && term.IsTerminal(int(f.Fd()))}
}

func (p *progress) saw(r reports.Result) {
	p.seen++
	if r.Outcome.Red() {
		p.reds++
	}
	if p.shown {
		fmt.Fprintf(p.to, "\r\x1b[K%d checked, %d red: %.60s", p.seen, p.reds, r.Requirement+" "+r.Title)
	}
}

func (p *progress) end() {
	if p.shown {
		fmt.Fprint(p.to, "\r\x1b[K")
	}
}
