package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/dpslab/dpslab/internal/clock"
	results "github.com/dpslab/dpslab/reports/load"
	"github.com/dpslab/dpslab/scenarios"
	scenario "github.com/dpslab/dpslab/scenarios/run"
	"github.com/dpslab/dpslab/suites/sut"
)

// Names of what a run leaves in its report folder. The first is a result, the others are in
// vegeta's encoding.
const (
	runFile      = "run.json"
	flowsFile    = "flows.bin"
	requestsFile = "requests.bin"
)

func newScenarioRun() *cobra.Command {
	var target, folder string
	var devices int
	cmd := &cobra.Command{
		Use: "run NAME|FILE", Short: "Run a scenario, and tell what became of its devices",
		Long: `Run a scenario, and tell what became of its devices. The report folder gets run.json,
and flows.bin and requests.bin, which vegeta report and vegeta plot read. Exit code 0: what
was expected came. 1: it did not. 2: it could not be run, or was interrupted. 3: the
generator fell behind, so its latencies prove nothing.`,
		Example: `  dpslab scenario run first-boot --devices 50
  dpslab scenario run mine.yaml --target lab.yaml
  dpslab scenario run steady-onboarding --report-dir out`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := scenarios.Find(args[0])
			if err != nil {
				return err
			}
			if devices < 0 {
				return fmt.Errorf("--devices %d; write how many there are", devices)
			}
			plan := s.Plan(devices)
			plan.Tool = tool()
			at, stop, err := loadTarget(cmd.Context(), target)
			if err != nil {
				return err
			}
			defer stop()
			run, err := runScenario(cmd.Context(), plan, at, folder)
			if err != nil {
				return err
			}
			if err := writeLoad(cmd, filepath.Join(folder, runFile), run); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), "report  "+folder)
			return loadVerdict(run)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&target, "target", embedded, "embedded, for a lab of its own in a child process, or a target file")
	flags.IntVar(&devices, "devices", 0, "how many devices, in place of the scenario's number")
	flags.StringVar(&folder, "report-dir", "dpslab-load", "folder for the result and its files")
	return cmd
}

// runScenario runs a plan, and leaves its flows and requests in a folder.
func runScenario(ctx context.Context, p scenario.Plan, at scenario.Target, folder string) (run results.Run, err error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return run, err
	}
	flows, err := os.Create(filepath.Join(folder, flowsFile))
	if err != nil {
		return run, err
	}
	defer func() { err = errors.Join(err, flows.Close()) }()
	requests, err := os.Create(filepath.Join(folder, requestsFile))
	if err != nil {
		return run, err
	}
	defer func() { err = errors.Join(err, requests.Close()) }()
	return scenario.Run(ctx, p, at, clock.System(), scenario.Files{Flows: flows, Requests: requests})
}

// loadTarget is where a load goes, and what stops it afterwards.
func loadTarget(ctx context.Context, name string) (at scenario.Target, stop func(), err error) {
	if name == embedded {
		return childLab(ctx)
	}
	t, err := sut.Load(name)
	return scenario.Target{Target: t, Kind: filepath.Base(name)}, func() {}, err
}

const (
	labUp   = 30 * time.Second      // until a lab's target file is there
	labLook = 20 * time.Millisecond // between two looks for it
	labDown = 10 * time.Second      // until it has ended
)

// asItself come before the arguments of dpslab in a binary that plays it among others.
var asItself []string

// childLab starts a lab as a process of its own, so that what the generator measures is not
// its own work.
func childLab(ctx context.Context) (at scenario.Target, stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return at, nil, err
	}
	folder, err := os.MkdirTemp("", "dpslab-load-")
	if err != nil {
		return at, nil, err
	}
	file := filepath.Join(folder, "lab.yaml")
	lab := exec.Command(self, append(slices.Clone(asItself), "up", "--auto-ports", "--state", "", "--target-file", file)...)
	lab.Stderr = os.Stderr
	detach(lab) // Ctrl-C is for the generator, which stops the lab when all is written
	if err := lab.Start(); err != nil {
		return at, nil, errors.Join(err, os.RemoveAll(folder))
	}
	ended := make(chan struct{})
	go func() { lab.Wait(); close(ended) }()
	stop = func() {
		lab.Process.Signal(os.Interrupt)
		down, cancel := context.WithTimeout(context.Background(), labDown)
		defer cancel()
		select {
		case <-ended:
		case <-down.Done():
			lab.Process.Kill()
			<-ended
		}
		os.RemoveAll(folder)
	}
	up, cancel := context.WithTimeout(ctx, labUp)
	defer cancel()
	for {
		t, err := sut.Load(file)
		if err == nil {
			return scenario.Target{Target: t, Kind: embedded, Lab: lab.Process}, stop, nil
		}
		select {
		case <-ended:
			err = errors.New("the lab ended before it was up")
		default:
			if errors.Is(err, fs.ErrNotExist) {
				err = clock.Wait(up, clock.System(), labLook)
			}
		}
		if err != nil {
			stop()
			return at, nil, fmt.Errorf("a lab for the load: %w", err)
		}
	}
}
