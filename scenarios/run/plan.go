package run

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/dpslab/dpslab/reports"
	results "github.com/dpslab/dpslab/reports/load"
	"github.com/dpslab/dpslab/scenarios/load"
	"github.com/dpslab/dpslab/simulator/fleet"
	"github.com/dpslab/dpslab/suites/sut"
)

// Plan is a scenario for which everything is decided but the target.
type Plan struct {
	Tool     reports.Tool
	Scenario results.Scenario
	Fleet    fleet.Spec // its identities get the target's id scope

	Schedule load.Schedule // when devices are powered on
	Closed   int           // over 0: so many at a time instead, each when the last has ended
	Most     int           // devices that may be powered, or requests under way, at once
	Deadline time.Duration // when all are switched off, from the beginning; 0: they live to their end

	Timeline []Action // sorted; of a plan that is divided one shard alone has it

	Shard, Of    int // from 1; of 1 when the plan is not divided
	P99          time.Duration
	Expectations []results.Expectation
	// Weights are those of hashed allocation, by hub host; nil when that is not the policy.
	Weights map[string]int
}

// Files are where flows and requests go, in vegeta's encoding.
type Files struct{ Flows, Requests io.Writer }

// Validate tells what cannot be run.
func (p Plan) Validate() error { return errors.Join(p.validate(), p.Fleet.Validate()) }

func (p Plan) validate() error {
	switch {
	case p.Of < 1 || p.Shard < 1 || p.Shard > p.Of:
		return fmt.Errorf("shard %d of %d; shards count from 1", p.Shard, p.Of)
	case p.Closed == 0 && len(p.Schedule) == 0:
		return errors.New("a plan in which nothing starts")
	case p.Most < 1:
		return errors.New("a plan in which nothing may be under way")
	}
	return nil
}

// devices are how many of the fleet are the shard's.
func (p Plan) devices() int { return (p.Fleet.Size - p.Shard + p.Of) / p.Of }

func (p Plan) mode() results.Mode {
	if p.Closed > 0 {
		return results.Mode{Kind: results.Closed, Workers: p.Closed}
	}
	return results.Mode{Kind: results.Paced}
}

// fingerprint tells seeds apart. It is of so few bits that a seed which is guessed is not
// confirmed by it.
func fingerprint(seed string) string {
	sum := sha256.Sum256([]byte("dpslab load seed\x00" + seed))
	return hex.EncodeToString(sum[:3])
}

// allowed tells why a target is not loaded: load goes to loopback, and to containers that
// were started for it.
func allowed(t sut.Target) error {
	if t.Containers != nil {
		return nil
	}
	address, err := netip.ParseAddr(t.DPS.Address)
	if err != nil || !address.IsLoopback() || t.Foreign {
		return fmt.Errorf("%s is not on loopback: load is for labs", t.DPS.Host)
	}
	return nil
}
