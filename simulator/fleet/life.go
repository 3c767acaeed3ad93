package fleet

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/simulator/device"
	"github.com/dpslab/dpslab/simulator/identity"
)

// Site is where devices live: what they connect to, and their clock.
type Site struct {
	Wire  *devwire.Wire
	DPS   devwire.Endpoint
	Hub   func(host string) (devwire.Endpoint, error) // where an assigned hub answers
	Clock clock.Clock
}

// Life is what became of a device. A time that is zero never came.
type Life struct {
	Device, Share                       int
	PoweredOn, Assigned, FirstTelemetry time.Time
	// Attempts are its register requests up to the first assignment, and the connections to
	// the service that did not come to one.
	Attempts      int
	Registrations int // how often it was assigned
	Hub, DeviceID string
	Sent          int   // messages that the hub took
	GaveUp        bool  // it ended by its own, not assigned
	Err           error // why it ended before its time; the context's when that ended it
}

// Live is the life of device i, from power-on to its end or that of ctx. observe hears all
// that it does, one at a time, and must not block.
func (f *Fleet) Live(ctx context.Context, i int, at Site, observe func(Event)) Life {
	share := f.Share(i)
	l := &living{
		fleet: f, share: f.spec.Mix[share], at: at, observe: observe, chance: f.chance(i),
		self: f.spec.Identities.Device(i), life: Life{Device: i, Share: share, PoweredOn: at.Clock.Now()},
	}
	for l.phase(ctx) {
	}
	return l.life
}

// living is a device in its life.
type living struct {
	fleet   *Fleet
	share   Share
	at      Site
	observe func(Event)
	chance  *rand.Rand
	self    identity.Device
	life    Life
	rolled  bool
}

// errTurn ends a phase that another follows, errOver the last.
var (
	errTurn = errors.New("it is time for something else")
	errOver = errors.New("its stay is over")
)

// phase is a life from power-on to the next turn. It reports whether there is another.
func (l *living) phase(ctx context.Context) bool {
	id, err := l.identity()
	if err != nil {
		l.life.Err = err
		return false
	}
	heard := l.life.Registrations
	d := device.New(&device.OverWire{
		Wire: l.at.Wire, Transport: l.share.Transport, Endpoint: l.at.DPS, Identity: id,
		HubTransport: l.share.HubTransport, HubEndpoint: l.at.Hub,
	}, l.at.Clock, l.plan(), l.hear)
	var turn turn
	for {
		wait, more := d.Step(ctx)
		if turn.next == nil && l.life.Registrations > heard {
			turn = l.turn(l.at.Clock.Now())
		}
		if !more {
			break
		}
		if turn.next != nil {
			wait = min(wait, turn.at.Sub(l.at.Clock.Now()))
		}
		if err := d.Wait(ctx, wait); err != nil {
			d.Stop(err)
			break
		}
		if turn.next != nil && !l.at.Clock.Now().Before(turn.at) {
			d.Stop(errTurn)
			break
		}
	}
	outcome := d.Outcome()
	if !errors.Is(outcome.Err, errTurn) {
		l.life.Err = outcome.Err
		l.life.GaveUp = l.life.Registrations == 0 && ctx.Err() == nil
		return false
	}
	if err := turn.next(ctx); err != nil {
		if !errors.Is(err, errOver) {
			l.life.Err = err
		}
		return false
	}
	return true
}

func (l *living) identity() (devwire.Identity, error) {
	self := l.self
	if l.rolled {
		self = self.Rolled()
	}
	switch l.share.Attestation {
	case SymmetricIndividual:
		return self.ByKey(), nil
	case X509Group, X509Individual:
		return self.ByCertificate()
	case TPM:
		return self.ByTPM(), nil
	}
	return self.ByGroupKey(), nil
}

// turn is what a phase ends with.
type turn struct {
	at   time.Time
	next func(context.Context) error // nil: nothing but the device's own end
}

// turn is the first of what the device's behaviour has in store, now that it is assigned.
func (l *living) turn(now time.Time) turn {
	b := l.share.Behaviour
	if b.Stay == 0 {
		return turn{}
	}
	first := turn{l.life.Assigned.Add(b.Stay), func(context.Context) error { return errOver }}
	earlier := func(at time.Time, next func(context.Context) error) {
		if at.Before(first.at) {
			first = turn{at, next}
		}
	}
	if b.Rollover > 0 && !l.rolled {
		earlier(l.life.Assigned.Add(b.Rollover), func(context.Context) error { l.rolled = true; return nil })
	}
	if b.Reregister > 0 {
		earlier(now.Add(b.Reregister), func(context.Context) error { return nil })
	}
	if b.Reboot > 0 {
		earlier(now.Add(b.Reboot), func(ctx context.Context) error { return clock.Wait(ctx, l.at.Clock, b.Dark) })
	}
	return first
}
