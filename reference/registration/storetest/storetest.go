// Package storetest is the contract of a registration.Store as a test. Every store runs
// it, as enrollment's stores run theirs.
package storetest

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/reference/registration"
)

// Test runs the contract. open returns an empty store, and closes it with the test.
func Test(t *testing.T, open func(t *testing.T) registration.Store) {
	for _, part := range []struct {
		about string
		test  func(*testing.T, registration.Store)
	}{
		{"keeps every member", keepsEveryMember},
		{"ids compare without regard to case", idsCompareWithoutCase},
		{"put compares the etag", putComparesETags},
		{"delete compares the etag", deleteComparesETags},
		{"of many writers one wins", oneWriterWins},
		{"list group goes on where it ended", listGoesOn},
		{"operations are kept for their time", operationsHaveTheirTime},
	} {
		t.Run(part.about, func(t *testing.T) { part.test(t, open(t)) })
	}
}

var day = time.Date(2030, 1, 2, 3, 4, 5, 678900000, time.UTC)

func record(id, etag string) registration.Record {
	return registration.Record{
		RegistrationID: id, Attestation: dps.AttestationSymmetricKey, ETag: etag, Created: day, Updated: day,
		Status: dps.StatusAssigned, Substatus: dps.SubstatusInitialAssignment, Hub: "hub-a", DeviceID: id,
	}
}

func put(t *testing.T, s registration.Store, r registration.Record, was string) {
	t.Helper()
	if err := s.Put(t.Context(), r, was); err != nil {
		t.Fatalf("put %q: %v", r.RegistrationID, err)
	}
}

// holds asserts that the store answers want for the id.
func holds(t *testing.T, s registration.Store, id string, want registration.Record) {
	t.Helper()
	got, err := s.Get(t.Context(), id)
	if err != nil {
		t.Fatalf("get %q: %v", id, err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("get %q:\n got %+v\nwant %+v", id, got, want)
	}
}

// gone asserts that the store has no such record.
func gone(t *testing.T, s registration.Store, id string) {
	t.Helper()
	if got, err := s.Get(t.Context(), id); !errors.Is(err, registration.ErrNotFound) {
		t.Errorf("get %q: %+v, %v; want ErrNotFound", id, got, err)
	}
}

// fails asserts the error of a write.
func fails(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}
