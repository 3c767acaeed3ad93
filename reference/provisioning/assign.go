package provisioning

import (
	"context"
	"errors"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/problem"
	"github.com/dpslab/dpslab/reference/registration"
)

// Assigning is passed before the identity is written to the hub.
var Assigning = point.Define[HubWrite]("provisioning.assigning")

// HubWrite is the identity on its way to its hub.
type HubWrite struct {
	Hub      Hub
	Identity Identity
	Skip     bool // a plan may keep the write from happening
}

// HubAnswered is passed when the hub has answered a write, or has not in time.
var HubAnswered = point.Define[HubAnswer]("provisioning.hub-answered")

// HubAnswer is what came of one try to write an identity.
type HubAnswer struct {
	Host  string
	Err   error // nil: the hub has the identity
	Again bool  // the hub is asked once more
}

// hubTries is how often an unavailable hub is asked before the registration fails, with
// pauses that double from hubPause. A device waits for a minute at most (device-api.md
// 3.5), so it is told well before, however long the hub takes to say nothing.
const (
	hubTries    = 4
	hubPause    = time.Second
	hubPatience = 20 * time.Second

	// oldHubPatience is how long each word with a hub that a device leaves may take: the
	// device waits for that too.
	oldHubPatience = 5 * time.Second
)

// assign carries a registration to its end and stores the record. It always returns a
// terminal operation.
func (s *Service) assign(ctx context.Context, a Attested, op registration.Operation) registration.Operation {
	before, err := s.o.Registrations.Get(ctx, a.RegistrationID)
	if err != nil && !errors.Is(err, registration.ErrNotFound) {
		op.Record = failed(op.Record, problem.Internal().Code, "The registration store did not answer.")
		return op
	}
	linked := *s.links.Load()
	r, silent := s.outcome(ctx, a, linked, op.Record, &before)
	r, err = s.store(ctx, a, r, before)
	if err == nil {
		r = s.release(ctx, a, linked, r, silent)
	} else {
		s.o.Logger.ErrorContext(ctx, "registration not stored", "service", s.o.Name, "error", err)
		r = failed(op.Record, problem.Internal().Code, "The registration store did not answer.")
	}
	r.Leaving = nil // the record's matter
	op.Record = r
	return op
}

// outcome decides what becomes of the registration and makes the identity at its hub. It
// stores where that will be beforehand, and before is then what is stored. silent is the
// place whose hub did not say whether it has the identity.
func (s *Service) outcome(ctx context.Context, a Attested, linked links, r registration.Record, before *registration.Record) (_ registration.Record, silent registration.Place) {
	r.Attestation = a.Enrollment.Attestation.Type
	if a.Enrollment.Kind == enrollment.Group {
		r.GroupID = a.Enrollment.ID
	}
	if before.RegistrationID != "" {
		r.RegistrationID, r.Created = before.RegistrationID, before.Created // however the device spells it today
		r.Hub, r.DeviceID = before.Hub, before.DeviceID                     // where the device stays unless it is assigned
		r.Leaving = before.Leaving
	}
	if a.Disabled { // [DPS-ALLOC-004]
		r.Status = dps.StatusDisabled
		return r, silent
	}
	link, advice, p := s.allocate(ctx, a, linked, *before)
	if p != nil {
		return failed(r, p.Code, p.Message), silent
	}
	assigned := r
	assigned.Status, assigned.Substatus = dps.StatusAssigned, dps.SubstatusInitialAssignment
	assigned.Hub, assigned.DeviceID = link.Hub.Host(), a.Enrollment.HubDeviceID(r.RegistrationID)
	assigned.Payload = advice.Payload // [DPS-ALLOC-036]
	id := identityOf(a, assigned.DeviceID)
	if advice.Twin != nil { // [DPS-ALLOC-041]
		id.Twin = *advice.Twin
	}
	if r.Attestation == dps.AttestationTPM { // [DPS-TPM-006]
		key, blob, err := s.hubKey(ctx, a)
		if err != nil {
			p := problem.As(err)
			return failed(r, p.Code, p.Message), silent
		}
		id.PrimaryKey, id.SecondaryKey, assigned.AuthenticationKey = key, randomKey(), blob
	}
	if a.CSR != nil {
		var err error
		if assigned.Issued, err = s.issue(ctx, a, &id); err != nil {
			p := problem.As(err)
			return failed(r, p.Code, p.Message), silent
		}
	}
	to := assigned.Place()
	if !to.Is(before.Place()) {
		if before.Hub != "" {
			assigned.Substatus, id.Twin = s.carry(ctx, a, linked, *before, id.Twin)
		}
		if err := s.intend(ctx, a, linked, r, before, to); err != nil {
			s.o.Logger.ErrorContext(ctx, "intent not stored", "service", s.o.Name, "error", err)
			return failed(r, problem.Internal().Code, "The registration store did not answer."), silent
		}
		assigned.Leaving = without(before.Leaving, to)
		if before.Hub != "" { // [DPS-REPROV-003]
			assigned.Leaving = append(assigned.Leaving, before.Place())
		}
	}
	// [DPS-ALLOC-020] the hub has the identity before the device sees assigned
	if err := s.write(ctx, a, link.Hub, id); err != nil {
		s.o.Logger.WarnContext(ctx, "hub write failed", "service", s.o.Name, "hub", assigned.Hub, "error", err)
		if errors.Is(err, ErrHubUnavailable) && !to.Is(before.Place()) { // it may have the identity all the same
			r.Leaving, silent = before.Leaving, to
		}
		if errors.Is(err, ErrHubUnauthorized) { // [DPS-ALLOC-023]
			return failed(r, problem.CodeHubUnauthorized, "The IoT hub refused the provisioning service: unauthorized."), silent
		}
		// [DPS-ALLOC-029] [DPS-REPROV-010]
		return failed(r, problem.CodeHubUnavailable, "The IoT hub did not accept the device."), silent
	}
	return assigned, silent
}

