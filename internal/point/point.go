// Package point names the places in server code where its behaviour can be bent.
//
// A Point stands in normal code and does nothing: one atomic load. A plan armed in a
// service's Set acts on the subject that passes its point. Armed for the whole service
// it is a defect, which a check must catch; armed with an Address it is a fault, which
// meets one device at one step. There is no other mechanism for either, and whatever
// acts is labelled in the transcript of the connection it acted on.
package point

import (
	"context"
	"math/rand/v2"

	"github.com/dpslab/dpslab/internal/clock"
)

// Point is a named place in server code that a subject of type T passes.
type Point[T any] struct{ name string }

// Define names a point. Names are dotted: the package, then the moment in it, as in
// "https.before-encode".
func Define[T any](name string) *Point[T] { return &Point[T]{name: name} }

// Name is the name given to Define.
func (p *Point[T]) Name() string { return p.name }

// At says where and for whom a point was passed. Fields that are not known yet, such as
// the registration at accept, are empty.
type At struct {
	Service      string // name of the service or hub
	Listener     string // local address the connection came in on
	Registration string // registration id, or device id at a hub
	Step         string // the operation: accept, connect, register, poll, …
	Transcript   Labeller
}

// Labeller records that something was injected. transcript.Conn is one; nil records nothing.
type Labeller interface {
	Injected(id, what string)
}

// Call is what a plan knows when it acts. Its context ends with the connection.
type Call struct {
	context.Context
	At
	Clock clock.Clock
	Rand  *rand.Rand // seeded when the plan was armed; safe within one call at a time
}

// Plan is an action at a point. Point.Plan makes one.
type Plan struct {
	point string
	act   func(Call, any)
}

// Plan binds an action to the point.
func (p *Point[T]) Plan(act func(c Call, subject *T)) Plan {
	return Plan{point: p.name, act: func(c Call, subject any) { act(c, subject.(*T)) }}
}

// Hit lets armed plans act on subject. With nothing armed, or a nil set, it does nothing.
func (p *Point[T]) Hit(ctx context.Context, s *Set, at At, subject *T) {
	if s == nil {
		return
	}
	if plans := s.plans.Load(); plans != nil {
		for _, a := range (*plans)[p.name] {
			a.act(ctx, s.clock, p.name, at, subject)
		}
	}
}
