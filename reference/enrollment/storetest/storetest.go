// Package storetest is the contract of an enrollment.Store as a test. Every store runs it:
//
//	func TestMemory(t *testing.T) {
//		storetest.Test(t, func(*testing.T) enrollment.Store { return enrollment.NewMemory() })
//	}
package storetest

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/reference/enrollment"
)

// Test runs the contract. open returns an empty store, and closes it with the test.
func Test(t *testing.T, open func(t *testing.T) enrollment.Store) {
	for _, part := range []struct {
		about string
		test  func(*testing.T, enrollment.Store)
	}{
		{"keeps every member", keepsEveryMember},
		{"ids compare without regard to case", idsCompareWithoutCase},
		{"kinds are apart", kindsAreApart},
		{"create takes new ids only", createTakesNewIDs},
		{"replace compares the etag", replaceComparesETags},
		{"delete compares the etag", deleteComparesETags},
		{"list goes on where it ended", listGoesOn},
		{"symmetric key groups", symmetricKeyGroups},
		{"signing groups", signingGroups},
		{"of many writers one wins", oneWriterWins},
	} {
		t.Run(part.about, func(t *testing.T) { part.test(t, open(t)) })
	}
}

var day = time.Date(2030, 1, 2, 3, 4, 5, 678900000, time.UTC)

// record is a plain individual enrollment.
func record(id, etag string) enrollment.Enrollment {
	return enrollment.Enrollment{
		Kind: enrollment.Individual, ID: id, ETag: etag, Created: day, Updated: day,
		Attestation: enrollment.Attestation{Type: dps.AttestationSymmetricKey, SymmetricKey: enrollment.SymmetricKey{
			Primary: []byte("primary key of " + id), Secondary: []byte("secondary key of " + id),
		}},
	}
}

func group(id, etag string, a enrollment.Attestation) enrollment.Enrollment {
	e := record(id, etag)
	e.Kind, e.Attestation = enrollment.Group, a
	return e
}

func create(t *testing.T, s enrollment.Store, list ...enrollment.Enrollment) {
	t.Helper()
	for _, e := range list {
		if err := s.Create(t.Context(), e); err != nil {
			t.Fatalf("create %s %q: %v", e.Kind, e.ID, err)
		}
	}
}

// holds asserts that the store answers want for the id.
func holds(t *testing.T, s enrollment.Store, id string, want enrollment.Enrollment) {
	t.Helper()
	got, err := s.Get(t.Context(), want.Kind, id)
	if err != nil {
		t.Fatalf("get %s %q: %v", want.Kind, id, err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("get %s %q:\n got %+v\nwant %+v", want.Kind, id, got, want)
	}
}

// gone asserts that the store has no such record.
func gone(t *testing.T, s enrollment.Store, k enrollment.Kind, id string) {
	t.Helper()
	if got, err := s.Get(t.Context(), k, id); !errors.Is(err, enrollment.ErrNotFound) {
		t.Errorf("get %s %q: %+v, %v; want ErrNotFound", k, id, got, err)
	}
}

// fails asserts the error of a write.
func fails(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}
