package provisioning

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"

	"github.com/google/uuid"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/problem"
	"github.com/dpslab/dpslab/reference/registration"
)

// Opened is passed when a register call has its operation, before it is answered.
var Opened = point.Define[registration.Operation]("provisioning.opened")

// Polled is passed when a poll has found its operation, before ownership counts.
var Polled = point.Define[Poll]("provisioning.polled")

// Poll is a poll and whether the operation is the asking device's own.
type Poll struct {
	Operation registration.Operation
	Own       bool
}

// assignment is a register call under way.
type assignment struct {
	operation registration.Operation
	settled   chan struct{} // closed once operation is final
}

// Register begins a registration and answers with an operation that is assigning.
func (s *Service) Register(ctx context.Context, a Attested) (registration.Operation, error) {
	if err := s.o.Quota.Register(ctx, a.At); err != nil { // [DPS-LIMIT-001]
		return registration.Operation{}, err
	}
	if err := s.mayAskForCertificate(a); err != nil {
		return registration.Operation{}, err
	}
	op, err := s.open(ctx, a)
	if err != nil {
		return registration.Operation{}, err
	}
	Opened.Hit(ctx, s.o.Points, a.At, &op)
	return op, nil
}

func (s *Service) open(ctx context.Context, a Attested) (registration.Operation, error) {
	id, now := newOperationID(), s.Now()
	op := registration.Operation{ID: id, RegistrationID: a.RegistrationID, Record: registration.Record{
		RegistrationID: a.RegistrationID, Status: dps.StatusAssigning, Created: now, Updated: now,
	}}
	run := &assignment{operation: op, settled: make(chan struct{})}
	key := enrollment.Fold(a.RegistrationID)

	s.mu.Lock()
	switch {
	case s.closed:
		s.mu.Unlock()
		return registration.Operation{}, problem.Internal()
	case s.underway[key] != nil:
		s.mu.Unlock()
		return registration.Operation{}, problem.ConcurrentRegistration() // [DPS-ERR-008]
	}
	s.underway[key], s.running[id] = run, run
	s.work.Add(1)
	s.mu.Unlock()

	kept := make(chan error, 1)
	opened := make(chan struct{})
	go func() {
		// Beside the first steps of the assignment, so that both share a commit.
		kept <- s.o.Registrations.PutOperation(s.ctx, op, now.Add(operationLifetime))
		close(opened)
	}()
	go func() {
		defer s.work.Done()
		final := s.assign(s.ctx, a, op)
		<-opened // or it would be stored over the final one
		if err := s.o.Registrations.PutOperation(s.ctx, final, s.Now().Add(operationLifetime)); err != nil {
			s.o.Logger.ErrorContext(s.ctx, "operation not stored", "service", s.o.Name, "error", err)
		}
		s.mu.Lock()
		run.operation = final
		delete(s.underway, key)
		delete(s.running, id)
		s.mu.Unlock()
		close(run.settled)
	}()
	// The device is not told of an operation that another process would not find.
	if err := <-kept; err != nil {
		s.o.Logger.ErrorContext(ctx, "operation not stored", "service", s.o.Name, "error", err)
		return registration.Operation{}, problem.Internal()
	}
	return op, nil
}

// Operation tells a device how far its operation came. An operation of another device is
// as unknown as one that never was.
func (s *Service) Operation(ctx context.Context, a Attested, id string) (registration.Operation, error) {
	if uuid.Validate(id) == nil { // an issue call's
		return registration.Operation{}, problem.OperationNotFound()
	}
	return s.operation(ctx, a, id)
}

func (s *Service) operation(ctx context.Context, a Attested, id string) (registration.Operation, error) {
	if err := s.o.Quota.Poll(ctx, a.At, enrollment.Fold(a.RegistrationID)); err != nil { // [DPS-LIMIT-002]
		return registration.Operation{}, err
	}
	op, err := s.await(ctx, id)
	if errors.Is(err, registration.ErrNotFound) {
		return registration.Operation{}, problem.OperationNotFound()
	}
	if err != nil {
		return registration.Operation{}, err
	}
	poll := Poll{Operation: op, Own: SameRegistration(op.RegistrationID, a.RegistrationID)}
	Polled.Hit(ctx, s.o.Points, a.At, &poll)
	if !poll.Own { // [DPS-HTTPS-026]
		return registration.Operation{}, problem.OperationNotFound()
	}
	return poll.Operation, nil
}

// await returns the operation, holding an early poll until it settles or PollHold is over.
func (s *Service) await(ctx context.Context, id string) (registration.Operation, error) {
	s.mu.Lock()
	run := s.running[id]
	s.mu.Unlock()
	if run == nil {
		return s.o.Registrations.Operation(ctx, id, s.Now())
	}
	if s.o.PollHold > 0 {
		hold := s.o.Clock.NewTimer(s.o.PollHold)
		defer hold.Stop()
		select {
		case <-run.settled:
		case <-hold.C():
		case <-ctx.Done():
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return run.operation, nil
}

// Lookup returns the device's record, without registering it (device-api.md 1.1).
func (s *Service) Lookup(ctx context.Context, a Attested) (registration.Record, error) {
	r, err := s.o.Registrations.Get(ctx, a.RegistrationID)
	if errors.Is(err, registration.ErrNotFound) {
		return r, problem.RegistrationNotFound()
	}
	return r, err
}

// newOperationID has the captured shape, {digit}.{16 hex}.{guid}, and cannot be guessed
// (device-api.md 1.5).
func newOperationID() string { // [DPS-HTTPS-034] [DPS-HTTPS-035] [DPS-MQTT-071] [DPS-SEC-004]
	var b [8]byte
	rand.Read(b[:]) // never fails
	return "5." + hex.EncodeToString(b[:]) + "." + uuid.NewString()
}
