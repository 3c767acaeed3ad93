package point

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/dpslab/dpslab/internal/clock"
)

// Address narrows a plan to some of the subjects that pass its point. An empty field
// matches everything, so the zero Address is the whole service.
type Address struct {
	Registration string // registration id, compared case-insensitively
	Listener     string // local IP address
	Step         string
	Nth          int    // act on the nth match only, counted from 1; 0 acts on all
	Seed         uint64 // for plans that draw; 0 is a seed like any other
}

// Args are a catalogue entry's arguments, by name.
type Args map[string]string

// Entry is one catalogued wrong behaviour.
type Entry struct {
	ID      string   // as in "https-register-answers-200"
	Summary string   // what the service does, one sentence
	Catches []string // ids of the requirements whose checks must see it as a defect
	Params  []string // names of the arguments that Build knows
	Build   func(Args) ([]Plan, error)
}

// Always is the Build of an entry without arguments.
func Always(plans ...Plan) func(Args) ([]Plan, error) {
	return func(Args) ([]Plan, error) { return plans, nil }
}

// Catalogue is a list of entries with unique ids.
type Catalogue []Entry

// Find returns the entry with that id.
func (c Catalogue) Find(id string) (Entry, bool) {
	for _, e := range c {
		if e.ID == id {
			return e, true
		}
	}
	return Entry{}, false
}

// Set holds the plans that are armed in one service or hub.
type Set struct {
	clock clock.Clock
	mu    sync.Mutex
	next  int
	armed []*armed
	plans atomic.Pointer[map[string][]*armedPlan]
}

// NewSet returns a set with nothing armed; plans that wait do so by c.
func NewSet(c clock.Clock) *Set { return &Set{clock: c} }

// Armed describes one armed entry.
type Armed struct {
	Handle  string
	Entry   string
	Address Address
	Args    Args
	Fired   int // how often it acted
}

type armed struct {
	Armed
	fired atomic.Int64
	seen  atomic.Int64
	plans []*armedPlan
}

type armedPlan struct {
	owner *armed
	plan  Plan
	mu    sync.Mutex // guards rng
	rng   *rand.Rand
}

// Arm makes the entry act on what the address matches, and returns a handle for Disarm.
func (s *Set) Arm(e Entry, a Address, args Args) (handle string, err error) {
	for name := range args {
		if !slices.Contains(e.Params, name) {
			return "", fmt.Errorf("%s takes no argument %q; it takes %s", e.ID, name, strings.Join(e.Params, ", "))
		}
	}
	plans, err := e.Build(args)
	if err != nil {
		return "", fmt.Errorf("%s: %w", e.ID, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	one := &armed{Armed: Armed{Handle: fmt.Sprintf("%s#%d", e.ID, s.next), Entry: e.ID, Address: a, Args: args}}
	for _, p := range plans {
		one.plans = append(one.plans, &armedPlan{owner: one, plan: p, rng: rand.New(rand.NewPCG(a.Seed, uint64(s.next)))})
	}
	s.armed = append(s.armed, one)
	s.publish()
	return one.Handle, nil
}

// Disarm removes what Arm armed and reports whether it was there.
func (s *Set) Disarm(handle string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, a := range s.armed {
		if a.Handle == handle {
			s.armed = append(s.armed[:i:i], s.armed[i+1:]...)
			s.publish()
			return true
		}
	}
	return false
}

// List describes everything that is armed.
func (s *Set) List() []Armed {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Armed, 0, len(s.armed))
	for _, a := range s.armed {
		d := a.Armed
		d.Fired = int(a.fired.Load())
		list = append(list, d)
	}
	return list
}

// publish rebuilds the table that Hit reads. s.mu is held.
func (s *Set) publish() {
	if len(s.armed) == 0 {
		s.plans.Store(nil)
		return
	}
	table := map[string][]*armedPlan{}
	for _, a := range s.armed {
		for _, p := range a.plans {
			table[p.plan.point] = append(table[p.plan.point], p)
		}
	}
	s.plans.Store(&table)
}

func (p *armedPlan) act(ctx context.Context, c clock.Clock, point string, at At, subject any) {
	a := p.owner
	if !a.Address.matches(at) {
		return
	}
	if n := a.seen.Add(1); a.Address.Nth != 0 && n != int64(a.Address.Nth) {
		return
	}
	a.fired.Add(1)
	if at.Transcript != nil {
		at.Transcript.Injected(a.Entry, "at "+point)
	}
	p.mu.Lock()
	rng := rand.New(rand.NewPCG(p.rng.Uint64(), p.rng.Uint64()))
	p.mu.Unlock()
	p.plan.act(Call{Context: ctx, At: at, Clock: c, Rand: rng}, subject)
}

func (a Address) matches(at At) bool {
	return (a.Registration == "" || strings.EqualFold(a.Registration, at.Registration)) &&
		(a.Listener == "" || a.Listener == at.Listener) &&
		(a.Step == "" || a.Step == at.Step)
}
