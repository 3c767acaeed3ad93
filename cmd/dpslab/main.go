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
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes.
const (
	exitPassed     = 0
	exitWrong      = 1 // the target is wrong
	exitUntestable = 2 // it could not be tested: bad configuration, dead endpoint, engine error
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
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
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
		fmt.Fprintln(stderr, "dpslab:", e.err)
	}
	return e.code
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "dpslab",
		Short: "A lab for the Azure IoT Device Provisioning Service: reference, hubs, devices, checks",
		Example: `  dpslab up                                   start a provisioning service and three hubs
  dpslab enroll group line-a --key            let devices in, in another terminal
  dpslab conformance --target embedded        check every requirement`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetHelpTemplate(helpTemplate)
	root.AddCommand(newUp(), newReference(), newHub(), newHealth(), newCA(), newEnroll(), newSAS(), newDevice(),
		newConformance(), newSelfcheck(), newRequirements(), newVersion())
	root.CompletionOptions.HiddenDefaultCmd = true
	return root
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
