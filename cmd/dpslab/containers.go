package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/dpslab/dpslab/suites/containers"
	"github.com/dpslab/dpslab/suites/harness"
)

// inContainers is the target that needs a container engine: a lab of the reference and
// three hubs in a container each, made of this binary.
const inContainers = "containers"

// removeTimeout is how long the lab's containers may take to be removed.
const removeTimeout = time.Minute

// openContainers starts that lab. What it consists of is removed by stop, or, when this
// process ends in another way, by a child of it.
func openContainers(ctx context.Context, complaints io.Writer) (*harness.Env, func(), error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	l, err := containers.Start(ctx, containers.Options{Dpslab: self})
	if err != nil {
		return nil, nil, err
	}
	stop := func() {
		ctx, cancel := context.WithTimeout(context.Background(), removeTimeout)
		defer cancel()
		if err := l.Close(ctx); err != nil {
			fmt.Fprintln(complaints, "dpslab:", oneLine(err))
		}
	}
	env, err := harness.Open(ctx, l.Target())
	if err != nil {
		stop()
		return nil, nil, err
	}
	env.Target.File = inContainers // what a rerun names: the lab's own file goes with it
	env.Containers = containers.Attach(l.Target())
	return env, stop, nil
}

// newReap is the child that openContainers leaves behind.
func newReap() *cobra.Command {
	return &cobra.Command{
		Use: "reap RUN", Hidden: true, Args: cobra.ExactArgs(1),
		Short: "Remove a run's containers when standard input ends",
		RunE: func(cmd *cobra.Command, args []string) error {
			return containers.Reap(context.WithoutCancel(cmd.Context()), cmd.InOrStdin(), args[0])
		},
	}
}
