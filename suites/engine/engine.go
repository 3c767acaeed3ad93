// Package engine runs checks directly: in parallel, each case once, without a test
// framework around it. `dpslab conformance`, `dpslab selfcheck` and --against use it;
// suites.Register runs the same cases as Ginkgo specs.
package engine

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/requirement"
	"github.com/dpslab/dpslab/reports"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/dpslab/dpslab/suites/sut"
	"github.com/onsi/ginkgo/v2/types"
)

// Options select and observe. The zero value runs everything.
type Options struct {
	Parallel int      // cases at once; 0 is 8, and 4 at a target with quotas: they wait more than they work
	Filter   string   // a label filter in Ginkgo's syntax, as in "level:must && transport:mqtt"
	FocusIDs []string // requirement ids; empty for all
	// Observer is told each result as it comes, one at a time. It may be nil.
	Observer func(reports.Result)
}

const (
	defaultParallel = 8
	pacedParallel   = 4 // more would wait for the quotas, each with its time at a standstill
)

// Run runs the cases of the checks that are selected and returns the whole run, but for its
// Tool, which only a program knows: cases that are not selected stand in it as disabled. An
// error means that nothing was run; when ctx ends early, what did not run is an error in
// its result.
func Run(ctx context.Context, env *harness.Env, checks []harness.Check, o Options) (reports.Run, error) {
	cases, err := harness.Cases(checks)
	if err != nil {
		return reports.Run{}, err
	}
	catalogue := withOwn(Catalogue(), cases)
	selected, err := o.selector(catalogue)
	if err != nil {
		return reports.Run{}, err
	}
	elapsed := clock.Stopwatch()
	run := reports.Run{
		Schema: reports.Schema, Target: identity(env), Started: clock.System().Now().UTC(), Catalogue: catalogue,
		Selection: reports.Selection{LabelFilter: o.Filter, FocusIDs: o.FocusIDs}, Results: make([]reports.Result, len(cases)),
	}
	var observing sync.Mutex
	work := make(chan int)
	var workers sync.WaitGroup
	for range o.parallel(env.Target) {
		workers.Go(func() {
			for i := range work {
				result := runCase(ctx, env, cases[i])
				run.Results[i] = result
				if o.Observer != nil {
					observing.Lock()
					o.Observer(result)
					observing.Unlock()
				}
			}
		})
	}
	for i, c := range cases {
		if why := selected(c); why != "" {
			run.Results[i] = reports.Result{
				Requirement: c.Requirement, Title: c.Title, Transport: c.Transport.String(), Outcome: reports.Disabled, Reason: why,
			}
			continue
		}
		work <- i
	}
	close(work)
	workers.Wait()
	run.Claims = claims(env, run.Results)
	run.Duration = elapsed()
	run.Tally()
	return run, run.Reconcile()
}

func runCase(ctx context.Context, env *harness.Env, c harness.Case) reports.Result {
	if ctx.Err() != nil {
		return reports.Result{
			Requirement: c.Requirement, Title: c.Title, Transport: c.Transport.String(),
			Outcome: reports.Error, Failure: "the run was interrupted before this check: " + context.Cause(ctx).Error(),
		}
	}
	result := c.Run(ctx, env)
	if result.Outcome.Red() {
		result.Rerun = rerun(env, c)
	}
	return result
}

// rerun is the command that runs a case again alone, where dpslab has its check.
func rerun(env *harness.Env, c harness.Case) string {
	if c.Own != nil {
		return ""
	}
	target := env.Target.File
	if target == "" {
		target = "embedded"
	}
	return fmt.Sprintf("dpslab conformance --target %s --label-filter '%s'", target, c.Filter())
}

func (o Options) parallel(t sut.Target) int {
	if o.Parallel > 0 {
		return o.Parallel
	}
	return Parallel(t)
}

// Parallel is how many cases run at once at a target, where Options do not say.
func Parallel(t sut.Target) int {
	if t.Quotas != (sut.Quotas{}) {
		return pacedParallel
	}
	return defaultParallel
}

// selector says why a case is not selected, "" when it is. An id that no requirement has
// is an error: a mistyped focus must not select nothing in silence.
func (o Options) selector(catalogue reports.Catalogue) (func(harness.Case) string, error) {
	for _, id := range o.FocusIDs {
		if !slices.ContainsFunc(catalogue.Clauses, func(c reports.Clause) bool { return c.ID == id }) {
			return nil, fmt.Errorf("no requirement has the id %q; dpslab requirements lists them", id)
		}
	}
	filter := func([]string) bool { return true }
	if o.Filter != "" {
		parsed, err := types.ParseLabelFilter(o.Filter)
		if err != nil {
			return nil, fmt.Errorf("label filter %q: %w", o.Filter, err)
		}
		filter = parsed
	}
	return func(c harness.Case) string {
		switch {
		case len(o.FocusIDs) > 0 && !slices.Contains(o.FocusIDs, c.Requirement):
			return "not among the focused requirements"
		case !filter(c.Labels()):
			return fmt.Sprintf("not selected by the label filter %q", o.Filter)
		}
		return ""
	}, nil
}

func identity(env *harness.Env) reports.Target {
	dps := env.Target.DPS
	t := reports.Target{
		Source: env.Target.File, Host: dps.Host, ServiceHost: dps.ServiceHost, IDScope: dps.IDScope, Address: dps.Address,
		Ports:   reports.Ports{HTTPS: dps.Ports.HTTPS, MQTTS: dps.Ports.MQTTS, AMQPS: dps.Ports.AMQPS},
		Control: env.Target.Control != nil, Foreign: env.Target.Foreign, Defects: env.Defects,
	}
	for _, h := range env.Target.Hubs {
		t.Hubs = append(t.Hubs, h.Host)
	}
	if c := env.Target.Containers; c != nil {
		t.Image = c.Image
	}
	if t.Source == "" {
		t.Source = "embedded"
	}
	return t
}

// claims are those of the target. What could not be looked for beforehand was seen when a
// check of it passed.
func claims(env *harness.Env, results []reports.Result) []reports.Claim {
	list := slices.Clone(env.Claims)
	for i := range list {
		c := &list[i]
		family := harness.FamilyOf(c.Name)
		if family == "" || c.Seen != reports.SeenUnknown {
			continue
		}
		for _, r := range results {
			if r.Outcome == reports.Passed && (reports.Clause{ID: r.Requirement}).Family() == family {
				c.Seen, c.Outcome, c.Note = reports.SeenYes, reports.Passed, "its checks pass, as of "+r.Requirement
				break
			}
		}
	}
	return list
}

// Catalogue is the requirement catalogue as reports carry it.
func Catalogue() reports.Catalogue {
	c := reports.Catalogue{Version: requirement.Version, Digest: requirement.Digest()}
	for _, r := range requirement.All() {
		c.Clauses = append(c.Clauses, reports.Clause{
			ID: r.ID, Level: r.Level, Statement: r.Statement, Source: r.Source, Evidence: r.Evidence,
			Transports: r.Transports, Needs: r.Needs,
		})
	}
	return c
}

// withOwn is the catalogue and behind it the requirements that checks brought along.
func withOwn(catalogue reports.Catalogue, cases []harness.Case) reports.Catalogue {
	added := map[string]bool{}
	for _, c := range cases {
		if c.Own != nil && !added[c.Clause.ID] {
			added[c.Clause.ID] = true
			catalogue.Clauses = append(catalogue.Clauses, c.Reported())
		}
	}
	return catalogue
}
