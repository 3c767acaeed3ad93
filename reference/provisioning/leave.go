package provisioning

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/etag"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/registration"
)

// How a device comes to have one identity, whatever fails on the way. The order is: the
// record names the new place as one to leave; the identity is written there; the record
// names it as the device's own and the old place as one to leave; the identity there is
// removed; the record forgets it. A registration that ends between two of these steps
// leaves a record that names every place with an identity, and the next one removes all
// but one.

// Storing is passed before a record is stored: with the status assigning before the hub
// write, with another after it.
var Storing = point.Define[RecordWrite]("provisioning.storing")

// RecordWrite is a record on its way to its store.
type RecordWrite struct {
	Record registration.Record
	Err    error // a plan may let the write fail
}

// Releasing is passed before an identity is removed that a device left.
var Releasing = point.Define[Release]("provisioning.releasing")

// Release is an identity that is to be removed.
type Release struct {
	Place registration.Place
	Skip  bool // a plan may keep it from being removed, and have it forgotten
}

// Released is passed when a hub has answered that removal, or has not in time.
var Released = point.Define[Removal]("provisioning.released")

// Removal is what came of it.
type Removal struct {
	Place registration.Place
	Err   error // nil: the identity is gone
}

// intend stores that the device may soon have an identity at to, and lets before be what
// is stored. What an earlier registration began there is removed: its twin is of old.
func (s *Service) intend(ctx context.Context, a Attested, linked links, r registration.Record, before *registration.Record, to registration.Place) error {
	if before.Hub != "" && slices.ContainsFunc(before.Leaving, to.Is) {
		_ = s.released(ctx, a, linked, to) // logged; a hub that does not answer fails the write too
	}
	r.Status, r.Substatus = dps.StatusAssigning, dps.SubstatusNone
	r.Leaving = append(without(before.Leaving, to), to)
	stored, err := s.store(ctx, a, r, *before)
	if err == nil {
		*before = stored
	}
	return err
}

// release removes the identities that the device left, except that of a hub which has
// just been silent. Those that are still there then stay in the record, for the next
// registration. [DPS-REPROV-009]
func (s *Service) release(ctx context.Context, a Attested, linked links, r registration.Record, silent registration.Place) registration.Record {
	kept := slices.DeleteFunc(slices.Clone(r.Leaving), func(p registration.Place) bool {
		return !p.Is(silent) && s.released(ctx, a, linked, p) == nil
	})
	if len(kept) == len(r.Leaving) {
		return r
	}
	r.Leaving = kept
	if err := s.o.Registrations.Put(ctx, r, r.ETag); err != nil && !errors.Is(err, registration.ErrChanged) {
		// The next registration finds it gone.
		s.o.Logger.WarnContext(ctx, "released identity not forgotten", "service", s.o.Name, "error", err)
	}
	return r
}

var errNotLinked = errors.New("the hub is not linked any more")

func (s *Service) released(ctx context.Context, a Attested, linked links, p registration.Place) error {
	one := Release{Place: p}
	Releasing.Hit(ctx, s.o.Points, a.At, &one)
	if one.Skip {
		return nil
	}
	removal := Removal{Place: p, Err: errNotLinked}
	if l, ok := linked.find(p.Hub); ok {
		releasing, cancel := s.within(ctx, oldHubPatience)
		removal.Err = l.Hub.Release(releasing, p.DeviceID)
		cancel()
	}
	Released.Hit(ctx, s.o.Points, a.At, &removal)
	if removal.Err != nil {
		s.o.Logger.WarnContext(ctx, "old identity not removed", "service", s.o.Name, "hub", p.Hub, "error", removal.Err)
	}
	return removal.Err
}

// store writes the record over whatever is there now: an operator may have deleted the
// registration meanwhile, which makes this one the first again.
func (s *Service) store(ctx context.Context, a Attested, r, before registration.Record) (registration.Record, error) {
	for {
		r.Updated = s.Now()
		r.ETag = string(etag.New(rand.Reader, r.Updated))
		w := RecordWrite{Record: r}
		Storing.Hit(ctx, s.o.Points, a.At, &w)
		if w.Err != nil {
			return r, w.Err
		}
		r = w.Record
		err := s.o.Registrations.Put(ctx, r, before.ETag)
		if !errors.Is(err, registration.ErrChanged) {
			return r, err
		}
		before, err = s.o.Registrations.Get(ctx, r.RegistrationID)
		if err != nil && !errors.Is(err, registration.ErrNotFound) {
			return r, err
		}
	}
}

func without(list []registration.Place, p registration.Place) []registration.Place {
	return slices.DeleteFunc(slices.Clone(list), p.Is)
}
