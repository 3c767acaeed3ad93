package harness

import (
	"context"
	"fmt"
	"sync"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/controlapi"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/reports"
	"github.com/dpslab/dpslab/suites/sut"
)

// Env is the target of a run and the means to reach it. Checks create things only by it:
// Service, Hub, and what those make. Everything made is removed when the check ends.
type Env struct {
	Target   sut.Target
	Wire     *devwire.Wire      // in a check: that run's own, whose log is that run's record
	Control  *controlapi.Client // nil without a control port; of the service's process, where a lab has several
	Timeouts Timeouts
	Defects  []string // armed in every service and hub that a check makes; needs control
	// Containers starts more containers in a lab of containers; nil for any other target.
	Containers Containers

	// Hooks enroll where the target has no service API; nil when its file names none.
	Hooks Hooks
	// Claims is what Probe saw of the target; nil before it has looked.
	Claims []reports.Claim

	traffic    *Traffic       // of all runs
	pool       *pool          // of ready-made enrollments; nil without
	verifiedCA *pki.Authority // nil where the target names none

	homes *homes                            // where hubs are made; nil without a control port
	roles func() (map[string]string, error) // of the lab's defects: reference or fakehub
}

// Open returns the environment of a target. With a control port it asks who answers there,
// so that a lab that is gone is one error instead of one for each check.
func Open(ctx context.Context, target sut.Target) (*Env, error) {
	roots, err := target.Roots()
	if err != nil {
		return nil, err
	}
	env := &Env{
		Target: target, Timeouts: ConformantTimeouts(),
		Wire: &devwire.Wire{Roots: roots, Clock: clock.System(), Foreign: target.Foreign},
	}
	if err := env.openForeign(); err != nil {
		return nil, err
	}
	if c := target.Control; c != nil {
		env.Timeouts = LabTimeouts()
		env.Control = connect(*c, roots)
		if _, err := env.Control.Info(ctx); err != nil {
			return nil, fmt.Errorf("the target's control port: %w", err)
		}
		if env.homes, err = openHomes(ctx, target, env.Control, roots); err != nil {
			return nil, err
		}
		env.roles = sync.OnceValues(env.readRoles)
	}
	env.Wire.Timeouts = env.Timeouts.wire()
	return env, nil
}

// openForeign prepares what a lab with a control port does not need.
func (e *Env) openForeign() (err error) {
	e.traffic = NewTraffic(e.Wire.Clock, e.Target.Quotas)
	e.Wire.Meter = e.traffic
	e.Hooks = newCommands(e.Target, e.Timeouts.Answer)
	if ca := e.Target.VerifiedCA; ca != nil {
		if e.verifiedCA, err = ca.Authority(); err != nil {
			return fmt.Errorf("verified_ca of the target file: %w", err)
		}
	}
	e.pool, err = openPool(e.Target)
	return err
}

// Traffic is what the runs of this environment have asked of the target.
func (e *Env) Traffic() *Traffic { return e.traffic }

func (e *Env) readRoles() (map[string]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), e.Timeouts.Answer)
	defer cancel()
	roles := map[string]string{}
	for _, c := range e.controls() {
		entries, err := c.Catalogue(ctx)
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			roles[entry.ID] = entry.Role
		}
	}
	return roles, nil
}

// Close closes what idles at the control ports.
func (e *Env) Close() {
	for _, c := range e.controls() {
		c.Close()
	}
}

// defects are those of e.Defects that act in the given role.
func (e *Env) defects(t *T, role string) []string {
	if len(e.Defects) == 0 {
		return nil
	}
	roles, err := e.roles()
	t.Must(err, "read the lab's catalogue of defects")
	var list []string
	for _, id := range e.Defects {
		switch roles[id] {
		case role:
			list = append(list, id)
		case "":
			t.Must(fmt.Errorf("the lab knows no defect %q", id), "arm the run's defects")
		}
	}
	return list
}

// lacks says why the case does not apply to the target, "" when it does.
func (e *Env) lacks(c Case) string {
	if why := e.unclaimed(c.Transport); why != "" {
		return why
	}
	return e.lacksNeed(c.needs())
}

// lacksNeed says which need the target does not meet, "" when it meets all.
func (e *Env) lacksNeed(needs []Need) string {
	for _, need := range needs {
		switch need {
		case NeedControl:
			if e.Control == nil {
				return "needs control: the target file names no control port"
			}
		case NeedHub:
			if e.Control == nil && len(e.knownHubs()) == 0 {
				return "needs hub: the target file names no hub with a connection string or a hook"
			}
		case NeedServiceAPI:
			switch {
			case !e.Target.ServiceAPI() && (e.Hooks != nil || e.pool != nil):
				return "needs service-api: the target file names no service_connection_string"
			case e.Control == nil && e.unseen(serviceAPI):
				return "needs service-api, which is claimed and was not seen"
			}
		case NeedLoopback:
			if e.Control != nil && !e.onLoopback() {
				return "needs loopback: the lab is not on this machine's loopback addresses"
			}
		case NeedContainers:
			if e.Containers == nil {
				return "needs containers: the target is no lab of containers; --target containers starts one"
			}
		}
	}
	return ""
}

// knownHubs are the target's hubs in which a check can make devices.
func (e *Env) knownHubs() []sut.Hub {
	var known []sut.Hub
	for _, h := range e.Target.Hubs {
		if (h.ConnectionString != "" || e.Hooks != nil && len(e.Target.Hooks.CreateHubIdentity) > 0) && !e.unseen("hub "+h.Host) {
			known = append(known, h)
		}
	}
	return known
}