func (s *Service) write(ctx context.Context, a Attested, hub Hub, id Identity) error {
	w := HubWrite{Hub: hub, Identity: id}
	Assigning.Hit(ctx, s.o.Points, a.At, &w)
	if w.Skip {
		return nil
	}
	trying, cancel := s.within(ctx, hubPatience)
	defer cancel()
	pause := hubPause
	for try := 1; ; try++ { // [DPS-ALLOC-032]
		err := hub.Assign(trying, w.Identity)
		answer := HubAnswer{Host: hub.Host(), Err: err, Again: errors.Is(err, ErrHubUnavailable) && try < hubTries}
		HubAnswered.Hit(ctx, s.o.Points, a.At, &answer)
		if !answer.Again || clock.Wait(trying, s.o.Clock, pause) != nil {
			return answer.Err
		}
		pause *= 2
	}
}

// within is a context that also ends when d of the service's time is over.
func (s *Service) within(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	over := s.o.Clock.AfterFunc(d, cancel)
	return ctx, func() { over.Stop(); cancel() }
}

// carry says how a device moves to another hub: with its twin, or with the initial one
// (service-api.md 4.8). A hub that is no longer linked cannot be read.
func (s *Service) carry(ctx context.Context, a Attested, linked links, before registration.Record, initial Twin) (dps.Substatus, Twin) {
	if p := a.Enrollment.Reprovision; p != nil && !p.MigrateDeviceData { // [DPS-REPROV-005] [DPS-REPROV-006]
		return dps.SubstatusDeviceDataReset, initial
	}
	old, ok := linked.find(before.Hub)
	if !ok { // [DPS-REPROV-013]
		return dps.SubstatusDeviceDataReset, initial
	}
	reading, cancel := s.within(ctx, oldHubPatience)
	defer cancel()
	twin, err := old.Hub.Twin(reading, before.DeviceID)
	if err != nil {
		s.o.Logger.WarnContext(ctx, "twin not migrated", "service", s.o.Name, "hub", before.Hub, "error", err)
		return dps.SubstatusDeviceDataReset, initial
	}
	return dps.SubstatusDeviceDataMigrated, twin // [DPS-REPROV-002] [DPS-REPROV-004] [DPS-REPROV-014]
}

func failed(r registration.Record, code int, message string) registration.Record {
	r.Status, r.Substatus = dps.StatusFailed, dps.SubstatusNone
	r.ErrorCode, r.ErrorMessage = code, message
	return r
}
