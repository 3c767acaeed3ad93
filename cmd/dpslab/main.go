// Command dpslab is the whole of dpslab in one binary: the lab, the checks, and the
// devices. This package is where the server and the client half meet, and holds flags,
// wiring and exit codes only.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes.
const (
	exitPassed     = 0
	exitWrong      = 1 // the target is wrong
	exitUntestable = 2 // it could not be tested: bad configuration, dead endpoint, engine error
	exitVoid       = 3 // a load run says nothing of the target: the generator fell behind
)

// exit ends the program with a code. An empty message says nothing more.
type exit struct {
	code int
	err  error
}

func (e *exit) Error() string { return fmt.Sprint(e.err) }
func (e *exit) Unwrap() error { return e.err }

// wrong is a verdict on the target that was already told.
var wrong = &exit{code: exitWrong}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends a program that is slow to stop
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program without its process.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitPassed
	}
	var e *exit
	if !errors.As(err, &e) {
		e = &exit{exitUntestable, err}
	}
	if e.err != nil {
		fmt.Fprintln(stderr, "dpslab:", oneLine(e.err))
	}
	return e.code
}

// oneLine is an error on one line without colours, whoever made it.
func oneLine(err error) string {
	return strings.Join(strings.Fields(colour.ReplaceAllString(err.Error(), "")), " ")
}

var colour = regexp.MustCompile("\x1b\\[[0-9;]*m")

func newRoot() *cobra.Command {
	root := parent(&cobra.Command{
		Use:   "dpslab",
		Short: "A lab for the Azure IoT Device Provisioning Service: reference, hubs, devices, checks",
		Example: `  dpslab up                                   start a provisioning service and three hubs
  dpslab enroll group line-a --key            let devices in, in another terminal
  dpslab conformance --target embedded        check every requirement`,
		SilenceUsage:  true,
		SilenceErrors: true,
	})
	root.SetHelpTemplate(helpTemplate)
	root.AddCommand(newUp(), newReference(), newHub(), newHealth(), newCA(), newEnroll(), newSAS(), newTPM(), newDevice(),
		newConformance(), newScenario(), newReport(), newSelfcheck(), newRequirements(), newVersion(), newReap())
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(hinted)
	hintArguments(root)
	return root
}

// parent makes a command that only holds others: alone it shows its help, and a word that
// is none of its commands is an error.
func parent(cmd *cobra.Command) *cobra.Command {
	cmd.DisableFlagsInUseLine = true
	cmd.Args = cobra.NoArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	return cmd
}

// hinted tells where to read about a command that was called wrongly.
func hinted(cmd *cobra.Command, err error) error {
	return fmt.Errorf("%w; try: %s --help", err, cmd.CommandPath())
}

// hintArguments gives the hint to every check of arguments below cmd.
func hintArguments(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return hinted(cmd, err)
			}
			return nil
		}
	}
	for _, child := range cmd.Commands() {
		hintArguments(child)
	}
}

// helpTemplate shows the commands to copy before anything else.
const helpTemplate = `{{with (or .Long .Short)}}{{. | trimTrailingWhitespaces}}

{{end}}{{if .HasExample}}Try:
{{.Example}}

{{end}}{{if or .Runnable .HasSubCommands}}Usage:
  {{.UseLine}}{{if .HasAvailableSubCommands}}
  {{.CommandPath}} [command]{{end}}
{{end}}{{if .HasAvailableSubCommands}}
Commands:{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}
{{end}}{{if .HasAvailableLocalFlags}}
Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}
{{end}}`
