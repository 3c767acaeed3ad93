package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/dpslab/dpslab/internal/lab"
)

func newUp() *cobra.Command {
	var f labFlags
	var hubs int
	var config string
	cmd := &cobra.Command{
		Use:   "up [flags] [-- COMMAND ARGS…]",
		Short: "Start a provisioning service and its hubs in one process",
		Long: `Start a provisioning service and its hubs in one process, without root, in memory unless
--data names a folder.

--config takes a lab/v1 file, which says what the service and its hubs are: names, id scope,
allocation policy and latencies, limits, shared access policies, weights. A flag goes before
a field of the file.

With a command behind --, run it with the lab's addresses in its environment (DPSLAB_…,
NODE_EXTRA_CA_CERTS, SSL_CERT_FILE, REQUESTS_CA_BUNDLE; proxy variables cleared), stop the
lab when it ends, and exit with its code.

The variables, of --env-file too, are DPSLAB_ with: DPS_HOST, SERVICE_HOST, ID_SCOPE,
SERVICE_CONNECTION_STRING, CA_FILE, HTTPS_PORT, MQTTS_PORT, AMQPS_PORT, HUB_COUNT,
HUB_1_HOST, HUB_1_CONNECTION_STRING and so on, CONTROL_URL, CONTROL_TOKEN, HOSTS (all names,
for a hosts file) and ADDRESS (the IP address to dial).`,
		Example: `  dpslab up                                   until Ctrl-C, on ports 8443 and 8883
  dpslab up --config lab.yaml --env-file F    as a file says; for other programs: . ./F
  dpslab up --auto-ports -- npm test          for one command`,
		Args: behindDashes,
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := f.options(cmd)
			if err != nil {
				return err
			}
			o.Reference, o.Fakehub, o.Hubs = true, true, hubs
			if err := configure(&o, config, cmd.Flags().Changed); err != nil {
				return err
			}
			return serve(cmd, f, o, args)
		},
	}
	f.add(cmd.Flags())
	cmd.Flags().StringVar(&config, "config", "", "lab/v1 file that says what the service and its hubs are")
	cmd.Flags().IntVar(&hubs, "hubs", 3, "number of hubs, at most 50")
	return cmd
}

// behindDashes takes a command, and only behind --, where its flags are its own.
func behindDashes(cmd *cobra.Command, args []string) error {
	switch dashes := cmd.ArgsLenAtDash(); {
	case len(args) > 0 && dashes != 0:
		return fmt.Errorf("%q is no flag; a command to run goes behind --", args[0])
	case len(args) == 0 && dashes == 0:
		return errors.New("there is no command behind --")
	}
	return nil
}

// serve runs a lab until it is interrupted, or until the command behind -- ends.
func serve(cmd *cobra.Command, f labFlags, o lab.Options, command []string) (err error) {
	// Who waits for the files must not find those of a lab that is gone.
	for _, stale := range []string{f.envFile, f.targetFile} {
		if err := os.Remove(stale); stale != "" && err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	l, err := lab.Start(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	d, err := describe(l, f.state)
	if err != nil {
		return err
	}
	defer d.remove()
	if err := d.writeFiles(f.envFile, f.targetFile); err != nil {
		return err
	}
	if len(command) > 0 {
		return runCommand(cmd, d, command)
	}
	fmt.Fprint(cmd.OutOrStdout(), d.greeting())
	<-cmd.Context().Done()
	return nil
}

// runCommand runs a child with the lab's environment. Interrupts go to the child, which
// has a moment to end by itself. A Ctrl-C on a terminal went to it already.
func runCommand(cmd *cobra.Command, d *description, command []string) error {
	ctx, cancel := context.WithCancel(context.WithoutCancel(cmd.Context()))
	defer cancel()
	child := exec.CommandContext(ctx, command[0], command[1:]...)
	child.Stdin, child.Stdout, child.Stderr = os.Stdin, cmd.OutOrStdout(), cmd.ErrOrStderr()
	child.Env = d.childEnvironment(os.Environ())
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(interrupts)
	if cmd.Context().Err() != nil {
		return fmt.Errorf("interrupted before %q was run", command[0])
	}
	if err := child.Start(); err != nil {
		return fmt.Errorf("cannot run %q: %w", command[0], err)
	}
	ended := make(chan error, 1)
	go func() { ended <- child.Wait() }()
	for {
		select {
		case err := <-ended:
			var failed *exec.ExitError
			if errors.As(err, &failed) {
				return &exit{code: exitCode(failed)}
			}
			return err
		case s := <-interrupts:
			if s != os.Interrupt || !term.IsTerminal(int(os.Stdin.Fd())) {
				child.Process.Signal(s)
			}
			time.AfterFunc(childGrace, cancel)
		}
	}
}

// exitCode is what a shell makes of a child's end: its code, or 128 and the number of the
// signal that killed it.
func exitCode(failed *exec.ExitError) int {
	if status, ok := failed.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return failed.ExitCode()
}

// childGrace is how long an interrupted child may take to end.
const childGrace = 5 * time.Second

// childEnvironment is env with the lab's variables, trust, and no way to a proxy.
func (d *description) childEnvironment(env []string) []string {
	var kept []string
	for _, pair := range env {
		name, _, _ := strings.Cut(pair, "=")
		switch strings.ToUpper(name) {
		case "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY":
		default:
			kept = append(kept, pair)
		}
	}
	for _, v := range d.variables() {
		kept = append(kept, v.Name+"="+v.Value)
	}
	return append(kept, "NODE_EXTRA_CA_CERTS="+d.caFile, "SSL_CERT_FILE="+d.caFile, "REQUESTS_CA_BUNDLE="+d.caFile)
}
